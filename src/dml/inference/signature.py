"""What the guard answers: the signature of a model that may run, or every reason why it may not."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

MODEL_BYTES_MAX: Final = 512 << 20
MODEL_BYTES_BEFORE: Final = 256 << 20  # What agents of before version 2 of the spec took.
REASONS_MAX: Final = 20  # more would not help anyone, and a hostile file could give a million
QUOTED_MAX: Final = 60
SHOWN_MAX: Final = 8  # axes


class Reason(NamedTuple):
    """`code` is stable, `model.…`; `detail` says what is wrong and how to put it right."""

    code: str
    detail: str


class Refused(Exception):
    """The model is at fault, for these reasons: at least one, each once."""

    def __init__(self, reasons: Iterable[Reason]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))[:REASONS_MAX]
        assert self.reasons
        super().__init__("; ".join(f"{code}: {detail}" for code, detail in self.reasons))

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(reason.code for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output. A dimension that is not fixed is its name, or None without one."""

    name: str
    type: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class Signature:
    """Read from the graph. `operators` counts nodes, `parameters` the numbers in weights.

    `spec_version` is the least version of an input spec whose agents load it and read its output.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    opset: Mapping[str, int]
    ir_version: int
    operators: Mapping[str, int]
    parameters: int
    spec_version: int = 1

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` takes back, and JSON can hold."""
        data = asdict(self)
        for tensor in (*data["inputs"], *data["outputs"]):
            tensor["shape"] = None if tensor["shape"] is None else list(tensor["shape"])
        return {**data, "inputs": list(data["inputs"]), "outputs": list(data["outputs"])}


def from_dict(data: Mapping[str, Any]) -> Signature:
    """The signature that `to_dict` gave; ValueError, KeyError or TypeError for anything else."""
    return Signature(
        inputs=tuple(_tensor(each) for each in data["inputs"]),
        outputs=tuple(_tensor(each) for each in data["outputs"]),
        opset={str(key): int(value) for key, value in dict(data["opset"]).items()},
        ir_version=int(data["ir_version"]),
        operators={str(key): int(value) for key, value in dict(data["operators"]).items()},
        parameters=int(data["parameters"]),
        spec_version=int(data["spec_version"]),
    )


def too_large(size: int) -> Reason:
    """Said before the file is copied anywhere, and by the guard itself."""
    most = MODEL_BYTES_MAX >> 20
    return Reason("model.too_large", f"It has {size >> 20} MiB; {most} are allowed. Quantise it.")


def quoted(text: str) -> str:
    """Text out of a hostile file, fit to be shown: short, and without control characters."""
    return ascii(text[:QUOTED_MAX]) + ("..." if len(text) > QUOTED_MAX else "")


def shown(shape: tuple[int | str | None, ...] | None) -> str:
    """A shape as people write it."""
    if shape is None:
        return "nowhere stated"
    sizes = [
        quoted(each)[1:-1] if isinstance(each, str) else "?" if each is None else str(each)
        for each in shape[:SHOWN_MAX]
    ]
    return f"[{', '.join(sizes)}{', …' if len(shape) > SHOWN_MAX else ''}]"


def _tensor(data: Mapping[str, Any]) -> Tensor:
    shape = data["shape"]
    if shape is not None:
        if not all(each is None or type(each) in (int, str) for each in shape):
            raise ValueError("a dimension is a number, a name or nothing")
        shape = tuple(shape)
    return Tensor(str(data["name"]), str(data["type"]), shape)
