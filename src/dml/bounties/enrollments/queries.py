"""The SELECTs of entrants and their members. Edges may read through these."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User
from dml.accounts.queries import name_of
from dml.bounties import queries
from dml.bounties.enrollments import rules as enrollment_rules
from dml.bounties.models import Bounty, BountyState, Enrollment, EnrollmentState, Member
from dml.core.context import Actor
from dml.core.db import HELD, PAGE_MAX
from dml.core.events import user
from dml.core.ids import BountyId, EnrollmentId, UserId
from dml.core.money import MicroTokens


@dataclass(frozen=True, slots=True)
class Entry:
    """An entrant with all its members, also those who left or have not answered."""

    enrollment: Enrollment
    members: Sequence[Member]
    names: Mapping[UserId, str | None] = field(default_factory=dict)  # Where they are shown.


@dataclass(frozen=True, slots=True)
class Prizes:
    """What was won: the sum, and by how many."""

    sum: MicroTokens
    winners: int


async def get_enrollment(
    tx: AsyncSession, bounty_id: BountyId, enrollment_id: EnrollmentId, *, lock: bool = False
) -> Enrollment:
    """Load an entrant of this bounty. `lock=True` holds its row; the caller holds the bounty's."""
    enrollment = await tx.get(
        Enrollment, enrollment_id, with_for_update=HELD if lock else None, populate_existing=lock
    )
    if enrollment is None or enrollment.bounty_id != bounty_id:
        raise enrollment_rules.EnrollmentNotFound
    return enrollment


async def find_mine(
    tx: AsyncSession, user_id: UserId, bounty_id: BountyId, *, lock: bool = False
) -> Enrollment | None:
    """Return the one entrant that this user belongs to, if any."""
    query = (
        select(Enrollment)
        .join(Member, Member.enrollment_id == Enrollment.id)
        .where(
            Member.user_id == user_id,
            Member.bounty_id == bounty_id,
            Member.is_in,
        )
    )
    if lock:
        query = query.with_for_update(of=Enrollment, **HELD).execution_options(
            populate_existing=True
        )
    return await tx.scalar(query)


async def list_readers(tx: AsyncSession, enrollment_id: EnrollmentId) -> list[str]:
    """Return who sees what happens to an entrant: who is in its team, and the bounty's owner."""
    members = select(Member.user_id).where(Member.enrollment_id == enrollment_id, Member.is_in)
    bounty_id = select(Enrollment.bounty_id).where(Enrollment.id == enrollment_id)
    owner = select(Bounty.owner_id).where(Bounty.id == bounty_id.scalar_subquery())
    return [user(it) for it in await tx.scalars(members.union_all(owner))]


async def find_mine_of(
    tx: AsyncSession, user_id: UserId, bounty_ids: Sequence[BountyId]
) -> Mapping[BountyId, Enrollment]:
    """Return the entrants that this user belongs to, by these bounties."""
    query = select(Enrollment).join(Member, Member.enrollment_id == Enrollment.id)
    mine = Member.user_id == user_id, Member.bounty_id.in_(bounty_ids), Member.is_in
    return {it.bounty_id: it for it in await tx.scalars(query.where(*mine))}


async def list_entered(
    tx: AsyncSession, user_id: UserId, bounty_ids: Sequence[BountyId]
) -> Collection[BountyId]:
    """Return those of these bounties whose entrants this user ever joined, left or not."""
    query = select(Member.bounty_id).where(
        Member.user_id == user_id,
        Member.bounty_id.in_(bounty_ids),
        Member.agreed_at.is_not(None),
    )
    return set(await tx.scalars(query))


async def has_entered(tx: AsyncSession, user_id: UserId, bounty_id: BountyId) -> bool:
    """Whether this user ever joined an entrant, also one that they left."""
    query = select(Member.user_id).where(
        Member.user_id == user_id, Member.bounty_id == bounty_id, Member.agreed_at.is_not(None)
    )
    return await tx.scalar(query.limit(1)) is not None


async def get_mine(
    tx: AsyncSession, user_id: UserId, bounty_id: BountyId, *, lock: bool = False
) -> Enrollment:
    """Return the entrant that this user belongs to, or refuse."""
    enrollment = await find_mine(tx, user_id, bounty_id, lock=lock)
    if enrollment is None:
        raise enrollment_rules.NotEnrolled
    return enrollment


async def count_entered(tx: AsyncSession, user_id: UserId, bounty_id: BountyId) -> int:
    """Count how often this user entered, left or not. Exact while the bounty is locked."""
    query = select(func.count()).where(
        Member.user_id == user_id, Member.bounty_id == bounty_id, Member.agreed_at.is_not(None)
    )
    return await tx.scalar(query) or 0


async def is_name_taken(tx: AsyncSession, bounty_id: BountyId, name: str) -> bool:
    """Whether an entrant has this name, or one that people would confuse with it. O(entrants)."""

    def folded(it: Any) -> Any:
        return func.lower(func.normalize(it, text("NFKC")))

    query = select(Enrollment.id).where(
        Enrollment.bounty_id == bounty_id, folded(Enrollment.name) == folded(cast(name, Text))
    )
    return await tx.scalar(query.limit(1)) is not None


async def get_member(
    tx: AsyncSession, enrollment: Enrollment, user_id: UserId, *, lock: bool = False
) -> Member:
    """Load somebody whom an entrant invited, or who belongs to it, or refuse."""
    key = (enrollment.id, user_id)
    member = await tx.get(Member, key, with_for_update=lock, populate_existing=lock)
    if member is None:
        raise enrollment_rules.NotInvited
    return member


async def get_entry(tx: AsyncSession, enrollment: Enrollment) -> Entry:
    """Return an entrant with its members, the captain first."""
    query = select(Member, name_of(Member.__table__.c.user_id))
    query = query.where(Member.enrollment_id == enrollment.id).order_by(Member.user_id)
    found = (await tx.execute(query)).all()
    members = sorted((it for it, _ in found), key=lambda it: it.user_id != enrollment.captain_id)
    return Entry(enrollment, members, {it.user_id: name for it, name in found})


async def get_own_entries(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId
) -> tuple[Entry | None, list[Entry]]:
    """Return the entry that the actor belongs to, and those that still wait for their answer."""
    await queries.get_bounty(tx, actor, bounty_id)
    mine = await find_mine(tx, actor.id, bounty_id)
    query = (
        select(Enrollment)
        .join(Member, Member.enrollment_id == Enrollment.id)
        .where(
            Member.user_id == actor.id,
            Member.bounty_id == bounty_id,
            Member.agreed_at.is_(None),
            Member.left_at.is_(None),
            Enrollment.competes,
        )
        .order_by(Enrollment.id)
        .limit(enrollment_rules.INVITATIONS_MAX)
    )
    invited = (await tx.scalars(query)).all()
    entry = None if mine is None else await get_entry(tx, mine)
    return entry, [await get_entry(tx, it) for it in invited]


async def list_enrollments(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId, *, after: UUID | None, limit: int
) -> Sequence[tuple[Enrollment, int]]:
    """Return entrants in the order they came, with their team sizes, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    await queries.get_bounty(tx, actor, bounty_id)
    query = _with_sizes().where(Enrollment.bounty_id == bounty_id)
    if after is not None:
        last = select(Enrollment.number).where(Enrollment.id == after).scalar_subquery()
        query = query.where(Enrollment.number > last)
    return [
        (enrollment, size)
        for enrollment, size in await tx.execute(query.order_by(Enrollment.number).limit(limit + 1))
    ]


async def get_public(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId, enrollment_id: EnrollmentId
) -> tuple[Enrollment, int]:
    """Return an entrant of a bounty that the actor may see, with its team size."""
    await queries.get_bounty(tx, actor, bounty_id)
    query = _with_sizes().where(Enrollment.id == enrollment_id, Enrollment.bounty_id == bounty_id)
    found = (await tx.execute(query)).one_or_none()
    if found is None:
        raise enrollment_rules.EnrollmentNotFound
    enrollment, size = found
    return enrollment, size


def _with_sizes() -> Select[Enrollment, int]:
    size = (
        select(func.count())
        .where(
            Member.enrollment_id == Enrollment.id,
            Member.is_in,
        )
        .scalar_subquery()
    )
    return select(Enrollment, size)


async def get_prizes(tx: AsyncSession, bounty_id: BountyId) -> Prizes:
    """Sum what the entrants of a bounty win."""
    query = select(func.sum(Enrollment.prize), func.count()).where(
        Enrollment.bounty_id == bounty_id,
        Enrollment.prize > 0,
        Enrollment.state.in_([EnrollmentState.ENROLLED, EnrollmentState.WINNER]),
    )
    total, winners = (await tx.execute(query)).one()
    return Prizes(MicroTokens(int(total or 0)), winners)


async def list_winners(
    tx: AsyncSession, bounty_id: BountyId, *, after: EnrollmentId | None, limit: int
) -> list[Entry]:
    """Return so many winners, in the order of their ids, each with its members."""
    query = select(Enrollment).where(
        Enrollment.bounty_id == bounty_id,
        Enrollment.state == EnrollmentState.WINNER,
        Enrollment.prize > 0,
    )
    if after is not None:
        query = query.where(Enrollment.id > after)
    winners = (await tx.scalars(query.order_by(Enrollment.id).limit(limit))).all()
    found = select(Member).where(
        Member.enrollment_id.in_([it.id for it in winners]),
        Member.is_in,
    )
    members: dict[EnrollmentId, list[Member]] = {it.id: [] for it in winners}
    for member in await tx.scalars(found.order_by(Member.user_id)):
        members[member.enrollment_id].append(member)
    return [Entry(it, members[it.id]) for it in winners]


async def list_won(
    tx: AsyncSession, user: User, *, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Return what a user won in bounties that are over, newest entries first, and one beyond
    `limit`. Nothing, where they have not chosen to show it: it tells which entrants they were.
    """
    assert 0 < limit <= PAGE_MAX
    if not user.shows_prizes:
        return []
    shown = Enrollment.id, Enrollment.bounty_id, Enrollment.name, Enrollment.place
    query = (
        select(
            *shown,
            Enrollment.prize,
            Bounty.name.label("bounty_name"),
            Bounty.ended_at.label("won_at"),
        )
        .join(Member, Member.enrollment_id == Enrollment.id)
        .join(Bounty, Bounty.id == Enrollment.bounty_id)
        .where(
            Member.user_id == user.id,
            Member.is_in,
            Enrollment.state == EnrollmentState.WINNER,
            Enrollment.prize > 0,
            Bounty.state == BountyState.FINISHED,
        )
    )
    if after is not None:
        query = query.where(Enrollment.id < after)
    return (await tx.execute(query.order_by(Enrollment.id.desc()).limit(limit + 1))).all()


async def lock_unreturned(
    tx: AsyncSession, bounty: Bounty, states: Sequence[EnrollmentState], *, limit: int
) -> Sequence[Enrollment]:
    """Load and lock so many entrants in these states whose fee is still held."""
    query = (
        select(Enrollment)
        .where(
            Enrollment.bounty_id == bounty.id,
            Enrollment.fee > 0,
            Enrollment.fee_returned_at.is_(None),
            Enrollment.state.in_(states),
        )
        .order_by(Enrollment.id)
        .limit(limit)
        .with_for_update(**HELD)
    )
    return (await tx.scalars(query.execution_options(populate_existing=True))).all()


async def sum_unreturned(
    tx: AsyncSession, bounty_id: BountyId, *states: EnrollmentState
) -> MicroTokens:
    """Sum the fees of entrants in these states that are still held."""
    query = select(func.sum(Enrollment.fee)).where(
        Enrollment.bounty_id == bounty_id,
        Enrollment.fee_returned_at.is_(None),
        Enrollment.state.in_(states),
    )
    return MicroTokens(int(await tx.scalar(query) or 0))


async def is_in_a_bounty_of(tx: AsyncSession, user_id: UserId, owner_id: UserId) -> bool:
    """Whether a user is in an entrant, or invited to one, of a bounty that has not ended.

    Holds these bounties: whoever enters one at that moment waits, and sees who has joined.
    """
    running = select(Bounty.id).where(Bounty.owner_id == owner_id, Bounty.ended_at.is_(None))
    await tx.execute(running.order_by(Bounty.id).with_for_update(**HELD))
    query = select(Member.bounty_id).join(Bounty, Bounty.id == Member.bounty_id)
    theirs = Member.user_id == user_id, Member.left_at.is_(None), Bounty.owner_id == owner_id
    return await tx.scalar(query.where(*theirs, Bounty.ended_at.is_(None)).limit(1)) is not None
