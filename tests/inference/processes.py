"""What /proc tells of other processes."""

import os
import time
from collections.abc import Callable, Iterator
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


def locked_child_of(zygote: int) -> int:
    """What runs a model: a child of the process that attends to the request."""
    return lasting_child_of(lasting_child_of(zygote))


def memory_of(process: int) -> Iterator[bytes]:
    """All that it could read of what was ever written: each of its writable maps."""
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        at, rights, _ = line.split(maxsplit=2)
        start, end = (int(each, 16) for each in at.split("-"))
        if "w" in rights:
            with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
                memory.seek(start)
                yield memory.read(end - start)


def my_new_children(before: set[int]) -> set[int]:
    return children_of(os.getpid()) - before
