"""How long a second start of `dml up` takes to `/readyz`, against what importing takes alone.

    python -m benchmarks.start

In a home of its own, with the defaults of this machine and Python's own cache of what it compiled,
which whoever starts twice has. The memory is that of every process that `dml up` runs, once it has
been idle: shared pages divided among those who share them (PSS), and counted for each (RSS), which
is what `ps` tells and more than is taken. So is the processor time.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import processor
from dml.entrypoints.embedded import places

IMPORTS: Final = "import fastapi, sqlalchemy, asyncpg"
ROUNDS: Final = 5
SETTLE_SECONDS: Final = 25.0  # Until it rests as long as it ever does (`core.looking`).
IDLE_SECONDS: Final = 20.0
_NOT_CACHED: Final = "PYTHONDONTWRITEBYTECODE"
_DML: Final = (str(Path(sys.executable).with_name("dml")),)


def measure(*, rounds: int = ROUNDS, idle_seconds: float = IDLE_SECONDS) -> dict[str, float]:
    """Start and import in turns, so that both see the same machine; medians of each.

    `start_seconds`, `import_seconds`, `ratio`; `idle_…` of the last start.
    """
    starts, imports = list[float](), list[float]()
    with _home() as environment:
        _stop(_start(environment)[0])  # The first start: makes the cluster, migrates.
        for number in range(rounds):
            imports.append(_import())
            process, seconds = _start(environment)
            starts.append(seconds)
            if number == rounds - 1:
                time.sleep(SETTLE_SECONDS)
                before, begun = processor.of_trees([process.pid]), time.monotonic()
                time.sleep(idle_seconds)
                taken = processor.of_trees([process.pid]) - before
                idle = 100 * taken / (time.monotonic() - begun)
                pss, rss = _memory_mb(process.pid)
            _stop(process)
    start, alone = statistics.median(starts), statistics.median(imports)
    return {
        "start_seconds": round(start, 3),
        "import_seconds": round(alone, 3),
        "ratio": round(start / alone, 2),
        "idle_pss_mb": round(pss, 1),
        "idle_rss_mb": round(rss, 1),
        "idle_core_percent": round(idle, 2),
    }


def _import() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - begun


def _start(environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], float]:
    """Start, and wait until `/readyz` answers with 200."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*_DML, "up"], env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    url = f"http://127.0.0.1:{environment['DML_PORT']}/readyz"
    while time.perf_counter() - begun < 120:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return process, time.perf_counter() - begun
        assert process.poll() is None, "`dml up` ended"
        time.sleep(0.005)
    raise TimeoutError(url)


def _stop(process: subprocess.Popen[bytes]) -> None:
    time.sleep(1)  # Until the last child is up: to stop in the midst of a start is no start.
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)


def _memory_mb(root: int) -> tuple[float, float]:
    """The memory of a process and of all that come from it: PSS and RSS."""
    children = defaultdict[int, list[int]](list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            children[int(fields[1])].append(int(path.parent.name))
    total, waiting = {"Pss:": 0, "Rss:": 0}, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        with contextlib.suppress(OSError):  # One that has ended meanwhile holds nothing.
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                kind, *told = line.split()
                if kind in total:
                    total[kind] += int(told[0])
    return total["Pss:"] / 1024, total["Rss:"] / 1024


@contextlib.contextmanager
def _home() -> Iterator[dict[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="dmlbench-", dir="/tmp"))
    folder.chmod(0o755)  # As root, PostgreSQL runs as somebody who must be able to enter.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {
        name: it
        for name, it in os.environ.items()
        if not name.startswith("DML_") and name != _NOT_CACHED
    }
    environment = {**inherited, "DML_HOME": str(folder / "home"), "DML_PORT": str(port)}
    try:
        yield environment
    finally:
        subprocess.run([*_DML, "down"], env=environment, check=True, stdout=subprocess.DEVNULL)
        site = places.find(folder / "home")
        if site is not None and site.place.parent == places.SHARED:
            shutil.rmtree(site.place)
        shutil.rmtree(folder)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
