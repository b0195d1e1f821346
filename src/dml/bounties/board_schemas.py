"""Shapes on the wire of the leaderboard, its records and the evidence for the ranking."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from dml.bounties import board, judging_rules
from dml.bounties.board import RECORDS_MAX, Key, Part, Shown
from dml.bounties.models import Bounty, EnrollmentState, Judging, Ranking, TestSet, Ties
from dml.core.db import PAGE_MAX
from dml.core.ids import BountyId, EnrollmentId, SubmissionId
from dml.core.money import AmountOut
from dml.core.wire import Parameters, Wire

BoardCursor = Annotated[
    Key, BeforeValidator(lambda text: Key.read(text)), WithJsonSchema({"type": "string"})
]


class BoardWanted(Parameters):
    part: Part | None = Field(
        None, description="Unset: the final ranking, as soon as there is one."
    )
    limit: int = Field(20, ge=1, le=PAGE_MAX)
    cursor: BoardCursor | None = None


class ExportWanted(Parameters):
    part: Part | None = Field(
        None, description="Unset: the final ranking, as soon as there is one."
    )


class BoardRowOut(Wire):
    rank: int | None = Field(
        description="By the public score, or the place in the end; `null` before a judge decides."
    )
    enrollment_id: EnrollmentId
    number: int = Field(description="The how-manieth who enrolled.")
    name: str
    state: EnrollmentState
    score: float | None = Field(
        description="The public score that the board shows, or the private one in the end."
    )
    at: datetime | None = Field(description="When the best public score came.")
    submissions: int = Field(description="How many of its submissions were scored.")
    commitment: str | None = Field(
        description="SHA-256 of a random salt and the predictions behind the best public score. "
        "The ranking's evidence has the salt."
    )
    predictions_sha256: str | None = Field(
        description="SHA-256 of these predictions alone, once the ranking has published them."
    )
    tied_from: int | None = Field(None, description="The first of the places tied with this one.")
    tied_to: int | None = Field(None, description="The last of the places tied with this one.")
    chance_of_first: float | None = Field(
        None, description="How often it came first when the test set's rows were drawn anew."
    )
    prize: AmountOut | None = None


class BoardOut(Wire):
    part: Part
    judging: Judging
    metric: str | None = Field(description="Its name and version.", examples=["roc_auc.v1"])
    order_changes: int = Field(description="How often the owner changed the final order.")
    items: list[BoardRowOut]
    next_cursor: str | None


class RecordOut(Wire):
    at: datetime
    score: float
    enrollment_id: EnrollmentId
    number: int
    name: str


class RecordsWanted(Parameters):
    limit: int = Field(100, ge=1, le=RECORDS_MAX)
    cursor: BoardCursor | None = None


class RecordsOut(Wire):
    metric: str | None
    items: list[RecordOut] = Field(
        description="When the best public score was beaten, newest first."
    )
    next_cursor: str | None


class TestSetEvidenceOut(Wire):
    __test__ = False  # pytest: this is no test.

    url: str
    sha256: str
    format: str = Field(examples=["csv"])
    id_column: str
    target_column: str


class PredictionsOut(Wire):
    url: str
    sha256: str


class EntryEvidenceOut(Wire):
    enrollment_id: EnrollmentId
    number: int
    name: str
    submission_id: SubmissionId
    predictions: PredictionsOut
    commitment: str | None = Field(
        None, description="SHA-256 of salt and predictions, told when it was scored."
    )
    salt: str | None = Field(None, description="32 bytes in hexadecimal digits.")
    place: int
    tied_from: int
    tied_to: int
    score: float
    chance_of_first: float
    prize: AmountOut


class EvidenceOut(Wire):
    """All that is needed to make the ranking again."""

    bounty_id: BountyId
    metric: str
    draws: int = Field(description="How often the rows of the private part were drawn anew.")
    ties: Ties
    prizes: list[AmountOut]
    salt: str = Field(description="32 bytes in hexadecimal digits.")
    commitment: str = Field(description="SHA-256 of salt and file, told when the bounty opened.")
    test_set: TestSetEvidenceOut
    entries: list[EntryEvidenceOut] = Field(description="By place.")
    created_at: datetime


Facts = dict[str, Any]


def row_out(bounty: Bounty, part: Part, row: Shown, rank: int) -> BoardRowOut:
    """Shape a row. Of the final ranking nothing is told on the public part."""
    final = part is Part.FINAL
    by_hand = bounty.judging is Judging.MANUAL
    return BoardRowOut(
        rank=row.place if final else None if by_hand else rank,
        enrollment_id=row.id,
        number=row.number,
        name=row.name,
        state=row.state,
        score=row.private_score if final else row.best_score,
        at=row.best_at,
        submissions=row.submissions,
        commitment=row.commitment,
        # A hash without a salt would tell whoever guesses a rival's file that the guess is right.
        predictions_sha256=row.predictions_sha256 if judging_rules.is_ranked(bounty) else None,
        tied_from=row.tied_from if final else None,
        tied_to=row.tied_to if final else None,
        chance_of_first=row.chance_of_first if final else None,
        prize=row.prize if final else None,
    )


def board_out(
    bounty: Bounty, part: Part, rows: Sequence[Shown], *, before: int, limit: int
) -> BoardOut:
    """Shape a page that follows `before` rows. A row beyond `limit` says that more follow."""
    shown = rows[:limit]
    more = len(rows) > limit
    return BoardOut(
        part=part,
        judging=bounty.judging,
        metric=bounty.metric,
        order_changes=bounty.order_changes,
        items=[row_out(bounty, part, it, before + n) for n, it in enumerate(shown, start=1)],
        next_cursor=board.key_of(bounty, part, shown[-1]).write() if more else None,
    )


def records_out(bounty: Bounty, rows: Sequence[Shown], *, limit: int) -> RecordsOut:
    """Shape a page of records. A row beyond `limit` says that more follow."""
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return RecordsOut(
        metric=bounty.metric,
        items=[RecordOut.model_validate(it) for it in shown],
        next_cursor=last and Key(last.score, last.at, last.enrollment_id).write(),
    )


def evidence_out(bounty: Bounty, ranking: Ranking, test_set: TestSet) -> EvidenceOut:
    """Shape the evidence of a ranking that was published."""
    assert test_set.salt is not None
    assert test_set.commitment is not None
    assert test_set.published is not None
    here = f"/v1/bounties/{bounty.id}/evidence"
    return EvidenceOut(
        bounty_id=bounty.id,
        metric=ranking.metric,
        draws=ranking.draws,
        ties=bounty.ties,
        prizes=bounty.prizes,
        salt=test_set.salt,
        commitment=test_set.commitment,
        test_set=TestSetEvidenceOut(
            url=f"{here}/{test_set.published}",
            sha256=test_set.published,
            format=test_set.format,
            id_column=test_set.id_column,
            target_column=test_set.target_column,
        ),
        entries=[_entry_out(here, it) for it in ranking.entries],
        created_at=ranking.created_at,
    )


def _entry_out(here: str, kept: dict[str, Any]) -> EntryEvidenceOut:
    sha256 = kept["predictions_sha256"]
    told = {name: kept[name] for name in EntryEvidenceOut.model_fields if name in kept}
    predictions = PredictionsOut(url=f"{here}/{sha256}", sha256=sha256)
    return EntryEvidenceOut.model_validate({**told, "predictions": predictions})
