"""How a command ends: with which exit code, and why it was not done."""

from collections.abc import Mapping
from enum import IntEnum
from typing import ClassVar, Final


class ExitCode(IntEnum):
    """What a script can go by. `dml --help` and docs/guides/api.md show the same table."""

    DONE = 0
    NOT_DONE = 1
    WRONG_USAGE = 2
    NOT_REACHED = 3
    LOCK_LOST = 70
    INTERRUPTED = 130


MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.DONE: "done, and all is well",
    ExitCode.NOT_DONE: "not done, or something is wrong: the last lines say what",
    ExitCode.WRONG_USAGE: "wrong usage: no such command or option",
    ExitCode.NOT_REACHED: "the marketplace or its database could not be asked: try again later",
    ExitCode.LOCK_LOST: "a server's process lost its lock: start it again",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}


class Refused(RuntimeError):
    """Not done. The message says why, with the remedy: a command prints it, and nothing else."""

    exit_code: ClassVar[ExitCode] = ExitCode.NOT_DONE
