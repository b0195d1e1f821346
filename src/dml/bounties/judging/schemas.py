"""Shapes on the wire of what is decided about winners, and what is said against it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from dml.algorithms.schemas import SentInputSpec
from dml.bounties.models import Dispute, Enrollment
from dml.bounties.ranking.queries import Pair
from dml.bounties.schemas import ENTRANT_NUMBER
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import AlgorithmId, BountyId, DecisionId, DisputeId, EnrollmentId
from dml.core.wire import Body, Parameters, Prose, Wire, example
from dml.edge.paging import A_CURSOR, CURSOR, LIMIT, NEXT_CURSOR
from dml.inference import spec

REASON_MAX: Final = 2_000
ORDER_MAX: Final = 100

PairCursor = Annotated[Pair, BeforeValidator(lambda text: Pair.read(text)), A_CURSOR]


class BountyReward(Body):
    """Who won a bounty that is judged by hand, and why."""

    model_config = example(
        winners=["01987c1e-0000-7000-8000-000000000001"], reason="It reads best."
    )

    winners: list[EnrollmentId] = Field(
        max_length=ORDER_MAX,
        description="The winning entrants, the first place first. Empty: nobody won.",
    )
    reason: Prose = Field(max_length=REASON_MAX, description="Shown to everybody.")


class WinnerOrderUpdate(Body):
    """Who gets the first places, and why the order changes."""

    model_config = example(
        order=["01987c1e-0000-7000-8000-000000000002"], reason="The first used other data."
    )

    order: list[EnrollmentId] = Field(
        min_length=1,
        max_length=ORDER_MAX,
        description="The entrants of the places from 1 on. After a ranking by metric all others "
        "follow in the order that they have; where it is judged by hand they lose their places.",
    )
    reason: Prose = Field(max_length=REASON_MAX, description="Shown to everybody.")


class DecisionOut(Wire):
    """What somebody decided about a bounty's winners."""

    id: DecisionId
    action: str = Field(
        description="What was decided: `rewarded`, `reordered`, `disqualified` or `reinstated`.",
        examples=["rewarded"],
    )
    winners: list[EnrollmentId] = Field(
        description="The entrants that it is about; where winners were named or reordered, the "
        "first place first."
    )
    reason: str = Field(description="Why, in the words of whoever decided it.")
    created_at: datetime


class DisputeCreate(Body):
    """What is wrong with a result."""

    model_config = example(text="The first place used the test set of last year.")

    text: Prose = Field(max_length=5_000, description="Shown to everybody.")


class DisputeOut(Wire):
    """What an entrant says against a result."""

    id: DisputeId
    enrollment_id: EnrollmentId = Field(description="The entrant who disputes the result.")
    number: int = Field(description=ENTRANT_NUMBER)
    name: str = Field(description="The name of the entrant.")
    text: str = Field(description="What is wrong, in the entrant's words.")
    created_at: datetime


class AgreementsQuery(Parameters):
    bounty_id: BountyId | None = Field(None, description="Only entrants of this bounty.")
    limit: int = Field(20, ge=1, le=PAGE_MAX, description=LIMIT)
    cursor: PairCursor | None = Field(None, description=CURSOR)


class AgreementOut(Wire):
    """Two entrants of a bounty whose predictions agree suspiciously well."""

    bounty_id: BountyId = Field(description="The bounty that both entered.")
    first_id: EnrollmentId = Field(description="One entrant.")
    first_name: str = Field(description="The name of that entrant.")
    second_id: EnrollmentId = Field(description="The other entrant.")
    second_name: str = Field(description="The name of that entrant.")
    agreement: float = Field(
        description="How well their final predictions agree: 1 where they are the same."
    )
    created_at: datetime = Field(description="When it was found.")


class AgreementPage(Wire):
    """A page of pairs of entrants."""

    items: list[AgreementOut]
    next_cursor: str | None = Field(description=NEXT_CURSOR)


class SubmissionPublication(Body):
    """Where a submitted model is published, and how it is run."""

    model_config = example(
        algorithm_id="01987c1e-0000-7000-8000-000000000001", input_spec=dict(spec.EXAMPLE)
    )

    algorithm_id: AlgorithmId = Field(description="An algorithm of yours: it gets a new version.")
    input_spec: SentInputSpec


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


def agreements_out(rows: Sequence[Shown], *, limit: int) -> AgreementPage:
    """Shape a page of pairs. A row beyond `limit` says that more follow."""
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return AgreementPage(
        items=[AgreementOut.model_validate(it) for it in shown],
        next_cursor=last and Pair(last.first_id, last.second_id).write(),
    )
