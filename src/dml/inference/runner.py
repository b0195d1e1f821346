"""What server and agent call to check a model or to run it. Blocking: use `asyncio.to_thread`.

Starting takes a second, a check or a run from then on some ten milliseconds beside the model's own
time, so keep one `Sandbox` for as long as the process lives.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dml.inference import frames
from dml.inference.behaviour import PROBES, PROBING_SECONDS_MOST, SAMPLES, Behaviour, Sample
from dml.inference.client import ChildFailed, Client, Faults, SandboxFailed, Unsafe
from dml.inference.outcome import Limits
from dml.inference.passport import BATCH, MEASURING_SECONDS, Passport
from dml.inference.signature import (
    MODEL_BYTES_MAX,
    Reason,
    Refused,
    Signature,
    from_dict,
    too_large,
)
from dml.inference.spec import NUMBERS, InputSpec, input_shape, to_dict

__all__ = ["Allowance", "ChildFailed", "Refused", "Sandbox", "SandboxFailed", "Unsafe"]

CHUNK_BYTES: Final = 64 << 20  # of items that go to one child
MEMORY_PER_MODEL_BYTE: Final = 5  # two are needed to parse and load one; more to lay it out anew
MEMORY_PER_ITEM_BYTE: Final = 4
# A single thread can't use more processor time than passes; the rest is for a busy machine.
WALL_PER_CPU_SECOND: Final = 3
MEASURED_MAX: Final = 1 << 40  # milliseconds, or bytes; more is nonsense
FAULTS: Final = Faults(
    too_slow=Reason("model.too_slow", "It took too much processor time. Make the model smaller."),
    too_much_memory=Reason(
        "model.too_much_memory", "It asked for too much memory. Make the model smaller."
    ),
    crashed="model.crashed",
)

Labels = NDArray[np.int32]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one check, or one run, may take of processor time and memory before it is refused.

    `item_seconds` come on top for each item of a run. Memory comes on top of what the model and
    the items themselves make necessary.
    """

    seconds: float = 30
    item_seconds: float = 1
    memory_bytes: int = 2 << 30


class Sandbox(Client):
    """Runs strangers' models in processes of their own, `at_once` at the same time. Thread-safe.

    One that never `checks` needs no onnx, as on a device, and starts sooner.
    Raises Refused (the model's fault), Unsafe or SandboxFailed. Close it, or use it in a `with`.
    """

    def __init__(
        self, allowance: Allowance | None = None, *, at_once: int = 1, checks: bool = True
    ) -> None:
        module = "dml.inference.zygote" if checks else "dml.inference.running"
        super().__init__(module, at_once=at_once)
        self._checks = checks
        self._allowance = allowance or Allowance()

    def check(
        self,
        model: frames.Part,
        spec: InputSpec,
        label_count: int,
        *,
        seconds: float | None = None,
    ) -> Signature:
        """The signature of a model that may run, fits the spec and has a column for each label.

        `seconds` are what it may take where that is less than the allowance.
        """
        return self._check(model, spec, label_count, seconds)[0]

    def examine(
        self,
        model: frames.Part,
        spec: InputSpec,
        label_count: int,
        *,
        seconds: float | None = None,
    ) -> tuple[Signature, Passport | None]:
        """As `check`, and what running it takes; None where that could not be measured."""
        signature, digest = self._check(model, spec, label_count, seconds)
        header = {"verb": "measure", "spec": to_dict(spec)}
        batch_bytes = BATCH * math.prod(input_shape(spec)) * 4
        try:
            limits = self._limits(len(model), batch_bytes, 0, MEASURING_SECONDS)
            found, _ = self.ask(header, [model], limits, FAULTS)
            return signature, _passport(found, signature, len(model), digest)
        except (Refused, SandboxFailed):  # it passed its check, and no passport refuses it
            return signature, None

    def probe(self, model: frames.Part, spec: InputSpec, label_count: int) -> Behaviour | None:
        """How a model that passed its check answers the fixed pictures; None where that is not
        known, as it takes too long for a single batch of them.
        """
        header = {"verb": "probe", "spec": to_dict(spec), "label_count": label_count}
        batch_bytes = BATCH * math.prod(input_shape(spec)) * 4
        try:
            limits = self._limits(len(model), batch_bytes, 0, PROBING_SECONDS_MOST)
            found, parts = self.ask(header, [model], limits, FAULTS)
            # By another child, as this one may have been taken over by the model.
            shown, _ = self.ask({"verb": "show", "spec": to_dict(spec)}, [], limits, FAULTS)
            return _behaviour(found, parts, shown["pictures"], label_count)
        except (Refused, SandboxFailed):  # it passed its check, and this refuses nothing
            return None

    def _check(
        self, model: frames.Part, spec: InputSpec, label_count: int, seconds: float | None
    ) -> tuple[Signature, str]:
        assert self._checks, "this one was started to run models alone"
        _refuse_too_large(model)
        header = {"verb": "check", "spec": to_dict(spec), "label_count": label_count}
        limits = self._limits(len(model), 0, 0, seconds)
        answer, _ = self.ask(header, [model], limits, FAULTS)
        try:
            return from_dict(answer["signature"]), str(answer["digest"])
        except (KeyError, TypeError, ValueError) as error:
            raise SandboxFailed("The child gave no signature.") from error

    def predict(
        self,
        model: bytes,
        spec: InputSpec,
        items: NDArray[Any],
        label_count: int | None = None,
    ) -> tuple[Labels, Probabilities]:
        """Each item's most probable label, as its place among the labels, and its probability.

        With a `label_count`, a model that names a label beyond is refused: a run trusts no check.
        Without one, of two labels that share a column none can be told.
        """
        _refuse_too_large(model)
        shape = input_shape(spec)
        if items.shape[1:] != shape:
            raise ValueError(f"items have the shape (n, {shape}), not {items.shape}")
        if spec.type == "uint8" and items.dtype != np.uint8:  # others would be cut, not rounded
            raise ValueError(f"items are of uint8, not {items.dtype}")
        chunk = max(1, CHUNK_BYTES // (4 * math.prod(shape)))
        answers = [
            self._predict_chunk(model, spec, items[start : start + chunk], label_count)
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
        self,
        model: bytes,
        spec: InputSpec,
        items: NDArray[Any],
        label_count: int | None,
    ) -> tuple[Labels, Probabilities]:
        data = np.ascontiguousarray(items, NUMBERS[spec.type])
        about = {"spec": to_dict(spec), "shape": data.shape, "label_count": label_count}
        header = {"verb": "predict", **about}
        limits = self._limits(len(model), data.nbytes, len(data))
        _, parts = self.ask(header, [model, data.reshape(-1).view(np.uint8).data], limits, FAULTS)
        if [len(part) for part in parts] != [4 * len(data)] * 2:
            raise SandboxFailed("The child gave no label for some of the items.")
        return np.frombuffer(parts[0], "<i4"), np.frombuffer(parts[1], "<f4")

    def _limits(
        self, model_bytes: int, item_bytes: int, item_count: int, most: float | None = None
    ) -> Limits:
        allowed = self._allowance
        seconds = math.ceil(allowed.seconds + allowed.item_seconds * item_count)
        if most is not None:
            seconds = min(seconds, math.ceil(most))
        return Limits(
            cpu_seconds=seconds,
            wall_seconds=seconds * WALL_PER_CPU_SECOND,
            memory_bytes=allowed.memory_bytes
            + MEMORY_PER_MODEL_BYTE * model_bytes
            + MEMORY_PER_ITEM_BYTE * item_bytes,
        )


def _passport(
    found: Mapping[str, Any], signature: Signature, size: int, digest: str
) -> Passport | None:
    """What a child measured, which may have been taken over; None where it makes no sense."""
    try:
        one, whole = float(found["milliseconds_for_one"]), found["milliseconds_for_32"]
        whole = None if whole is None else float(whole)
        memory, speed = int(found["peak_memory_bytes"]), int(found["speed"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not all(
        math.isfinite(it) and 0 <= it < MEASURED_MAX for it in (one, whole or 0, memory, speed)
    ):
        return None
    return Passport(
        operators=signature.operators,
        parameters=signature.parameters,
        download_bytes=size,
        peak_memory_bytes=memory,
        milliseconds_for_one=one,
        milliseconds_for_32=whole,
        runs_agree=found.get("digest") == digest,
        speed=speed,
    )


def _behaviour(
    found: Mapping[str, Any], parts: list[bytes], pictures: list[str], label_count: int
) -> Behaviour | None:
    """What a child answered, which may have been taken over; None where it makes no sense.

    `pictures` are the samples as the model saw them.
    """
    try:
        said = [[(int(it[0]), float(it[1])) for it in each] for each in found["samples"]]
        answers, confidences = np.frombuffer(parts[0], "<u2"), np.frombuffer(parts[1], "<f4")
    except (IndexError, KeyError, TypeError, ValueError, OverflowError):
        return None
    places = [*answers.tolist(), *(place for each in said for place, _ in each)]
    shares = [*confidences.tolist(), *(share for each in said for _, share in each)]
    sensible = (
        0 < len(answers) == len(confidences) <= PROBES
        and len(said) == len(SAMPLES)
        and all(0 <= it < label_count for it in places)
        and all(0 <= it <= 1 for it in shares)  # NaN is none of these
    )
    if not sensible:
        return None
    named = zip(SAMPLES, pictures, said, strict=True)
    samples = tuple(Sample(name, it, tuple(labels)) for name, it, labels in named)
    return Behaviour(tuple(answers.tolist()), tuple(confidences.tolist()), samples)


def _refuse_too_large(model: frames.Part) -> None:
    if len(model) > MODEL_BYTES_MAX:  # before it is copied anywhere
        raise Refused([too_large(len(model))])
