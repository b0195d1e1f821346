"""How a process ends, with threads of a native library that hold something yet."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from dml import ending

# The loop lets the store's thread rest where it wants the interpreter's lock again. Meanwhile the
# program ends, and Python's own end takes a second.
STORING: Final = """
import asyncio, time
from obstore.store import MemoryStore
from dml import ending

class Loop(asyncio.SelectorEventLoop):
    def call_soon_threadsafe(self, *told, **named):
        handle = super().call_soon_threadsafe(*told, **named)
        time.sleep(0.2)
        return handle

class Last:
    def __del__(self, sleep=time.sleep):
        sleep(1)

asyncio.last = Last()  # Nobody else holds it.

async def store():
    kept = MemoryStore()
    await kept.put_async("name", b"content")
    async for some in (await kept.get_async("name")).stream():
        pass

def main():
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(store())
    print("stored")

"""

ENDS: Final = """
import atexit, logging, sys, threading, time
from dml import ending

def late():
    time.sleep(0.1)
    print("waited for")

def main():
    atexit.register(print, "told at exit")
    threading.Thread(target=late).start()
    {what}

ending.run(main)
"""

PRINTS: Final = """
from dml import ending

def main():
    print("told")

ending.run(main)
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_thread_of_a_store_does_not_abort_who_ends() -> None:
    ended = run(STORING + "ending.run(main)")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "stored\n", "")


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        ("return 0", 0, ""),
        ("return None", 0, ""),
        ("return 3", 3, ""),
        ("sys.exit(4)", 4, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('words')", 1, "words\n"),
        ("raise KeyboardInterrupt", ending.INTERRUPTED, "KeyboardInterrupt"),
        ("raise LookupError('of something')", 1, "LookupError: of something"),
    ],
)
def test_the_exit_code_and_all_that_is_done_at_the_end_are_pythons(
    what: str, code: int, told: str
) -> None:
    ended = run(ENDS.format(what=what))
    assert (ended.returncode, ended.stdout) == (code, "waited for\ntold at exit\n")
    assert told in ended.stderr


def test_output_that_cannot_be_written_is_no_success() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", PRINTS],
            stdout=full,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            timeout=60,
            check=False,
        )
    assert ended.returncode == ending.NOT_WRITTEN
