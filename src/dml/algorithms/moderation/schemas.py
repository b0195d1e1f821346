"""Shapes on the wire: what waits for moderators, and why they may decide so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Self

from pydantic import Field, model_validator

from dml.accounts.schemas import PublicName
from dml.algorithms.models import VersionState
from dml.algorithms.moderation.queries import Queued
from dml.algorithms.moderation.reasons import ReadyReason, ReasonCode, ReviewDecision
from dml.algorithms.schemas import VersionOut
from dml.core.db import PAGE_MAX
from dml.core.ids import AlgorithmId, UserId, VersionId
from dml.core.keyset import Seen
from dml.core.wire import Parameters, Wire
from dml.edge.paging import CURSOR, LIMIT, Page, SeenCursor, shape_all

SORT: Final = "waiting_since"


class VersionTwinOut(Wire):
    """A version of another developer that is the same file, or answers alike."""

    version_id: VersionId = Field(description="The other version.")
    version_number: int = Field(description="Its number.")
    state: VersionState
    algorithm_id: AlgorithmId = Field(description="The algorithm that it is a version of.")
    algorithm_title: str = Field(description="The title of that algorithm.")
    developer_id: UserId = Field(description="The user who offers that algorithm.")
    developer_name: PublicName
    is_same_file: bool = Field(description="Whether both files are the same, to the last byte.")
    agreement: float | None = Field(
        description="For what share of fixed pictures both name the same label first: by its name "
        "where both have the same labels, else by its column. `null` where it was not measured.",
        examples=[0.998],
    )
    probes: int | None = Field(description="For how many pictures that was compared.")
    confidence_difference: float | None = Field(
        description="By how much their confidences differ where they agree, on average."
    )


class VersionToReviewOut(VersionOut):
    """A version, with what a moderator needs to know of its algorithm."""

    algorithm_title: str = Field(description="The title of the algorithm.")
    developer_id: UserId = Field(description="The user who offers the algorithm.")
    developer_name: PublicName
    labels: list[str] = Field(
        description="The names of the model's output columns, in their order."
    )
    waiting_since: datetime = Field(
        description="When it was submitted; of one that was not, when its check ended."
    )
    waiting_seconds: int = Field(description="How long ago that is.")
    may_judge: bool = Field(
        description="Whether you may approve or reject it: it is neither yours nor an "
        "organisation's that you act for, or did lately."
    )
    earlier_refusals: int = Field(
        description="How many other versions of this developer were rejected or recalled."
    )
    twins: list[VersionTwinOut] = Field(
        description="Versions of other developers that are the same file, or answer alike: the "
        "same files first, then the closest. Only moderators see this."
    )


class SampleLabelOut(Wire):
    """A label that a model named for a picture."""

    label: str = Field(description="The name of the label.")
    confidence: float = Field(description="Its probability, as the model says.")


class VersionSampleOut(Wire):
    """A fixed picture, as a model saw it, and what it named."""

    name: str = Field(description="Which picture.", examples=["landscape"])
    picture: str = Field(
        description="The picture as the input spec prepares it, at most 96 pixels a side: a "
        "`data:` URI of a PNG."
    )
    labels: list[SampleLabelOut] = Field(description="At most five labels, the surest first.")


class VersionReviewOut(VersionToReviewOut):
    """A version for its moderator, with how it answers fixed pictures."""

    samples: list[VersionSampleOut] = Field(
        description="How it answers pictures that are the same for all models; empty where its "
        "check did not ask it."
    )


class ReviewQueueQuery(Parameters):
    """Which versions to list."""

    limit: int = Field(20, ge=1, le=PAGE_MAX, description=LIMIT)
    cursor: SeenCursor | None = Field(None, description=CURSOR)
    state: VersionState = Field(VersionState.IN_REVIEW, description="Only versions in this state.")
    developer_id: UserId | None = Field(None, description="Only versions of this developer.")

    @model_validator(mode="after")
    def _check_sort(self) -> Self:
        if self.cursor is not None and self.cursor.sort != SORT:
            raise ValueError("`cursor` must be of a page of this list")
        return self

    def page_of(self, queued: Sequence[Queued], now: datetime) -> Page[VersionToReviewOut]:
        """Shape the page, without the row beyond the limit."""
        more = len(queued) > self.limit
        last = Seen.of(SORT, queued[self.limit - 1]).write() if more else None
        shown = [it.shown(now) for it in queued[: self.limit]]
        return shape_all(VersionToReviewOut, shown, last)


class ReviewReasonOut(Wire):
    """A ready reason for what a moderator decides."""

    code: ReasonCode
    title: str = Field(description="The reason in a few words.")
    text: str = Field(description="What the developer reads, unless the moderator says it anew.")
    decisions: list[ReviewDecision] = Field(description="For which decisions it is a reason.")


class ReviewReasonsOut(Wire):
    """All ready reasons."""

    items: list[ReviewReasonOut] = Field(description="Each once, in the order to show them.")


def reasons_out(reasons: Sequence[ReadyReason]) -> ReviewReasonsOut:
    """Shape the ready reasons."""
    return ReviewReasonsOut(
        items=[
            ReviewReasonOut(
                code=it.code, title=it.title, text=it.text, decisions=sorted(it.decisions)
            )
            for it in reasons
        ]
    )
