"""Shapes on the wire of what is decided about winners, and what is said against it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from dml.bounties.board import Pair, Shown
from dml.bounties.models import Dispute, Enrollment
from dml.core.db import PAGE_MAX
from dml.core.ids import AlgorithmId, BountyId, DecisionId, DisputeId, EnrollmentId
from dml.core.wire import Body, Parameters, Text, Wire, example
from dml.inference import spec

REASON_MAX: Final = 2_000
ORDER_MAX: Final = 100

PairCursor = Annotated[
    Pair, BeforeValidator(lambda text: Pair.read(text)), WithJsonSchema({"type": "string"})
]


class RewardIn(Body):
    model_config = example(
        winners=["01987c1e-0000-7000-8000-000000000001"], reason="It reads best."
    )

    winners: list[EnrollmentId] = Field(
        max_length=ORDER_MAX, description="The first place first. Empty: nobody won anything."
    )
    reason: Text = Field(max_length=REASON_MAX, description="Everybody sees it.")


class ReorderIn(Body):
    model_config = example(
        order=["01987c1e-0000-7000-8000-000000000002"], reason="The first used other data."
    )

    order: list[EnrollmentId] = Field(
        min_length=1,
        max_length=ORDER_MAX,
        description="Who gets the places from 1 on. The others follow in the order they have; "
        "where the owner judges, they lose their places.",
    )
    reason: Text = Field(max_length=REASON_MAX, description="Everybody sees it.")


class DecisionOut(Wire):
    id: DecisionId
    action: str = Field(examples=["rewarded"])
    winners: list[EnrollmentId] = Field(description="The first place first.")
    reason: str
    created_at: datetime


class DisputeIn(Body):
    model_config = example(text="The first place used the test set of last year.")

    text: Text = Field(max_length=5_000, description="Everybody sees it.")


class DisputeOut(Wire):
    id: DisputeId
    enrollment_id: EnrollmentId
    number: int
    name: str
    text: str
    created_at: datetime


class AgreementsWanted(Parameters):
    bounty_id: BountyId | None = None
    limit: int = Field(20, ge=1, le=PAGE_MAX)
    cursor: PairCursor | None = None


class AgreementOut(Wire):
    bounty_id: BountyId
    first_id: EnrollmentId
    first_name: str
    second_id: EnrollmentId
    second_name: str
    agreement: float = Field(description="Of the two entrants' final predictions: 1 is the same.")
    created_at: datetime


class AgreementsOut(Wire):
    items: list[AgreementOut]
    next_cursor: str | None


class PublishIn(Body):
    model_config = example(
        algorithm_id="01987c1e-0000-7000-8000-000000000001", input_spec=dict(spec.EXAMPLE)
    )

    algorithm_id: AlgorithmId = Field(description="An algorithm of yours: it gets a new version.")
    input_spec: Annotated[
        Any, AfterValidator(spec.read), WithJsonSchema(dict(spec.JSON_SCHEMA))
    ] = Field(examples=[dict(spec.EXAMPLE)])


def dispute_out(dispute: Dispute, entrant: Enrollment) -> DisputeOut:
    """Shape a dispute that was just made as the list shows it."""
    return DisputeOut(
        id=dispute.id,
        enrollment_id=entrant.id,
        number=entrant.number,
        name=entrant.name,
        text=dispute.text,
        created_at=dispute.created_at,
    )


def agreements_out(rows: Sequence[Shown], *, limit: int) -> AgreementsOut:
    """Shape a page of pairs. A row beyond `limit` says that more follow."""
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return AgreementsOut(
        items=[AgreementOut.model_validate(it) for it in shown],
        next_cursor=last and Pair(last.first_id, last.second_id).write(),
    )
