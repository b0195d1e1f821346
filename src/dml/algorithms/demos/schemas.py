"""Shapes of demos on the wire."""

import base64
from typing import Any, Final

from pydantic import Field

from dml.algorithms.demos.rules import LABELS_SHOWN_MAX
from dml.algorithms.demos.trying import Demo
from dml.core.ids import VersionId
from dml.core.wire import Parameters, Wire


class DemoQuery(Parameters):
    version_id: VersionId | None = Field(
        None,
        description="Which version. Default: the newest approved one. Its developer and moderators "
        "may name one that only passed its check.",
    )
    labels: int = Field(
        5, ge=1, le=LABELS_SHOWN_MAX, description="How many labels to tell, at most."
    )
    min_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        description="As of a job: with a lower confidence of its best label an item is uncertain.",
    )


class DemoLabelOut(Wire):
    """A label, and how sure the model is of it."""

    label: str = Field(description="One of the algorithm's labels.")
    confidence: float = Field(description="The probability that the model gives it, from 0 to 1.")


class DemoOut(Wire):
    """What a version made of a sample."""

    version_id: VersionId = Field(description="The version that was run.")
    version_number: int = Field(description="Versions of an algorithm are numbered from 1 on.")
    input: str | None = Field(
        description="What the model saw: a PNG of the pixels that it was given, as a `data:` URL. "
        "`null` where its input spec makes the same number of every pixel."
    )
    labels: list[DemoLabelOut] = Field(description="The most probable labels, the best first.")
    counted_as: str | None = Field(
        description="The label under which a device would count it; `null`: it would be uncertain."
    )
    prepare_milliseconds: float = Field(description="How long it took to read the sample.")
    run_milliseconds: float = Field(description="How long it took to load and run the model.")


def _lists(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_NUMBERS: Final = _lists({"type": "number"})
# What is sent as JSON. It is read in the sandbox: a schema of its length would hold up the server.
TENSOR_SCHEMA: Final[dict[str, Any]] = {
    "title": "DemoTensor",
    "description": "One item, as the version's input spec says.",
    "type": "object",
    "additionalProperties": False,
    "required": ["tensor"],
    "properties": {
        "tensor": {
            "anyOf": [_NUMBERS, _lists(_NUMBERS), _lists(_lists(_NUMBERS))],
            "description": "Numbers, in lists within lists: the item's shape, without the axis of "
            "the batch.",
        }
    },
}


def shaped(demo: Demo) -> DemoOut:
    picture = base64.b64encode(demo.seen).decode()
    labels = [DemoLabelOut(label=it.label, confidence=it.confidence) for it in demo.guesses]
    return DemoOut(
        version_id=demo.version.id,
        version_number=demo.version.number,
        input=f"data:image/png;base64,{picture}" if picture else None,
        labels=labels,
        counted_as=labels[0].label if demo.is_certain else None,
        prepare_milliseconds=round(demo.took.prepare_seconds * 1_000, 1),
        run_milliseconds=round(demo.took.run_seconds * 1_000, 1),
    )
