"""How a server is born and how it dies."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dml.entrypoints.embedded import folders, locks
from dml.entrypoints.embedded.accounts import ENVIRONMENT, Account
from dml.refused import Refused

LOG_BYTES_MAX: Final = 10_000_000
_STARTS: Final = 2  # Ending at once may be bad luck once, not twice.

# What we spawned, and how it ended. A child that its parent forgets stays a zombie.
_running: set[int] = set()
_ended: dict[int, int] = {}


class NotReadyYet(Refused):
    """The server runs but does not answer yet, as in recovery. Calling again goes on waiting."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, where, and as whom.

    `script` is its standard input, at most a pipe's 64 KiB, which other users cannot see. `out` is
    a descriptor for its standard output, where only its errors shall go to the log.
    """

    command: Sequence[str | Path]
    folder: Path
    log: Path
    account: Account
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    script: str = ""
    out: int | None = None


def spawn(program: Program, *, lock: int) -> int:
    """Start a server that outlives us, and pass it the held lock. Return its pid."""
    reap()
    reader, writer = os.pipe()
    with open(writer, "w") as pipe:
        pipe.write(program.script)
    try:
        err = open_log(program.log)
        try:
            process = subprocess.Popen(  # noqa: S603 - our own commands, never a shell's line
                [str(part) for part in program.command],
                cwd=program.folder,
                env=program.environment,
                stdin=reader,
                stdout=err if program.out is None else program.out,
                stderr=err,
                pass_fds=[lock],
                start_new_session=True,
                umask=0o077,
                user=program.account.user,
                group=program.account.group,
                extra_groups=program.account.extra_groups,
            )
        finally:
            os.close(err)
    finally:
        os.close(reader)
        os.close(lock)
    process.returncode = 0  # We wait for it by its pid: Popen complains of one that outlives it.
    _running.add(process.pid)
    return process.pid


def open_log(log: Path) -> int:
    """Open a log for more lines; one that has grown too long begins anew."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.rename(log.with_name(log.name + ".old"))
    return folders.open_shared(log, os.O_WRONLY | os.O_APPEND)


def adopt(pid: int) -> None:
    """Wait for a child that was started by other means, too."""
    _running.add(pid)


def reap() -> None:
    """Let what we spawned and what has ended be gone, so that no zombie stays."""
    for pid in list(_running):
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # Somebody else in this process waited for it.
            done, status = pid, 0
        if done:
            _running.discard(pid)
            _ended[pid] = os.waitstatus_to_exitcode(status)


def exit_code(pid: int) -> int | None:
    """How a child of ours ended, as subprocess tells it. None where it runs or is not ours."""
    reap()
    return _ended.get(pid)


def await_ready(
    lock: Path,
    *,
    start: Callable[[int], object],
    problem: Callable[[], str],
    log: Path,
    deadline: float,
) -> None:
    """Start the server whenever nothing of it lives, until it has no problem. Adopts one that runs.

    `problem` says what is wrong, or nothing. `deadline` is of the monotonic clock.
    """
    starts = 0
    while True:
        descriptor = locks.claim(lock)
        if descriptor is not None:
            if starts == _STARTS:
                os.close(descriptor)
                raise Refused(f"{log.stem} ended at once; {log} closes with:\n{tail(log)}")
            start(descriptor)
            starts += 1
        reason = problem()
        if not reason:
            return
        if time.monotonic() > deadline:
            raise NotReadyYet(
                f"{log.stem} is not ready yet (it may be recovering: start again to wait on): "
                f"{reason}\n{log} closes with:\n{tail(log)}"
            )
        time.sleep(0.03)
        reap()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def stop(lock: Path, how: signal.Signals, *, account: Account, timeout: float) -> None:
    """Send the signal to whoever leads the lock's holders, and wait until none is left."""
    deadline, asked = time.monotonic() + timeout, set[locks.Process]()
    while locks.is_held(lock):
        if not any(process.lives for process in asked):  # To look into /proc each time is dear.
            for process in set(locks.heads(lock, account)) - asked:
                asked.add(process)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, how)
        if time.monotonic() > deadline:
            raise Refused(
                f"{lock.stem} did not stop in {timeout:.0f} s: see the logs in {lock.parent}"
            )
        time.sleep(0.02)
        reap()
