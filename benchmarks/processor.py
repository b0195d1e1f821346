"""How much processor time processes took, from /proc: theirs, not the machine's."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")


def of_trees(roots: Iterable[int]) -> float:
    """The processor time of these processes and all below them, ended ones too, in seconds."""
    return sum(_taken(pid) for root in roots for pid in _tree(root))


def _tree(root: int) -> list[int]:
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        if fields := _fields(stat):
            below.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [root]
    for pid in found:  # It grows while it is gone through.
        found += below.get(pid, [])
    return found


def _taken(pid: int) -> float:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return sum(int(it) for it in fields[11:15]) / _TICK if fields else 0.0


def _fields(stat: Path) -> list[str]:
    """The fields after the name, which may hold anything: state, parent, …; none if it is gone."""
    try:
        return stat.read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
