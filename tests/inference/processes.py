"""What /proc tells of other processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def children_of(parent: int) -> set[int]:
    """The processes that it started and that still run; zombies do not."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, its_parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:  # it has just ended
                continue
            if int(its_parent) == parent and state not in "ZX":
                found.add(int(folder.name))
    return found


def runs(process: int) -> bool:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def a_child_of(parent: int) -> int:
    """Whichever child it has first."""
    seen: set[int] = set()

    def look() -> set[int]:
        seen.update(children_of(parent))
        return seen

    wait_until(look)
    return seen.pop()


def lasting_child_of(parent: int) -> int:
    """The child that is still there after a while, so not the one of a zygote's self-test."""
    while True:
        child = a_child_of(parent)
        time.sleep(0.3)
        if runs(child):
            return child


def my_new_children(before: set[int]) -> set[int]:
    return children_of(os.getpid()) - before
