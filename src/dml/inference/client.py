"""The clean process that forks locked children, from the side of who asks it. Blocking.

It knows nothing of what is asked: `runner` asks about models, others of what they read.
"""

import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from dml.inference import frames
from dml.inference.outcome import Ending, Limits, Place
from dml.inference.signature import Reason, Refused, quoted

START_SECONDS: Final = 60
ENDING_SECONDS: Final = 0.5  # in which a process that was killed is seen to have ended
CODE_MAX, DETAIL_MAX = 100, 2000  # letters of a reason, from a child that may have been taken over
GRACE_SECONDS: Final = 30  # beyond the wall limit, until the zygote itself is held for hung

_BOOT: Final = """
import importlib, sys
if sys.argv[1] not in sys.path:
    sys.path.insert(0, sys.argv[1])
importlib.import_module(sys.argv[2]).main()
"""
_ROOT: Final = str(
    Path(__file__).resolve().parents[2]
)  # of the package: a checkout's src, or site-packages
_ENVIRONMENT: Final = {
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",  # a process that forks must have no threads
    "OPENBLAS_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
}
_INHERITED: Final = ("LD_LIBRARY_PATH",)  # without it some interpreters don't even start


class Unsafe(Exception):
    """The sandbox does not hold on this machine, so nothing is run; the message says why."""


class SandboxFailed(Exception):
    """The platform's fault, and never that of what it was given: try again, later or elsewhere."""


class ChildFailed(SandboxFailed):
    """A child broke down over what it was given: once it may be the machine's fault, twice not.

    `reason` is what is then said against it.
    """

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Faults:
    """What is said against whatever was given to a child that took too much, or broke down."""

    too_slow: Reason
    too_much_memory: Reason
    crashed: str  # a code


class Client:
    """Has requests done, each in a locked child of its own. Thread-safe.

    Raises Refused, Unsafe or SandboxFailed. Close it, or use it in a `with`.
    """

    def __init__(
        self, module: str, environment: Mapping[str, str] | None = None, *, at_once: int = 1
    ) -> None:
        """`module` has the zygote's `main`; `environment` is what it knows beside the usual.

        Who asks while `at_once` others do waits.
        """
        self._module, self._environment = module, dict(environment or {})
        self._places = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and with it what is in flight, which fails as SandboxFailed."""
        self._closed = True
        with self._lock:
            if self._zygote is not None:
                self._discard(self._zygote)

    def self_test(self) -> str | None:
        """Why the sandbox does not hold on this machine, or None where it does."""
        if sys.platform != "linux":
            return "it needs Linux"
        return self._running().unsafe

    def ask(
        self,
        header: Mapping[str, Any],
        parts: Sequence[frames.Part],
        limits: Limits,
        faults: "Faults",
    ) -> tuple[dict[str, Any], list[bytes]]:
        """A child's answer, or Refused. If the zygote dies meanwhile, a new one is asked, once."""
        seconds = limits.wall_seconds + GRACE_SECONDS
        request = {**header, "limits": asdict(limits)}
        with self._places:
            for _ in range(2):
                zygote = self._running()
                if zygote.unsafe is not None:
                    raise Unsafe(f"The sandbox does not hold here: {zygote.unsafe}")
                try:
                    values, (output,) = zygote.ask(request, parts, seconds)
                    break
                except (frames.Broken, OSError):
                    zygote.has_ended(within_seconds=ENDING_SECONDS)  # or only its attendant did
            else:
                raise SandboxFailed("The sandbox's process ended twice while it was at this.")
        return _answer(values, output, faults)

    def _running(self) -> "_Zygote":
        """The zygote; a new one where there is none or it has ended."""
        with self._lock:
            if self._closed:
                raise SandboxFailed("The sandbox has been closed.")
            if self._zygote is not None and self._zygote.has_ended():
                self._discard(self._zygote)
            if self._zygote is None:
                self._zygote = _Zygote(self._module, self._environment)
            return self._zygote

    def _discard(self, zygote: "_Zygote") -> None:
        zygote.close()
        self._zygote = None


class _Zygote:
    """The other process, from here. It is handed a connection for each request."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
            # -I: no PYTHON* variables, no user's packages, no working directory in the path.
            [sys.executable, "-I", "-B", "-c", _BOOT, _ROOT, module],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={
                **_ENVIRONMENT,
                **environment,
                **{key: os.environ[key] for key in _INHERITED if key in os.environ},
            },
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; the zygote ends when its input does
        )
        theirs.close()
        assert self._process.stderr is not None
        self._stderr = self._process.stderr
        try:
            with self._killed_after(START_SECONDS), self._control.makefile("rb") as answers:
                values, _ = frames.read(answers)
        except frames.Broken as error:
            self.kill()
            last_words = self._stderr.read()[-500:].decode(errors="replace").strip()
            self.close()
            raise SandboxFailed(f"The sandbox's process does not start: {last_words}") from error
        if "failed" in values:
            self.close()
            raise SandboxFailed(f"The sandbox's process does not start: {values['failed']}")
        self.unsafe: str | None = values["unsafe"]

    def ask(
        self, request: Mapping[str, Any], parts: Sequence[frames.Part], seconds: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer; frames.Broken or OSError where the process ends, or takes too long."""
        ours, theirs = socket.socketpair()
        with self._killed_after(seconds), ours:
            with theirs:
                socket.send_fds(self._control, [b"."], [theirs.fileno()])
            with ours.makefile("rwb") as connection:
                frames.write(connection, request, parts)
                return frames.read(connection)

    def has_ended(self, *, within_seconds: float = 0) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_seconds)
        return self._process.returncode is not None

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.kill()
        self._process.wait()
        self._control.close()
        self._stderr.close()

    @contextlib.contextmanager
    def _killed_after(self, seconds: float) -> Any:
        """A read or write that waits for a hung process ends when the process does."""
        timer = threading.Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _broke_down(faults: Faults, detail: str, how: str) -> ChildFailed:
    what = f"What handled it broke down {how}, here and once more. Write it anew, in a plainer way."
    return ChildFailed(f"The sandbox failed: {detail}", Reason(faults.crashed, what))


def _raised(faults: Faults, detail: str, place: Place | None = None) -> ChildFailed:
    """Of what was raised only the kind is told, and where: the words may quote hidden rows."""
    kind = detail.partition(":")[0][:80]
    if place is None:
        return _broke_down(faults, detail, f"with {kind}")
    row = None if place.row is None else f"row {place.row}"
    column = None if place.column is None else f"column {quoted(place.column)}"
    at = " of ".join(filter(None, (row, column)))
    where = f"{at and f'at {at} '}(reading {place.phase[:CODE_MAX]})"
    return _broke_down(faults, f"{detail} {where}", f"with {kind} {where}")


def _answer(
    values: Mapping[str, Any], output: bytes, faults: Faults
) -> tuple[dict[str, Any], list[bytes]]:
    ending, detail = values["ending"], values["detail"]
    match ending:
        case Ending.ANSWERED:
            pass
        case Ending.TOO_SLOW:
            raise Refused([faults.too_slow])
        case Ending.TOO_MUCH_MEMORY:
            raise Refused([faults.too_much_memory])
        case Ending.TOO_MUCH_OUTPUT:
            raise Refused([Reason(faults.crashed, "It gave more output than it could mean.")])
        case Ending.CRASHED:
            raise Refused([Reason(faults.crashed, f"The process that ran it ended {detail}.")])
        case Ending.RAISED:
            raise _raised(faults, detail)
        case Ending.KILLED:
            raise _broke_down(faults, detail, "as if it took more memory than there is")
        case _:
            raise SandboxFailed(f"The sandbox failed: {ending}, {detail}")
    try:
        header, parts = frames.read(io.BytesIO(output))
        said = header.get("reasons", ())
        reasons = [Reason(str(code)[:CODE_MAX], str(text)[:DETAIL_MAX]) for code, text in said]
        broke_down = _place_in(header)
    except (frames.Broken, KeyError, TypeError, ValueError) as error:
        raise _broke_down(faults, "no answer", "without an answer that makes sense") from error
    if broke_down is not None:
        raise _raised(faults, *broke_down)
    if reasons:
        raise Refused(reasons)
    return header, parts


def _place_in(header: Mapping[str, Any]) -> tuple[str, Place] | None:
    """What was raised in the child, and where, if anything was; ValueError for nonsense."""
    if "broke_down" not in header:
        return None
    detail, place = str(header["broke_down"])[:DETAIL_MAX], Place(**header["place"])
    texts = (place.phase, *([] if place.column is None else [place.column]))
    if not all(isinstance(it, str) for it in texts) or type(place.row) not in (int, type(None)):
        raise ValueError("a place has texts and a number")
    return detail, place
