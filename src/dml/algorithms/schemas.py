"""Shapes on the wire. An `In` is what a client may send; an `Out` is what it gets."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator

from dml.accounts.models import DataKind
from dml.algorithms.models import AlgorithmKind, AlgorithmState, VersionState
from dml.algorithms.rules import DATA_KINDS
from dml.core.ids import AlgorithmId, BountyId, UserId, VersionId
from dml.core.money import ONE_TOKEN, AmountIn, AmountOut, MicroTokens
from dml.core.wire import Body, Text, Unique, Wire, example
from dml.edge.paging import Paging
from dml.inference import spec

DEVICE_FEE_MAX: Final = MicroTokens(1_000_000 * ONE_TOKEN)
LABELS_MAX: Final = 1_000
TAGS_MAX: Final = 20


def _check_device_fee(fee: MicroTokens) -> MicroTokens:
    if fee > DEVICE_FEE_MAX:
        raise ValueError(f"must be at most {DEVICE_FEE_MAX // ONE_TOKEN} tokens")
    return fee


Tag = Annotated[Text, Field(max_length=40)]
Label = Annotated[Text, Field(max_length=100)]


class AlgorithmIn(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Handwritten digits",
                    "summary": "Tells which digit a photo shows.",
                    "model_card": "# Digits\n\nTrained on MNIST; 99 % right on its test set.",
                    "kind": "image",
                    "tags": ["digits", "mnist"],
                    "data_kind": "photo",
                    "device_fee": "0.05",
                    "labels": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
                }
            ]
        }
    )

    title: Text = Field(max_length=200)
    summary: Text = Field(max_length=500)
    model_card: Text = Field(description="Markdown: what it was trained on, and how good it is.")
    kind: AlgorithmKind
    tags: Annotated[list[Tag], Unique] = Field([], max_length=TAGS_MAX)
    data_kind: DataKind = Field(DataKind.PHOTO, description="What a device must have for it.")
    device_fee: Annotated[AmountIn, AfterValidator(_check_device_fee)] = Field(
        description="What you earn for each device that ran it: at most 1000000 tokens."
    )
    labels: Annotated[list[Label], Unique] = Field(
        min_length=1, max_length=LABELS_MAX, description="In the order of the model's output."
    )

    @field_validator("data_kind")
    @classmethod
    def _fits_the_kind(cls, data_kind: DataKind, info: ValidationInfo) -> DataKind:
        """No device could ever make an image of a sound."""
        kind = info.data.get("kind")
        if kind is not None and data_kind not in DATA_KINDS[kind]:
            allowed = ", ".join(sorted(DATA_KINDS[kind]))
            raise ValueError(f"must be one of {allowed} where kind is {kind}")
        return data_kind


class ApprovedVersionOut(Wire):
    """What a job can pin."""

    id: VersionId
    number: int


class AlgorithmOut(Wire):
    id: AlgorithmId
    developer_id: UserId
    title: str
    summary: str
    model_card: str
    kind: AlgorithmKind
    tags: list[str]
    data_kind: DataKind
    device_fee: AmountOut
    labels: list[str]
    state: AlgorithmState
    approved_version: ApprovedVersionOut | None = Field(
        description="The newest approved version; `null` while there is none."
    )
    created_at: datetime


class AlgorithmsWanted(Paging):
    kind: AlgorithmKind | None = None
    tag: Tag | None = None
    mine: bool = Field(False, description="Your own, in every state.")
    state: AlgorithmState | None = Field(
        None, description="Other states than `listed` are for moderators, and for your own."
    )


class RefusalOut(Wire):
    code: str = Field(examples=["model.output_count"])
    detail: str = Field(description="What is wrong, and what to mend.")


class OriginOut(Wire):
    """The bounty that a model was entered into, and how it did there."""

    bounty_id: BountyId
    bounty_name: str
    place: int | None = Field(description="`null` where another submission was its final one.")
    score: float | None = Field(description="The private score of a place; else the public one.")
    metric: str | None = Field(description="`null` where the winners were named by hand.")


class VersionOut(Wire):
    id: VersionId
    algorithm_id: AlgorithmId
    number: int
    state: VersionState
    input_spec: dict[str, Any] = Field(examples=[dict(spec.EXAMPLE)])
    sha256: str
    size: int = Field(description="In bytes.")
    signature: dict[str, Any] | None = Field(
        description="The inputs and outputs that the check found in the graph."
    )
    refusals: list[RefusalOut] = Field(description="Why the check refused the file.")
    review_reason: str | None
    recall_reason: str | None = Field(
        description="Why nobody may run it any more, once it was recalled."
    )
    origin: OriginOut | None = Field(description="The bounty that it was entered into, if any.")
    created_at: datetime
    checked_at: datetime | None
    reviewed_at: datetime | None
    recalled_at: datetime | None


class VersionToReviewOut(VersionOut):
    algorithm_title: str
    developer_id: UserId
    labels: list[str]


class VersionsWanted(Paging):
    state: VersionState = VersionState.IN_REVIEW


class ReasonIn(Body):
    model_config = example(reason="The model card does not say what the model was trained on.")

    reason: Text = Field(
        max_length=2_000,
        description="Shown to the developer.",
        examples=["The model card does not say what the model was trained on."],
    )


class OptionalReasonIn(Body):
    model_config = example(reason="It does what its card says.")

    reason: Text | None = Field(None, max_length=2_000, description="Shown to the developer.")
