"""The process of which APIs, workers and the chain process are forks (`supervisor.nursery`).

It imports what they share, and no more: what only one of them needs, that one imports. It starts
no thread and opens no connection, which a fork would break. Garbage is not looked for meanwhile: a
start leaves none (docs/decisions/0009), and to look would change each page that is to be shared.
"""

import contextlib
import gc
import importlib
import sys
from pathlib import Path

gc.disable()
sys.modules["rich"] = None  # type: ignore[assignment]  # structlog would import it: 60 ms.

from dml import ending  # noqa: E402 - once those are off
from dml.entrypoints import server, settings_read  # noqa: E402 - once those are off
from dml.entrypoints.supervisor import nursery  # noqa: E402 - once those are off
from dml.entrypoints.supervisor.console import refuse  # noqa: E402 - once those are off
from dml.refused import Refused  # noqa: E402 - once those are off


def main() -> int:
    """Import, fork, and in each fork run what was ordered."""
    server.make_ahead()
    gc.freeze()
    name = nursery.await_birth()
    gc.enable()
    with contextlib.suppress(OSError):  # For `top`: their command lines are all alike.
        Path("/proc/self/comm").write_text(f"dml {name}")
    module = importlib.import_module(f"dml.entrypoints.{name}")
    try:
        return int(module.run(settings_read.read()))
    except Refused as refusal:
        return refuse(refusal)


if __name__ == "__main__":
    ending.run(main)
