"""What server and agent call to check a model or to run it. Blocking: use `asyncio.to_thread`.

Starting takes a second, a check or a run from then on some ten milliseconds beside the model's own
time, so keep one `Sandbox` for as long as the process lives.
"""

import contextlib
import io
import math
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.inference import frames
from dml.inference.outcome import Ending, Limits
from dml.inference.signature import (
    MODEL_BYTES_MAX,
    Reason,
    Refused,
    Signature,
    from_dict,
    too_large,
)
from dml.inference.spec import InputSpec, input_shape, to_dict

__all__ = ["Allowance", "Refused", "Sandbox", "SandboxFailed", "Unsafe"]

CHUNK_BYTES: Final = 64 << 20  # of items that go to one child
MEMORY_PER_MODEL_BYTE: Final = 5  # two are needed to parse and load one; more to lay it out anew
MEMORY_PER_ITEM_BYTE: Final = 4
# A single thread can't use more processor time than passes; the rest is for a busy machine.
WALL_PER_CPU_SECOND: Final = 3
START_SECONDS: Final = 60
GRACE_SECONDS: Final = 30  # beyond the wall limit, until the zygote itself is held for hung

_BOOT: Final = """
import sys
if sys.argv[1] not in sys.path:
    sys.path.insert(0, sys.argv[1])
from dml.inference import zygote
zygote.main()
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

Labels = NDArray[np.int32]
Probabilities = NDArray[np.float32]


class Unsafe(Exception):
    """The sandbox does not hold on this machine, so nothing is run; the message says why."""


class SandboxFailed(Exception):
    """The platform's fault, and never the model's: try again, later or elsewhere."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one check, or one run, may take of processor time and memory before it is refused.

    `item_seconds` come on top for each item of a run. Memory comes on top of what the model and
    the items themselves make necessary.
    """

    seconds: float = 30
    item_seconds: float = 1
    memory_bytes: int = 2 << 30


class Sandbox:
    """Runs strangers' models in a process of their own. Thread-safe: one request after the other.

    Raises Refused (the model's fault), Unsafe or SandboxFailed. Close it, or use it in a `with`.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        self._allowance = allowance or Allowance()
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None
        self._closed = False

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and with it a request in flight, which fails as SandboxFailed."""
        self._closed = True
        if (zygote := self._zygote) is not None:
            zygote.kill()
        with self._lock:
            self._discard()

    def self_test(self) -> str | None:
        """Why the sandbox does not hold on this machine, or None where it does."""
        if sys.platform != "linux":
            return "it needs Linux"
        with self._lock:
            return self._running().unsafe

    def check(self, model: bytes, spec: InputSpec, label_count: int) -> Signature:
        """The signature of a model that may run, fits the spec and has a column for each label."""
        _refuse_too_large(model)
        header = {"verb": "check", "spec": to_dict(spec), "label_count": label_count}
        answer, _ = self._ask(header, [model], self._limits(len(model), 0, 0))
        try:
            return from_dict(answer["signature"])
        except (KeyError, TypeError, ValueError) as error:
            raise SandboxFailed("The child gave no signature.") from error

    def predict(
        self,
        model: bytes,
        spec: InputSpec,
        items: NDArray[np.float32],
        label_count: int | None = None,
    ) -> tuple[Labels, Probabilities]:
        """Each item's most probable label, as its place among the labels, and its probability.

        With a `label_count`, a model that names a label beyond is refused: a run trusts no check.
        """
        _refuse_too_large(model)
        shape = input_shape(spec)
        if items.shape[1:] != shape:
            raise ValueError(f"items have the shape (n, {shape}), not {items.shape}")
        chunk = max(1, CHUNK_BYTES // (4 * math.prod(shape)))
        answers = [
            self._predict_chunk(model, spec, items[start : start + chunk])
            for start in range(0, len(items), chunk)
        ]
        if not answers:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        each_labels, each_probabilities = zip(*answers, strict=True)
        labels, probabilities = np.concatenate(each_labels), np.concatenate(each_probabilities)
        if labels.min() < 0 or not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise SandboxFailed("The child's answer makes no sense.")
        if label_count is not None and labels.max() >= label_count:
            detail = f"It names label {labels.max()}, counted from 0, of {label_count}."
            raise Refused([Reason("model.output_count", detail)])
        return labels, probabilities

    def _predict_chunk(
        self, model: bytes, spec: InputSpec, items: NDArray[np.float32]
    ) -> tuple[Labels, Probabilities]:
        data = np.ascontiguousarray(items, "<f4")
        header = {"verb": "predict", "spec": to_dict(spec), "shape": data.shape}
        limits = self._limits(len(model), data.nbytes, len(data))
        _, parts = self._ask(header, [model, data.reshape(-1).view(np.uint8).data], limits)
        if [len(part) for part in parts] != [4 * len(data)] * 2:
            raise SandboxFailed("The child gave no label for some of the items.")
        return np.frombuffer(parts[0], "<i4"), np.frombuffer(parts[1], "<f4")

    def _limits(self, model_bytes: int, item_bytes: int, item_count: int) -> Limits:
        allowed = self._allowance
        seconds = math.ceil(allowed.seconds + allowed.item_seconds * item_count)
        return Limits(
            cpu_seconds=seconds,
            wall_seconds=seconds * WALL_PER_CPU_SECOND,
            memory_bytes=allowed.memory_bytes
            + MEMORY_PER_MODEL_BYTE * model_bytes
            + MEMORY_PER_ITEM_BYTE * item_bytes,
        )

    def _ask(
        self, header: Mapping[str, Any], parts: Sequence[frames.Part], limits: Limits
    ) -> tuple[dict[str, Any], list[bytes]]:
        """A child's answer. If the zygote dies meanwhile, a new one gets the request, once."""
        seconds = limits.wall_seconds + GRACE_SECONDS
        request = {**header, "limits": asdict(limits)}
        with self._lock:
            for _ in range(2):
                zygote = self._running()
                if zygote.unsafe is not None:
                    raise Unsafe(f"The sandbox does not hold here: {zygote.unsafe}")
                try:
                    told, (output,) = zygote.ask(request, parts, seconds)
                    break
                except (frames.Broken, OSError):
                    self._discard()
                except BaseException:  # Ctrl-C: or else the next one would get this one's answer
                    self._discard()
                    raise
            else:
                raise SandboxFailed("The sandbox's process ended twice while it was at this.")
        return _answer(told, output)

    def _running(self) -> "_Zygote":
        """The zygote; a new one where there is none or it has ended. Call with the lock held."""
        if self._closed:
            raise SandboxFailed("The sandbox has been closed.")
        if self._zygote is not None and self._zygote.has_ended():
            self._discard()
        if self._zygote is None:
            self._zygote = _Zygote()
        return self._zygote

    def _discard(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


class _Zygote:
    """The other process, from here. One request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
            # -I: no PYTHON* variables, no user's packages, no working directory in the path.
            [sys.executable, "-I", "-B", "-c", _BOOT, _ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT | {key: os.environ[key] for key in _INHERITED if key in os.environ},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; the zygote ends when its input does
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._stderr = self._process.stderr
        try:
            with self._killed_after(START_SECONDS):
                told, _ = frames.read(self._stdout)
        except frames.Broken as error:
            self.kill()
            last_words = self._stderr.read()[-500:].decode(errors="replace").strip()
            self.close()
            raise SandboxFailed(f"The sandbox's process does not start: {last_words}") from error
        if "failed" in told:
            self.close()
            raise SandboxFailed(f"The sandbox's process does not start: {told['failed']}")
        self.unsafe: str | None = told["unsafe"]

    def ask(
        self, request: Mapping[str, Any], parts: Sequence[frames.Part], seconds: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer; frames.Broken or OSError where the process ends, or takes too long."""
        with self._killed_after(seconds):
            frames.write(self._stdin, request, parts)
            return frames.read(self._stdout)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.kill()
        self._process.wait()
        for file in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):  # what was not yet written
                file.close()

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


def _refuse_too_large(model: bytes) -> None:
    if len(model) > MODEL_BYTES_MAX:  # before it is copied anywhere
        raise Refused([too_large(len(model))])


_REFUSALS: Final[Mapping[str, Reason]] = {
    Ending.TOO_SLOW: Reason(
        "model.too_slow", "It took too much processor time. Make the model smaller."
    ),
    Ending.TOO_MUCH_MEMORY: Reason(
        "model.too_much_memory", "It asked for too much memory. Make the model smaller."
    ),
    Ending.TOO_MUCH_OUTPUT: Reason("model.crashed", "It gave more output than it could mean."),
}


def _answer(told: Mapping[str, Any], output: bytes) -> tuple[dict[str, Any], list[bytes]]:
    ending, detail = told["ending"], told["detail"]
    if ending in _REFUSALS:
        raise Refused([_REFUSALS[ending]])
    if ending == Ending.CRASHED:
        raise Refused([Reason("model.crashed", f"The process that ran it ended {detail}.")])
    if ending != Ending.ANSWERED:
        raise SandboxFailed(f"The sandbox failed: {ending}, {detail}")
    try:
        header, parts = frames.read(io.BytesIO(output))
        reasons = [Reason(str(code), str(text)) for code, text in header.get("reasons", ())]
    except (frames.Broken, TypeError, ValueError) as error:
        raise SandboxFailed("The child's answer makes no sense.") from error
    if reasons:
        raise Refused(reasons)
    return header, parts
