"""Shapes on the wire. An `Out` is what a client gets; the others are what it may send."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from dml.accounts.models import DataKind
from dml.accounts.schemas import PublicName
from dml.algorithms.models import AlgorithmKind, AlgorithmState, SuspendedBy, VersionState
from dml.algorithms.moderation.reasons import ReasonCode
from dml.algorithms.rules import DATA_KINDS
from dml.core.db import Shown
from dml.core.ids import AlgorithmId, BountyId, UserId, VersionId
from dml.core.money import ONE_TOKEN, AmountIn, AmountOut, MicroTokens
from dml.core.wire import Body, Line, LongProse, Prose, Unique, Wire, example
from dml.edge.etags import RevisionTeller
from dml.inference import spec

DEVICE_FEE_MAX: Final = MicroTokens(1_000_000 * ONE_TOKEN)
LABELS_MAX: Final = 1_024  # ImageNet's, with the background that TensorFlow adds, are 1,001.
TAGS_MAX: Final = 20


def _check_device_fee(fee: MicroTokens) -> MicroTokens:
    if fee > DEVICE_FEE_MAX:
        raise ValueError(f"must be at most {DEVICE_FEE_MAX // ONE_TOKEN} tokens")
    return fee


Tag = Annotated[Line, Field(max_length=40)]


CARD: Final = (
    "What the model was trained on, and how good it is: Markdown of at most 20,000 bytes. On its "
    "page raw HTML shows as text, and a picture as its description."
)
# A page renders it, and the worst of more than a long text takes too long.
Card = Annotated[LongProse, Field(description=CARD)]
Label = Annotated[Line, Field(max_length=100)]


class AlgorithmCreate(Body):
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

    title: Line = Field(max_length=200)
    summary: Prose = Field(max_length=500, description="What it does, in a sentence or two.")
    model_card: Card
    kind: AlgorithmKind = Field(description="What its model takes as input.")
    tags: Annotated[list[Tag], Unique] = Field(
        [], max_length=TAGS_MAX, description="Words to find it by."
    )
    data_kind: DataKind = Field(
        DataKind.PHOTO, description="The kind of data on a device that its model is run over."
    )
    device_fee: Annotated[AmountIn, AfterValidator(_check_device_fee)] = Field(
        description="What you earn for each result of a device, in tokens: at most 1000000."
    )
    labels: Annotated[list[Label], Unique] = Field(
        min_length=1,
        max_length=LABELS_MAX,
        description="The names of the model's output columns, in their order.",
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


class AlgorithmUpdate(Body):
    """What is to change: a field that is not sent stays as it is."""

    model_config = example(summary="Tells which digit a photo shows.", device_fee="0.04")

    title: Line | None = Field(None, max_length=200, description="What it is called.")
    summary: Prose | None = Field(
        None, max_length=500, description="What it does, in a sentence or two."
    )
    model_card: Card | None = Field(None, description=CARD)
    tags: Annotated[list[Tag], Unique] | None = Field(
        None, max_length=TAGS_MAX, description="Words to find it by."
    )
    device_fee: Annotated[AmountIn, AfterValidator(_check_device_fee)] | None = Field(
        None,
        description="What you earn for each result of a device, in tokens: at most 1000000. Jobs "
        "that were ordered keep their price.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _check_sent(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null: leave it out to keep it")
        return value

    def columns(self) -> dict[str, Any]:
        """What is to change, as columns hold it."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ApprovedVersionOut(Wire):
    """A version that jobs can run."""

    id: VersionId
    number: int = Field(description="Versions of an algorithm are numbered from 1 on.")


RUNS: Final = (
    "How many devices the answers of ended jobs show that ran it, as far as those may be shown."
)
RATING: Final = "The mean of its ratings, from 1 to 5 stars, to two digits; `null` without any."
RATING_COUNT: Final = "How many customers have rated it, of those whose jobs have run it."
WEIGHTED_RATING: Final = (
    "What lists are sorted by: the mean of its ratings and of five more of 3 stars, in thousandths "
    "of a star. So a few ratings move it little."
)
SLUG: Final = "Its title and the end of its id, for a path that people read."


class AlgorithmOut(Wire):
    """A model that developers offer, and jobs run on devices."""

    id: AlgorithmId
    slug: str = Field(description=SLUG, examples=["handwritten-digits-b302099a8057"])
    developer_id: UserId = Field(description="The user who offers it.")
    developer_name: PublicName
    title: str
    summary: str = Field(description="What it does, in a sentence or two.")
    model_card: str = Field(
        description="What the model was trained on, and how good it is. Markdown."
    )
    kind: AlgorithmKind = Field(description="What its model takes as input.")
    tags: list[str] = Field(description="Words to find it by.")
    data_kind: DataKind = Field(
        description="The kind of data on a device that its model is run over."
    )
    device_fee: AmountOut = Field(
        description="What its developer earns for each result of a device, in tokens."
    )
    labels: list[str] = Field(
        description="The names of the model's output columns, in their order."
    )
    state: AlgorithmState
    suspended_by: SuspendedBy | None = Field(
        description="Who suspended it: its `developer` or a `moderator`; `null` where it is not "
        "suspended."
    )
    approved_version: ApprovedVersionOut | None = Field(
        description="The newest approved version; `null` where there is none."
    )
    runs: int = Field(description=RUNS)
    rating: float | None = Field(description=RATING)
    rating_count: int = Field(description=RATING_COUNT)
    weighted_rating: int = Field(description=WEIGHTED_RATING)
    created_at: datetime
    updated_at: datetime = Field(description="When it was last edited, or its state changed.")


def told(row: Shown, tell: RevisionTeller) -> Shown:
    """Tell the revision of an algorithm that is shown, for whoever edits it."""
    tell(row.revision)
    return row


class OfferedAlgorithmOut(Wire):
    """An algorithm that everybody can use, in short."""

    id: AlgorithmId
    title: str
    summary: str = Field(description="What it does, in a sentence or two.")
    kind: AlgorithmKind = Field(description="What its model takes as input.")
    tags: list[str] = Field(description="Words to find it by.")
    device_fee: AmountOut = Field(
        description="What its developer earns for each result of a device, in tokens."
    )
    created_at: datetime


_INPUT_SPEC: Final = WithJsonSchema(dict(spec.JSON_SCHEMA))
SentInputSpec = Annotated[Any, AfterValidator(spec.read), _INPUT_SPEC]
ShownInputSpec = Annotated[dict[str, Any], _INPUT_SPEC]


class FileRefusalOut(Wire):
    """One reason why the check of a file refused it."""

    code: str = Field(description="Stable.", examples=["model.output_count"])
    detail: str = Field(description="What is wrong, where in your file, and what to mend.")


class PassportOut(Wire):
    """What running a model takes, measured in the sandbox when it was uploaded."""

    model_config = ConfigDict(extra="ignore")  # A worker of a later release may measure more.

    operators: dict[str, int] = Field(description="The graph's operators, and how many of each.")
    parameters: int = Field(description="How many numbers its weights hold.")
    download_bytes: int = Field(description="Size of the file that each device downloads once.")
    peak_memory_bytes: int = Field(
        description="What loading it and running a batch adds to a process at most, the file "
        "included."
    )
    milliseconds_for_one: float = Field(
        description="Milliseconds for one input, on one processor of the server: the fastest "
        "of a few runs."
    )
    milliseconds_for_32: float | None = Field(
        description="Milliseconds for a batch of 32; `null` where it takes more than 3 seconds."
    )
    runs_agree: bool = Field(
        description="Whether two processes gave the same output for the same images, to the last "
        "bit."
    )


class VersionOriginOut(Wire):
    """The bounty that a model was submitted to, and how it did there."""

    bounty_id: BountyId = Field(description="The bounty.")
    bounty_name: str = Field(description="The name of the bounty.")
    place: int | None = Field(
        description="The place in the final ranking; `null` where it was not its entrant's final "
        "submission."
    )
    score: float | None = Field(
        description="The private score where it has a place, else the public one."
    )
    metric: str | None = Field(
        description="The metric of the score, with its version; `null` where the bounty was "
        "judged by hand.",
        examples=["roc_auc.v1"],
    )


class VersionOut(Wire):
    """A model file of an algorithm, with its input spec."""

    id: VersionId
    algorithm_id: AlgorithmId = Field(description="The algorithm that it is a version of.")
    number: int = Field(description="Versions of an algorithm are numbered from 1 on.")
    state: VersionState
    input_spec: ShownInputSpec
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    size: int = Field(description="Size of the file, in bytes.")
    signature: dict[str, Any] | None = Field(
        description="What the check read from the model's graph: `inputs` and `outputs` with "
        "name, type and shape, `opset`, `ir_version`, `operators`, the number of `parameters`, and "
        "the least `spec_version` of an agent that can run it. "
        "`null` until it is checked."
    )
    passport: PassportOut | None = Field(
        description="What running it takes, as the check measured it; `null` where it did not."
    )
    least_memory_mib: int | None = Field(
        description="The memory in MiB that a device needs to be offered it; `null`: not known, "
        "and each device is."
    )
    least_speed: int | None = Field(
        description="The `speed` that a device needs to be offered it; `null`: not known, and "
        "each device is."
    )
    refusals: list[FileRefusalOut] = Field(
        description="Why the check refused the file; empty where it did not."
    )
    review_reason: str | None = Field(description="What the moderator who reviewed it said.")
    review_code: str | None = Field(description="The code of their ready reason, if any.")
    recall_reason: str | None = Field(description="Why it was recalled, if it was.")
    recall_code: str | None = Field(description="The code of the ready reason for it, if any.")
    origin: VersionOriginOut | None = Field(
        description="The bounty that its model was submitted to, if any."
    )
    created_at: datetime
    checked_at: datetime | None = Field(description="When its check ended.")
    reviewed_at: datetime | None = Field(description="When it was approved or rejected.")
    recalled_at: datetime | None = Field(description="When it was recalled.")


Reason = Annotated[Prose, Field(max_length=2_000)]


class ToldReason(Body):
    """Why a moderator decided so: by a ready reason, in one's own words, or both."""

    reason: Reason | None = Field(
        None, description="Shown to the developer; without it, the words of the ready reason."
    )
    reason_code: ReasonCode | None = Field(
        None, description="The code of a ready reason, which the developer is told, too."
    )

    @model_validator(mode="after")
    def _check_said(self) -> Self:
        if self.reason is None and self.reason_code is None:
            raise ValueError("must have a `reason`, a `reason_code`, or both")
        return self


class AlgorithmSuspension(ToldReason):
    """Why an algorithm is suspended."""

    model_config = example(reason="Its model card names data that was taken without consent.")


class AlgorithmResumption(Body):
    """Why an algorithm is listed again."""

    model_config = example(reason="The model card was found to be right.")

    reason: Reason = Field(description="Shown to the developer.")


class AlgorithmArchival(Body):
    """Why an algorithm is archived."""

    model_config = example(reason="A better one has taken its place.")

    reason: Reason | None = Field(None, description="Shown to the developer and moderators.")


class VersionApproval(Body):
    """What a moderator says about a version that is approved."""

    model_config = example(reason="It does what its card says.")

    reason: Reason | None = Field(None, description="Shown to everybody who sees the version.")
    reason_code: ReasonCode | None = Field(None, description="The code of a ready reason.")


class VersionRejection(ToldReason):
    """Why a version is rejected."""

    model_config = example(
        reason_code="data_not_named",
        reason="The model card does not say what the model was trained on.",
    )


class VersionRecall(ToldReason):
    """Why a version is recalled. Shown to everybody who sees the version."""

    model_config = example(reason="It counts faces, which its card does not say.")
