"""The page that tells operators what is counted: written from the list of metrics.

python -m dml.entrypoints.metrics_page docs/metrics.md
"""

import sys
from pathlib import Path
from typing import Final

from dml.core import metrics
from dml.core.metric_kinds import Gauge, Metric
from dml.entrypoints.measuring import INVARIANTS

HEAD: Final = """\
# What is counted

Written by `make openapi` from `src/dml/core/metrics.py`: edit that. A test fails where they differ.

`GET /metrics` answers in Prometheus's text format: to whoever asks on the machine itself, and to
whoever sends the token of `DML_METRICS_TOKEN`. To others it is not there. It is the sum over all
processes of that machine ([decision 9](decisions/0009-several-processes-on-one-port.md)): scrape
each machine once, not each process. Counters go on when a process ends or is restarted. Gauges are
what the processes that live found last; some are of the whole marketplace and said by each machine
alike, so that Prometheus takes `max` of them, not `sum`: the table says which.

No label holds an id, an address or a path that somebody chose: a route is its pattern
(`/v1/jobs/{job_id}`), and what no route answers is `none`. Nothing is computed at a scrape.
[Observing](operations/observing.md) tells how to read them; `deploy/monitoring/` has alerts and a
dashboard.

"""
_INVARIANTS: Final = """
## The invariants

A worker looks every five minutes. Anything above 0 is a bug, or somebody wrote to the database:
`dml doctor` names what is wrong.

| invariant | broken where |
| --- | --- |
"""


def written() -> str:
    """Return the page."""
    rows = "".join(_row(it) for it in metrics.everything())
    head = "| metric | kind | labels | counts |\n| --- | --- | --- | --- |\n"
    broken = "".join(f"| `{name}` | {wrong} |\n" for name, wrong in INVARIANTS.items())
    return f"{HEAD}{head}{rows}{_INVARIANTS}{broken}"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{it}`" for it in metric.labels) or "–"
    kind = f"gauge, `{metric.of_several}`" if isinstance(metric, Gauge) else metric.kind
    return f"| `{metric.name}` | {kind} | {labels} | {metric.help} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written())
