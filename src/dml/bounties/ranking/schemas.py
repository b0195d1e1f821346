"""Shapes on the wire of the leaderboard, its records and the evidence for the ranking."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count, repeat
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from dml.bounties.judging import rules as judging_rules
from dml.bounties.models import Bounty, EnrollmentState, Judging, Ranking, TestSet, Ties
from dml.bounties.ranking import queries as ranking_queries
from dml.bounties.ranking.queries import RECORDS_MAX, Key, LeaderboardPart
from dml.bounties.schemas import ENTRANT_NUMBER
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import BountyId, EnrollmentId, SubmissionId
from dml.core.money import AmountOut
from dml.core.wire import Parameters, Wire
from dml.edge.paging import A_CURSOR, CURSOR, LIMIT, NEXT_CURSOR

BoardCursor = Annotated[Key, BeforeValidator(lambda text: Key.read(text)), A_CURSOR]
PART: Final = "What to show. Default: the final ranking, as soon as there is one."
ENTRANT_NAME: Final = "The name of the entrant."


class BoardQuery(Parameters):
    part: LeaderboardPart | None = Field(None, description=PART)
    limit: int = Field(20, ge=1, le=PAGE_MAX, description=LIMIT)
    cursor: BoardCursor | None = Field(None, description=CURSOR)


class ExportQuery(Parameters):
    part: LeaderboardPart | None = Field(None, description=PART)


class LeaderboardRowOut(Wire):
    """An entrant on the leaderboard."""

    rank: int | None = Field(
        description="The place by public score, or in the final ranking the final place. `null` "
        "where it is judged by hand and winners are not named yet."
    )
    enrollment_id: EnrollmentId = Field(description="The entrant.")
    number: int = Field(description=ENTRANT_NUMBER)
    name: str = Field(description=ENTRANT_NAME)
    state: EnrollmentState
    score: float | None = Field(
        description="The public score, or in the final ranking the private one."
    )
    at: datetime | None = Field(
        description="When the submission with the best public score was sent."
    )
    submissions: int = Field(description="How many of its submissions were scored.")
    commitment: str | None = Field(
        description="SHA-256 of a random salt and the predictions with the best public score, in "
        "hexadecimal digits. The evidence of the ranking has both."
    )
    predictions_sha256: str | None = Field(
        description="SHA-256 of these predictions alone, in hexadecimal digits; `null` until the "
        "ranking is out."
    )
    tied_from: int | None = Field(
        None, description="The first of the places that are tied with this one."
    )
    tied_to: int | None = Field(
        None, description="The last of the places that are tied with this one."
    )
    chance_of_first: float | None = Field(
        None,
        description="How often it would come first on other rows of the same kind, from 0 to 1: "
        "the share of the random draws of test rows in which it did.",
    )
    prize: AmountOut | None = Field(
        None, description="In tokens; shown in the final ranking, and paid when it is final."
    )


class LeaderboardOut(Wire):
    """A page of a bounty's leaderboard."""

    part: LeaderboardPart
    judging: Judging = Field(description="How winners are found.")
    metric: str | None = Field(
        description="The metric of the scores, with its version; `null` where it is judged by "
        "hand.",
        examples=["roc_auc.v1"],
    )
    order_changes: int = Field(description="How often the owner changed the order of the winners.")
    items: list[LeaderboardRowOut] = Field(description="The best first.")
    next_cursor: str | None = Field(description=NEXT_CURSOR)


class RecordOut(Wire):
    """A moment at which the best public score of all was beaten."""

    at: datetime = Field(description="When the submission that did so was scored.")
    score: float = Field(description="The new best public score.")
    enrollment_id: EnrollmentId = Field(description="The entrant who reached it.")
    number: int = Field(description=ENTRANT_NUMBER)
    name: str = Field(description=ENTRANT_NAME)


class RecordsQuery(Parameters):
    limit: int = Field(100, ge=1, le=RECORDS_MAX, description=LIMIT)
    cursor: BoardCursor | None = Field(None, description=CURSOR)


class RecordPage(Wire):
    """A page of a bounty's records."""

    metric: str | None = Field(
        description="The metric of the scores, with its version.", examples=["roc_auc.v1"]
    )
    items: list[RecordOut] = Field(description="Newest first.")
    next_cursor: str | None = Field(description=NEXT_CURSOR)


class TestSetEvidenceOut(Wire):
    """The test set that was hidden until the ranking."""

    __test__ = False  # pytest: this is no test.

    url: str = Field(description="Where to download it: a path of this API.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")
    format: str = Field(description="The format of the file.", examples=["csv"])
    id_column: str = Field(description="The column that names each row.")
    target_column: str = Field(description="The column that was to be predicted.")


class PredictionsFileOut(Wire):
    """Predictions in their canonical form."""

    url: str = Field(description="Where to download them: a path of this API.")
    sha256: str = Field(description="SHA-256 of the file, in hexadecimal digits.")


class EntryEvidenceOut(Wire):
    """How an entrant was ranked, and by which predictions."""

    enrollment_id: EnrollmentId = Field(description="The entrant.")
    number: int = Field(description=ENTRANT_NUMBER)
    name: str = Field(description=ENTRANT_NAME)
    submission_id: SubmissionId = Field(description="The submission that was ranked.")
    predictions: PredictionsFileOut
    commitment: str | None = Field(
        None,
        description="SHA-256 of the `salt`'s 32 bytes followed by the predictions, in hexadecimal "
        "digits: published when the submission was scored.",
    )
    salt: str | None = Field(None, description="32 bytes in hexadecimal digits.")
    place: int = Field(description="The place in the ranking; 1 is the first.")
    tied_from: int = Field(description="The first of the places that are tied with this one.")
    tied_to: int = Field(description="The last of the places that are tied with this one.")
    score: float = Field(description="The private score.")
    chance_of_first: float = Field(
        description="In how many of the `draws` it came first, as a share from 0 to 1."
    )
    prize: AmountOut = Field(description="The prize by this ranking, in tokens.")


class EvidenceOut(Wire):
    """All that is needed to compute a bounty's ranking again."""

    bounty_id: BountyId = Field(description="The bounty.")
    metric: str = Field(description="The metric, with its version.", examples=["roc_auc.v1"])
    draws: int = Field(
        description="How often rows of the private part were drawn at random, to tell which places "
        "are tied."
    )
    ties: Ties = Field(description="What becomes of the prizes of tied places.")
    prizes: list[AmountOut] = Field(description="The prizes in tokens, the first place first.")
    salt: str = Field(description="The salt of the test set: 32 bytes in hexadecimal digits.")
    commitment: str = Field(
        description="SHA-256 of the `salt`'s 32 bytes followed by the test set, in hexadecimal "
        "digits: published when enrollment opened."
    )
    test_set: TestSetEvidenceOut
    entries: list[EntryEvidenceOut] = Field(description="By place, the first one first.")
    created_at: datetime = Field(description="When the ranking was made.")


Facts = dict[str, Any]


def board_out(
    bounty: Bounty, part: LeaderboardPart, rows: Sequence[Shown], *, before: int, limit: int
) -> LeaderboardOut:
    """Shape a page that follows `before` rows, all at once. A row beyond `limit` says that more
    follow. Of the final ranking nothing is told on the public part.
    """
    shown = rows[:limit]
    more = len(rows) > limit
    return LeaderboardOut.model_validate(
        {
            "part": part,
            "judging": bounty.judging,
            "metric": bounty.metric,
            "order_changes": bounty.order_changes,
            "items": _items(bounty, part, shown, before),
            "next_cursor": ranking_queries.key_of(bounty, part, shown[-1]).write()
            if more
            else None,
        }
    )


def _items(
    bounty: Bounty, part: LeaderboardPart, rows: Sequence[Shown], before: int
) -> list[Facts]:
    names, hidden = ranking_queries.SHOWN[part], Facts()
    if not judging_rules.is_ranked(bounty):
        # A hash without a salt would tell whoever guesses a rival's file that the guess is right.
        hidden["predictions_sha256"] = None
    if part is LeaderboardPart.FINAL:
        ranks: Iterable[int | None] = (it.place for it in rows)
    elif bounty.judging is Judging.MANUAL:
        ranks = repeat(None)
    else:
        ranks = count(before + 1)
    # After what is shown, a row has what orders it.
    return [
        {"rank": rank, **dict(zip(names, row, strict=False)), **hidden}
        for rank, row in zip(ranks, rows, strict=False)
    ]


def records_out(bounty: Bounty, rows: Sequence[Shown], *, limit: int) -> RecordPage:
    """Shape a page of records. A row beyond `limit` says that more follow."""
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return RecordPage(
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
    shown = {name: kept[name] for name in EntryEvidenceOut.model_fields if name in kept}
    predictions = PredictionsFileOut(url=f"{here}/{sha256}", sha256=sha256)
    return EntryEvidenceOut.model_validate({**shown, "predictions": predictions})
