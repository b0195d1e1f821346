"""The SELECTs of the leaderboard, and of public decisions and disputes about it.

A page of the board follows an index, however many entrants and submissions there are: what a row
shows of its submissions is counted when they are scored.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import rules as account_rules
from dml.bounties.judging import rules
from dml.bounties.models import (
    Agreement,
    Bounty,
    Decision,
    Dispute,
    Enrollment,
    EnrollmentState,
    Judging,
    Member,
    Ranking,
    Record,
    Submission,
    SubmissionState,
    TestSet,
)
from dml.bounties.submissions import rules as submission_rules
from dml.core.context import Actor
from dml.core.db import HELD, PAGE_MAX, Shown
from dml.core.ids import BountyId, EnrollmentId
from dml.core.keyset import Place, from_microseconds, to_microseconds

RECORDS_MAX: Final = 1_000  # In one plot.
ROWS_MAX: Final = 1_000  # That an export reads at once.
_KEY: Final = struct.Struct(">dq16s")


class LeaderboardPart(StrEnum):
    """What a leaderboard shows.

    `public`: the public scores, from the first submission on. `final`: the final ranking.
    """

    PUBLIC = "public"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Key(Place):
    """The sort key of a row: its best score, place or number; then its time; then its id."""

    key: float
    at: datetime
    id: UUID

    def pack(self) -> bytes:
        return _KEY.pack(self.key, to_microseconds(self.at), self.id.bytes)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        key, micros, id_ = _KEY.unpack(content)
        at = from_microseconds(micros)
        if not isfinite(key) or not 1970 <= at.year < 2200:
            raise ValueError("orders no row")
        return cls(key, at, UUID(bytes=id_))


@dataclass(frozen=True, slots=True)
class Pair(Place):
    """The sort key of two entrants who agree: their ids."""

    first_id: UUID
    second_id: UUID

    def pack(self) -> bytes:
        return self.first_id.bytes + self.second_id.bytes

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        return cls(UUID(bytes=content[:16]), UUID(bytes=content[16:]))


def part_of(bounty: Bounty, requested: LeaderboardPart | None) -> LeaderboardPart:
    """Return the part to show. If none is requested: the final one, as soon as there is one."""
    if requested is None:
        return LeaderboardPart.FINAL if rules.is_ranked(bounty) else LeaderboardPart.PUBLIC
    if requested is LeaderboardPart.FINAL:
        rules.require_ranked(bounty)
    return requested


_ENTRANT: Final = Enrollment.__table__.c
_BEST: Final = Submission.__table__.c
# What is shown of a row, under the names of the wire, each with what its best score stands for.
_OF_ALL: Final = (
    *(_ENTRANT.id.label("enrollment_id"), _ENTRANT.number, _ENTRANT.name, _ENTRANT.state),
    *(_ENTRANT.submissions, _ENTRANT.best_at.label("at")),
    *(_BEST.commitment, _BEST.predictions_sha256),
)
_OF_PART: Final = {
    LeaderboardPart.PUBLIC: (*_OF_ALL, _ENTRANT.best_score.label("score")),
    LeaderboardPart.FINAL: (
        *(*_OF_ALL, _ENTRANT.private_score.label("score"), _ENTRANT.tied_from, _ENTRANT.tied_to),
        *(_ENTRANT.chance_of_first, _ENTRANT.prize),
    ),
}
SHOWN: Final = {part: tuple(it.name for it in columns) for part, columns in _OF_PART.items()}
# Those who are on the board; and after what is shown, what orders them. Made once, and of tables:
# whatever is added to it, all of a statement is looked at again to recognise it.
_ROWS: Final = {
    part: select(*columns, _ENTRANT.best_key, _ENTRANT.place, _ENTRANT.created_at)
    .outerjoin_from(
        Enrollment.__table__, Submission.__table__, _BEST.id == _ENTRANT.best_submission_id
    )
    .where(or_(*(_ENTRANT.state == it for it in rules.STANDING)))
    for part, columns in _OF_PART.items()
}


async def list_board(
    tx: AsyncSession, bounty: Bounty, part: LeaderboardPart, *, after: Key | None, limit: int
) -> Sequence[Shown]:
    """Return a page of the board, the best first, and one row beyond `limit`."""
    assert 0 < limit <= ROWS_MAX
    named = {"bounty": bounty.id, "rows": limit + 1}
    return (await tx.execute(page_of(bounty.judging, part, after), named)).all()


@lru_cache(maxsize=100)
def page_of(judging: Judging, part: LeaderboardPart, after: Key | None) -> Select[*tuple[Any, ...]]:
    """Select so many `rows` of the board of a `bounty` from a row on, along an index.

    A bounty judged by hand has no public scores: entrants who submitted are shown by number.
    """
    query = _ROWS[part].where(_ENTRANT.bounty_id == bindparam("bounty")).limit(bindparam("rows"))
    if part is LeaderboardPart.FINAL:
        query = query.where(_ENTRANT.place.is_not(None)).order_by(_ENTRANT.place, _ENTRANT.id)
        return query if after is None else query.where(_ENTRANT.place > after.key)
    if judging is Judging.MANUAL:
        query = query.where(_ENTRANT.submissions > 0).order_by(_ENTRANT.number)
        return query if after is None else query.where(_ENTRANT.number > after.key)
    order = (_ENTRANT.best_key, _ENTRANT.best_at, _ENTRANT.id)
    query = query.where(_ENTRANT.best_key.is_not(None)).order_by(*order)
    if after is None:
        return query
    return query.where(tuple_(*order) > (after.key, after.at, after.id))


def key_of(bounty: Bounty, part: LeaderboardPart, row: Shown) -> Key:
    """Return the key after which the next page begins."""
    if part is LeaderboardPart.FINAL:
        return Key(float(row.place), row.created_at, row.enrollment_id)
    if bounty.judging is Judging.MANUAL:
        return Key(float(row.number), row.created_at, row.enrollment_id)
    return Key(row.best_key, row.at, row.enrollment_id)


async def count_before(
    tx: AsyncSession, bounty: Bounty, part: LeaderboardPart, after: Key | None
) -> int:
    """Count the public board's rows up to this one, so that a later page goes on counting.

    On other boards rows have places of their own, or none: 0.
    """
    if after is None or part is LeaderboardPart.FINAL or bounty.judging is Judging.MANUAL:
        return 0
    order = tuple_(Enrollment.best_key, Enrollment.best_at, Enrollment.id)
    query = select(func.count()).where(
        Enrollment.bounty_id == bounty.id,
        Enrollment.best_key.is_not(None),
        order <= (after.key, after.at, after.id),
        Enrollment.state.in_(rules.STANDING),
    )
    return await tx.scalar(query) or 0


async def list_records(
    tx: AsyncSession, bounty_id: BountyId, *, after: Key | None, limit: int
) -> Sequence[Shown]:
    """Return when the best public score was beaten, newest first, and one row beyond `limit`."""
    assert 0 < limit <= RECORDS_MAX
    query = (
        select(Record.at, Record.score, Record.enrollment_id, Enrollment.name, Enrollment.number)
        .join(Enrollment, Enrollment.id == Record.enrollment_id)
        .where(Record.bounty_id == bounty_id)
    )
    if after is not None:
        query = query.where(Record.at < after.at)
    return (await tx.execute(query.order_by(Record.at.desc()).limit(limit + 1))).all()


async def list_disqualified(tx: AsyncSession, bounty_id: BountyId) -> Sequence[Shown]:
    """Return who was disqualified and why, by number: at most a hundred."""
    query = (
        select(Enrollment.id, Enrollment.name, Enrollment.number, Enrollment.state_reason)
        .where(Enrollment.bounty_id == bounty_id, Enrollment.state == EnrollmentState.DISQUALIFIED)
        .order_by(Enrollment.number)
    )
    return (await tx.execute(query.limit(PAGE_MAX))).all()


async def list_decisions(
    tx: AsyncSession, bounty_id: BountyId, *, after: UUID | None, limit: int
) -> Sequence[Decision]:
    """Return the decisions about winners, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = select(Decision).where(Decision.bounty_id == bounty_id)
    if after is not None:
        query = query.where(Decision.id < after)
    return (await tx.scalars(query.order_by(Decision.id.desc()).limit(limit + 1))).all()


async def list_orders(tx: AsyncSession, bounty_id: BountyId) -> list[list[EnrollmentId]]:
    """Return the orders of winners that were decided, the oldest first."""
    query = (
        select(Decision.winners)
        .where(Decision.bounty_id == bounty_id, Decision.action.in_(rules.ORDERING))
        .order_by(Decision.id)
    )
    return [[EnrollmentId(UUID(it)) for it in named] for named in await tx.scalars(query)]


async def list_disputes(
    tx: AsyncSession, bounty_id: BountyId, *, after: UUID | None, limit: int
) -> Sequence[Shown]:
    """Return the disputes, newest first, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = (
        select(
            Dispute.id,
            Dispute.enrollment_id,
            Dispute.text,
            Dispute.created_at,
            Enrollment.name,
            Enrollment.number,
        )
        .join(Enrollment, Enrollment.id == Dispute.enrollment_id)
        .where(Dispute.bounty_id == bounty_id)
    )
    if after is not None:
        query = query.where(Dispute.id < after)
    return (await tx.execute(query.order_by(Dispute.id.desc()).limit(limit + 1))).all()


async def count_disputes(tx: AsyncSession, enrollment_id: EnrollmentId) -> int:
    """Count an entrant's disputes. Exact while its bounty is locked."""
    query = select(func.count()).where(Dispute.enrollment_id == enrollment_id)
    return await tx.scalar(query) or 0


async def get_names(tx: AsyncSession, ids: Sequence[EnrollmentId]) -> dict[str, str]:
    """Return the names of these entrants, by their ids as text."""
    query = select(Enrollment.id, Enrollment.name).where(Enrollment.id.in_(ids))
    return {str(it.id): it.name for it in (await tx.execute(query)).all()}


async def find_entrants(
    tx: AsyncSession, ids: Sequence[EnrollmentId], *, lock: bool = False
) -> dict[EnrollmentId, Enrollment]:
    """Return which of these entrants exist. `lock=True` locks their rows, in the order of ids."""
    # As one parameter: a statement has 32,767 at most, and a contest may have more entrants.
    chosen = any_(literal(list(ids), ARRAY(Uuid)))
    query = select(Enrollment).where(Enrollment.id == chosen).order_by(Enrollment.id)
    if lock:
        query = query.with_for_update(**HELD).execution_options(populate_existing=True)
    return {it.id: it for it in await tx.scalars(query)}


async def lock_placed(tx: AsyncSession, bounty_id: BountyId) -> list[Enrollment]:
    """Load and lock all entrants with a place, by place. O(entrants): changes are rare."""
    query = (
        select(Enrollment)
        .where(Enrollment.bounty_id == bounty_id, Enrollment.place.is_not(None))
        .order_by(Enrollment.place)
        .with_for_update(**HELD)
    )
    return list(await tx.scalars(query.execution_options(populate_existing=True)))


async def is_any_under_way(tx: AsyncSession, bounty_id: BountyId) -> bool:
    """Whether any submission of this bounty is still to be scored."""
    query = select(Submission.id).where(
        Submission.bounty_id == bounty_id, Submission.state.in_(submission_rules.UNDER_WAY)
    )
    return await tx.scalar(query.limit(1)) is not None


async def list_final(
    tx: AsyncSession, bounty_id: BountyId, *, after: EnrollmentId | None, limit: int
) -> list[tuple[Enrollment, Submission]]:
    """Return entrants who are to be ranked with their final submissions, in the order of ids.

    The final one is what its team chose, else its best.
    """
    assert 0 < limit <= ROWS_MAX
    final = func.coalesce(Enrollment.chosen_submission_id, Enrollment.best_submission_id)
    query = (
        select(Enrollment, Submission)
        .join(Submission, Submission.id == final)
        .where(
            Enrollment.bounty_id == bounty_id,
            Enrollment.competes,
            Submission.state == SubmissionState.SCORED,
        )
    )
    if after is not None:
        query = query.where(Enrollment.id > after)
    rows = (await tx.execute(query.order_by(Enrollment.id).limit(limit))).all()
    return [(entrant, submission) for entrant, submission in rows]


async def list_agreements(
    tx: AsyncSession, actor: Actor, *, bounty_id: BountyId | None, after: Pair | None, limit: int
) -> Sequence[Shown]:
    """Return pairs of entrants who agree too well, the latest entrants first; one beyond `limit`.

    For moderators; others are refused. None are shown of a bounty that they have entered.
    """
    assert 0 < limit <= PAGE_MAX
    account_rules.require_moderator(actor)
    first, second = Enrollment.__table__.alias(), Enrollment.__table__.alias()
    query = select(
        Agreement.bounty_id,
        Agreement.first_id,
        Agreement.second_id,
        Agreement.agreement,
        Agreement.created_at,
        first.c.name.label("first_name"),
        second.c.name.label("second_name"),
    ).where(
        first.c.id == Agreement.first_id,
        second.c.id == Agreement.second_id,
        ~exists().where(
            Member.bounty_id == Agreement.bounty_id,
            Member.user_id == actor.id,
            Member.agreed_at.is_not(None),
        ),
    )
    if bounty_id is not None:
        query = query.where(Agreement.bounty_id == bounty_id)
    order = (Agreement.first_id, Agreement.second_id)
    if after is not None:
        query = query.where(tuple_(*order) < (after.first_id, after.second_id))
    query = query.order_by(*(it.desc() for it in order))
    return (await tx.execute(query.limit(limit + 1))).all()


async def get_ranking(tx: AsyncSession, bounty_id: BountyId) -> Ranking | None:
    return await tx.get(Ranking, bounty_id)


async def is_evidence(tx: AsyncSession, bounty_id: BountyId, sha256: str) -> bool:
    """Whether the bounty's evidence names this blob: its test set, or an entry's predictions."""
    named = select(
        select(Ranking.bounty_id)
        .where(
            and_(
                Ranking.bounty_id == bounty_id,
                Ranking.entries.contains([{"predictions_sha256": sha256}]),
            )
        )
        .exists()
    )
    published = select(TestSet.published).where(TestSet.bounty_id == bounty_id)
    return bool(await tx.scalar(named)) or await tx.scalar(published) == sha256
