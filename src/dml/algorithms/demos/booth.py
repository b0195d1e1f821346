"""Where models are tried: by children of this process's own zygote, one request after the other."""

import asyncio
import math
import time
from array import array
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dml.algorithms.demos import rules
from dml.core.late_client import LateClient
from dml.inference import spec
from dml.inference.client import ChildFailed, Client, Faults, SandboxFailed, Unsafe
from dml.inference.frames import Part
from dml.inference.outcome import Limits
from dml.inference.signature import Reason, Refused

ZYGOTE: Final = "dml.inference.trying"
# 12 megapixels take 0.2 s, and 89, the most that is read, 300 MB.
SAMPLE_LIMITS: Final = Limits(cpu_seconds=5, wall_seconds=20, memory_bytes=768 << 20)
MODEL_LIMITS: Final = Limits(cpu_seconds=10, wall_seconds=30, memory_bytes=1 << 30)
MEMORY_PER_MODEL_BYTE: Final = 5  # As everywhere where one is run (`inference/runner.py`).
SAMPLE_FAULTS: Final = Faults(
    too_slow=Reason("sample.too_slow", "It takes too long to read. Save it anew, or smaller."),
    too_much_memory=Reason(
        "sample.too_much_memory", "It takes too much memory to read. Save it anew, or smaller."
    ),
    crashed="sample.crashed",
)
MODEL_FAULTS: Final = Faults(
    too_slow=Reason("model.too_slow", f"It took more than {MODEL_LIMITS.cpu_seconds} seconds."),
    too_much_memory=Reason("model.too_much_memory", "It asked for too much memory."),
    crashed="model.crashed",
)
WRONG_TENSOR: Final = "sample.wrong_tensor"  # What the child says.
PNG: Final = b"\x89PNG\r\n\x1a\n"
PNG_BYTES_MAX: Final = 16 << 20  # 2048 by 2048 pixels that can't be compressed have 12 MiB.
WAITING_MOST: Final = 8
BUSY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: how the model is told, on a `photo` or a `tensor` that is read when it is its
    turn, as is the model.
    """

    input_spec: Mapping[str, Any]
    label_count: int
    kind: str
    today: str
    read: Callable[[], bytes]
    load: Callable[[], Awaitable[bytes]]


@dataclass(slots=True)
class Took:
    """How long the children were at work, whatever came of it."""

    prepare_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        return self.prepare_seconds + self.run_seconds

    def forget(self) -> None:
        """Charge nothing: it failed through our fault."""
        self.prepare_seconds = self.run_seconds = 0.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What the model saw, as PNG or empty where it can't be shown; each label's probability."""

    seen: bytes
    shares: list[float]


class Booth:
    """Tries models on samples."""

    def __init__(self) -> None:
        self._child = LateClient(ZYGOTE)

    async def run(self, trial: Trial, took: Took) -> Tried:
        """Return what the model makes of the sample; or refuse either of them, or for now."""
        busy = rules.DemosBusy(retry_after_seconds=BUSY_SECONDS)
        async with self._child.turn(most=WAITING_MOST, busy=busy) as client:
            try:
                sample = await asyncio.to_thread(trial.read)
                item, seen = await asyncio.to_thread(_prepare, client, trial, sample, took)
                model = await trial.load()
                shares = await asyncio.to_thread(_run, client, trial, model, item, took)
            except rules.DemosOff:
                took.forget()
                raise
        rules.require_sane(shares, trial.label_count)
        return Tried(seen, shares)

    async def close(self) -> None:
        """End the zygote, if there is one."""
        await self._child.close()


def _prepare(client: Client, trial: Trial, sample: bytes, took: Took) -> tuple[bytes, bytes]:
    """Blocking. Return the item that the model takes, and a picture of it."""
    header = {"verb": trial.kind, "spec": dict(trial.input_spec), "today": trial.today}
    began = time.perf_counter()
    try:
        item, seen = _ask(client, header, [sample], (SAMPLE_LIMITS, SAMPLE_FAULTS))
    except Refused as refused:
        why = refused.reasons[0].detail
        if WRONG_TENSOR in refused.codes:
            raise rules.BadTensor(why=why, errors=[{"pointer": "/tensor", "detail": why}]) from None
        raise rules.SampleUnreadable(why=why) from None
    except ValueError:
        raise rules.SampleUnreadable(why="Reading it gave nothing.") from None
    finally:
        took.prepare_seconds = time.perf_counter() - began
    told = spec.read(dict(trial.input_spec))
    size = math.prod(spec.input_shape(told)) * (1 if told.type == "uint8" else 4)
    is_picture = not seen or (seen.startswith(PNG) and len(seen) <= PNG_BYTES_MAX)
    if len(item) != size or not is_picture:
        raise rules.SampleUnreadable(why="Reading it gave nothing that makes sense.")
    return item, seen


def _run(client: Client, trial: Trial, model: bytes, item: bytes, took: Took) -> list[float]:
    """Blocking. Return the probability of each label."""
    count = trial.label_count
    header = {"verb": "shares", "spec": dict(trial.input_spec), "label_count": count}
    most = MODEL_LIMITS.memory_bytes + MEMORY_PER_MODEL_BYTE * len(model)
    limits = Limits(MODEL_LIMITS.cpu_seconds, MODEL_LIMITS.wall_seconds, most)
    began = time.perf_counter()
    try:
        (shares,) = _ask(client, header, [model, item], (limits, MODEL_FAULTS))
        return array("f", shares).tolist()
    except Refused as refused:
        raise rules.ModelFailed(why=refused.reasons[0].detail) from None
    except ValueError:
        raise rules.ModelFailed(why="Its answer makes no sense.") from None
    finally:
        took.run_seconds = time.perf_counter() - began


def _ask(
    client: Client, header: Mapping[str, Any], parts: list[Part], within: tuple[Limits, Faults]
) -> list[bytes]:
    """A child that broke down is asked once more: the machine may be at fault."""
    try:
        try:
            return client.ask(header, parts, *within)[1]
        except ChildFailed:
            return client.ask(header, parts, *within)[1]
    except ChildFailed as failed:
        raise Refused([failed.reason]) from failed
    except (SandboxFailed, Unsafe, OSError) as failed:
        raise rules.DemosOff(retry_after_seconds=60) from failed
