"""Running one function in a locked child with limits, and proving that the lock holds.

What counts is not what was set but what is stopped: `self_test` tries to get out, and the zygote
runs nothing where one attempt succeeds. Fork only from the zygote: a process with threads or
secrets would hand both to the child.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import resource
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

from dml.inference import lockdown
from dml.inference.outcome import Ending, Limits, RunOutcome

SELF_TEST_LIMITS: Final = Limits(cpu_seconds=5, wall_seconds=20, memory_bytes=256 << 20)

_EXIT_RAISED, _EXIT_NO_MEMORY, _EXIT_NOT_LOCKED = 70, 71, 72
_READ_BYTES: Final = 1 << 20
_DETAIL_MAX: Final = 1000
_MOMENTS, _MOMENT_SECONDS = 1000, 0.001

_FORBIDDEN: Final = (errno.EPERM, errno.EACCES)
_SCRATCH: Final = "/tmp/dml-sandbox-self-test"  # noqa: S108 - holds nothing, and is soon gone
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE: Final = 0x4206  # unlike ATTACH it stops nobody, where it succeeds


class HungUp(Exception):
    """Whoever asked is gone, so the child was killed."""


def run(
    function: Callable[[], bytes],
    limits: Limits,
    *,
    hang_up: int | None = None,
    lock: lockdown.Lock = lockdown.lock,
) -> RunOutcome:
    """Call the function in a locked child and bring back its bytes.

    `hang_up` is a file descriptor that becomes readable only when nobody waits any longer: HungUp.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if child == 0:
        _in_child(function, limits, parent, writer, lock)
    os.close(writer)
    try:
        output, stopped = _collect(reader, limits, hang_up)
        if stopped is None and not _ends(child):
            stopped = Ending.TOO_SLOW
    finally:
        os.close(reader)
        # Harmless where it has ended: its id stays its own until it has been waited for.
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return _outcome(status, output) if stopped is None else RunOutcome(stopped)


def self_test(lock: lockdown.Lock = lockdown.lock, *, threads: bool = False) -> str | None:
    """None where the sandbox holds on this machine, else which attempts to get out succeeded.

    With `threads`, a thread of its own is what the child must be able to start.
    """
    # More than the whole limit: what the child frees of its parent's memory is no escape.
    too_much = lockdown.in_use() + SELF_TEST_LIMITS.memory_bytes + (64 << 20)

    def attempt_all() -> bytes:
        return "\n".join(_escapes(too_much, threads=threads)).encode()

    outcome = run(attempt_all, SELF_TEST_LIMITS, lock=lock)
    if outcome.ending is not Ending.ANSWERED:
        return f"it could not be set up ({outcome.ending}: {outcome.detail})"
    return outcome.output.decode().replace("\n", ", ") or None


def _in_child(
    function: Callable[[], bytes],
    limits: Limits,
    parent: int,
    writer: int,
    lock: lockdown.Lock,
) -> NoReturn:
    """Never returns: the child must not go on with what the zygote was about to do."""
    code, output = _EXIT_NOT_LOCKED, b""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.closerange(3, writer)
        os.closerange(writer + 1, max(4096, writer + 2))
        _volunteer_for_the_oom_killer()
        lockdown.bound(limits.memory_bytes, limits.cpu_seconds)
        lock(parent)
        code = _EXIT_RAISED
        output = function()
        code = 0
    except MemoryError:
        code = _EXIT_NO_MEMORY
    except BaseException as error:
        output = f"{type(error).__name__}: {error!s:.500}".encode(errors="replace")
    finally:
        with contextlib.suppress(BaseException):
            rest = memoryview(output)
            while rest:
                rest = rest[os.write(writer, rest) :]
        os._exit(code)


def _volunteer_for_the_oom_killer() -> None:
    """Where the machine runs short, the kernel shall end this child and not the database."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _collect(reader: int, limits: Limits, hang_up: int | None) -> tuple[bytes, Ending | None]:
    """All that the child writes, and why it must be stopped if it must."""
    output = bytearray()
    deadline = time.monotonic() + limits.wall_seconds
    watched = [reader] if hang_up is None else [reader, hang_up]
    while True:
        left = deadline - time.monotonic()
        ready = select.select(watched, [], [], left)[0] if left > 0 else []
        if hang_up in ready:
            raise HungUp
        if not ready:
            return b"", Ending.TOO_SLOW
        piece = os.read(reader, _READ_BYTES)
        if not piece:
            return bytes(output), None
        output += piece
        if len(output) > limits.output_bytes:
            return b"", Ending.TOO_MUCH_OUTPUT


def _ends(child: int) -> bool:
    """Whether it ends soon after it closed its pipe, as any but a taken-over one does."""
    for _ in range(_MOMENTS):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        time.sleep(_MOMENT_SECONDS)
    return False


def _outcome(status: int, output: bytes) -> RunOutcome:
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return RunOutcome(Ending.ANSWERED, output)
    detail = output.decode(errors="replace")[:_DETAIL_MAX]
    endings: dict[int, tuple[Ending, str]] = {
        -signal.SIGXCPU: (Ending.TOO_SLOW, ""),
        -signal.SIGKILL: (Ending.KILLED, "it was killed, or the machine ran out of memory"),
        _EXIT_NO_MEMORY: (Ending.TOO_MUCH_MEMORY, ""),
        _EXIT_RAISED: (Ending.RAISED, detail),
        _EXIT_NOT_LOCKED: (Ending.NOT_LOCKED, detail),
    }
    crash = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    ending, detail = endings.get(code, (Ending.CRASHED, crash))
    return RunOutcome(ending, detail=detail)


def _escapes(too_much: int, *, threads: bool) -> list[str]:
    """Try, inside, whatever must not work, and tell what did. Harmless even then."""
    attempts: dict[str, Callable[[], object]] = {
        "open": lambda: os.close(os.open("/etc/passwd", os.O_RDONLY)),
        "write": _write,
        "list": lambda: os.listdir("/"),
        "stat": lambda: os.stat("/etc/passwd"),
        "socket": lambda: socket.socket().close(),
        "unix socket": socket.socketpair,
        "exec": lambda: os.execv("/nonexistent", ["nothing"]),  # noqa: S606 - must fail
        "fork": _fork,
        "thread": _thread,
        "kill": lambda: os.kill(os.getppid(), 0),
        "kill a thread": lambda: _call("tgkill", os.getppid(), os.getppid(), 0),
        "ptrace": lambda: _call("ptrace", _PTRACE_SEIZE, os.getppid(), 0, 0),
        "set limits": lambda: _call("prlimit", 0, resource.RLIMIT_CORE, bytes(16), None),
        "memory": lambda: mmap.mmap(-1, too_much).close(),
    }
    results = {name: _attempt(attempt, name) for name, attempt in attempts.items()}
    if threads:
        results["thread"] = None if results["thread"] == "succeeded" else "was refused"
    return [f"{name} {what}" for name, what in results.items() if what is not None]


def _attempt(attempt: Callable[[], object], name: str) -> str | None:
    """None where it was refused. Only a refusal counts: "no such file" is no sandbox."""
    try:
        attempt()
    except MemoryError:
        return "ran out of memory"
    except RuntimeError as error:
        return None if name == "thread" else repr(error)  # "can't start new thread"
    except OSError as error:
        refused = error.errno in ((errno.ENOMEM,) if name == "memory" else _FORBIDDEN)
        return None if refused else f"was not refused ({error.strerror})"
    return "succeeded"


def _write() -> None:
    os.close(os.open(_SCRATCH, os.O_CREAT | os.O_WRONLY))
    os.unlink(_SCRATCH)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _call(name: str, *arguments: int | bytes | None) -> None:
    if getattr(_LIBC, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
