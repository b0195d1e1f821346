"""What a marketplace does just now, in a terminal: the files behind `/metrics`, looked at twice."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from dml.core import metrics
from dml.core.metric_kinds import Histogram
from dml.core.metrics import Totals
from dml.core.settings import Settings
from dml.entrypoints import wiring
from dml.refused import ExitCode, Refused

SHARE: Final = 0.95  # Of the requests that took at most so long as is shown.


@dataclass(frozen=True, slots=True)
class Look:
    """All that was counted at a moment, by the machine's clock that only goes on."""

    at: float
    totals: Totals


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what it is of, what it says, and in which unit."""

    about: str
    name: str
    value: float
    unit: str


def run(settings: Settings, *, seconds: float, times: int, as_json: bool) -> int:
    """Show the figures again and again. Return the exit code."""
    folder = wiring.metrics_folder(settings)
    if not folder.is_dir():
        raise Refused(f"nothing was ever counted in {folder}: start it with `dml up`")
    console = Console()
    try:
        if as_json:
            for lines in _looks(folder, seconds, times):
                console.print_json(as_object(lines))
        else:
            with Live(console=console, auto_refresh=False) as live:
                for lines in _looks(folder, seconds, times):
                    live.update(as_table(lines), refresh=True)
    except KeyboardInterrupt:
        pass
    return ExitCode.DONE


def _looks(folder: Path, seconds: float, times: int) -> Iterator[Sequence[Line]]:
    before, count = look(folder), 0
    while times == 0 or count < times:
        time.sleep(seconds)
        now = look(folder)
        yield lines_of(before, now)
        before, count = now, count + 1


def look(folder: Path) -> Look:
    """Look at what is counted."""
    return Look(time.monotonic(), metrics.totals(folder))


def lines_of(before: Look, now: Look) -> list[Line]:
    """Return the figures of the time between two looks, and of the second one's moment."""
    since = _Since(before, now)
    return [
        *(_now(now, metrics.PROCESSES.name, "processes", "")),
        Line("requests", "all", since.rate(metrics.REQUESTS.name), "/s"),
        Line("requests", "5xx", since.rate(metrics.REQUESTS.name, "5xx"), "/s"),
        Line("requests", "95 % within", since.within(metrics.REQUEST_SECONDS), "s"),
        Line("devices", "all", since.rate(metrics.DEVICE_REQUESTS.name), "/s"),
        Line("devices", "95 % within", since.within(metrics.DEVICE_SECONDS), "s"),
        Line("devices", "results counted", since.rate(metrics.RESULTS_FOLDED.name), "/s"),
        Line("refused", "for overload", since.rate(metrics.REFUSED_FOR_OVERLOAD.name), "/s"),
        *_now(now, metrics.INBOX_LENGTH.name, "results that wait", ""),
        *_now(now, metrics.QUEUE_DEPTH.name, "queues, how many wait", "", only_some=True),
        *_now(now, metrics.QUEUE_AGE.name, "queues, the oldest", "s", only_some=True),
        *_now(now, metrics.DURABLE.name, "durable processes", ""),
        *_now(now, metrics.POOL.name, "connections", ""),
        Line("event loops", "95 % late by", since.within(metrics.LOOP_LAG), "s"),
        *_now(now, metrics.WITHDRAWALS_OPEN.name, "withdrawals", ""),
        *_now(now, metrics.CHAIN_LAG.name, "chain, blocks not read", ""),
        *_now(now, metrics.VIOLATIONS.name, "broken invariants", "", only_some=True),
    ]


def _now(now: Look, name: str, about: str, unit: str, *, only_some: bool = False) -> Iterator[Line]:
    """A line for each row of a gauge; with `only_some`, for those that are not 0."""
    for labels, values in sorted(now.totals.get(name, {}).items()):
        if values[0] or not only_some:
            yield Line(about, " ".join(labels) or "all", values[0], unit)


class _Since:
    """What was counted between two looks."""

    def __init__(self, before: Look, now: Look) -> None:
        self._before, self._now = before.totals, now.totals
        self._seconds = max(1e-3, now.at - before.at)

    def rate(self, name: str, label: str | None = None) -> float:
        """How much of it a second, over all rows or those with a label."""
        rows = self._now.get(name, {})
        grown = sum(
            values[0] - self._before.get(name, {}).get(labels, [0.0])[0]
            for labels, values in rows.items()
            if label is None or label in labels
        )
        return max(0.0, grown) / self._seconds

    def within(self, metric: Histogram) -> float:
        """How long nearly all took at most: the bound of the bucket that they end in."""
        buckets = [0.0] * (len(metric.buckets) + 1)
        before: Mapping[tuple[str, ...], list[float]] = self._before.get(metric.name, {})
        for labels, values in self._now.get(metric.name, {}).items():
            known = before.get(labels, [0.0] * len(values))
            for index in range(min(len(buckets), len(values) - 1)):
                buckets[index] += max(0.0, values[index] - known[index])
        total, reached = sum(buckets), 0.0
        for bound, number in zip((*metric.buckets, float("inf")), buckets, strict=True):
            reached += number
            if total and reached >= SHARE * total:
                return min(bound, metric.buckets[-1])
        return 0.0


def as_object(lines: Sequence[Line]) -> str:
    """Write the figures as JSON: `{about: {name: value}}`."""
    said = dict[str, dict[str, float]]()
    for it in lines:
        said.setdefault(it.about, {})[it.name] = round(it.value, 4)
    return json.dumps(said)


def as_table(lines: Sequence[Line]) -> Table:
    """Write them for people."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("")
    table.add_column("")
    table.add_column("", justify="right")
    about = ""
    for it in lines:
        table.add_row("" if it.about == about else it.about, it.name, _told(it))
        about = it.about
    return table


def _told(line: Line) -> str:
    value = line.value
    text = f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
    return f"{text} {line.unit}".rstrip() if line.unit != "/s" else f"{text}/s"
