"""How a process of ours ends: with its exit code, whatever threads of native libraries still do.

A thread of obstore hands its result over and then wants the interpreter's lock once more. If the
program ends in that moment, Python before 3.14 ends such a thread inside of native code, which
aborts the whole process: a backup that was verified ended with 134, about one in thirty.
"""

import atexit
import logging
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

FAILED: Final = 1  # As Python says of an exception.
NOT_WRITTEN: Final = 120  # As Python says where its last output was lost.
INTERRUPTED: Final = 130  # As shells say of Ctrl-C.


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a program, and end this process with what it returns, raises or exits with.

    All happens as at any end of Python, threads that are waited for and `atexit` included, up to
    where the interpreter itself would go.
    """
    code = FAILED

    def leave() -> None:
        logging.shutdown()  # Its own turn would come after ours.
        os._exit(code if _flush() else NOT_WRITTEN)

    atexit.register(leave)  # The first of them all: the last to run.
    try:
        code = main() or 0
    except SystemExit as end:
        code = _as_code(end.code)
        raise
    except KeyboardInterrupt:
        code = INTERRUPTED
        raise
    raise SystemExit(code)


def _flush() -> bool:
    """Write what waits. False if it cannot be written: to a full disk, say."""
    written = True
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            try:
                stream.flush()
            except OSError:
                written = False
    return written


def _as_code(code: object) -> int:
    """Return what Python makes of what `sys.exit` was given. It prints what is no number."""
    if code is None:
        return 0
    return code if isinstance(code, int) else FAILED
