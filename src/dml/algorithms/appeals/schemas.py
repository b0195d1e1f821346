"""Shapes on the wire: an appeal, and what came of it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dml.accounts.schemas import PublicName
from dml.algorithms.appeals.models import AppealedDecision, AppealState
from dml.core.ids import AlgorithmId, AppealId, UserId, VersionId
from dml.core.wire import Body, Prose, Wire, example
from dml.edge.paging import Paging


class AppealOut(Wire):
    """A developer's word against a decision, and what another moderator said."""

    id: AppealId
    algorithm_id: AlgorithmId = Field(description="The algorithm that it is about.")
    algorithm_title: str = Field(description="The title of the algorithm.")
    developer_id: UserId = Field(description="The user who appealed.")
    developer_name: PublicName
    version_id: VersionId | None = Field(
        description="The version that was rejected or recalled; `null` for a suspension."
    )
    version_number: int | None = Field(description="The number of that version.")
    decision: AppealedDecision
    decided_at: datetime = Field(description="When that was decided.")
    decided_reason: str | None = Field(description="What the moderator said.")
    decided_code: str | None = Field(description="The code of the ready reason, if one was named.")
    text: str = Field(description="What the developer says against it.")
    state: AppealState
    resolution: str | None = Field(
        description="What the other moderator said, or why it is settled; `null` while it is open."
    )
    created_at: datetime
    resolved_at: datetime | None = Field(description="When it was decided, or settled.")


class AppealCreate(Body):
    """What a developer says against a decision."""

    model_config = example(text="The card names its data: see the section `Data`.")

    text: Annotated[Prose, Field(max_length=5_000)] = Field(
        description="Why the decision is wrong. Moderators read it, and nobody else."
    )


class AppealResolution(Body):
    """Why a moderator upholds or overturns a decision."""

    model_config = example(reason="The card does name the data, and its licence allows this.")

    reason: Annotated[Prose, Field(max_length=2_000)] = Field(
        description="Shown to the developer; where a version is approved by it, to everybody."
    )


class AppealsQuery(Paging):
    state: AppealState = Field(AppealState.OPEN, description="Only appeals in this state.")
