"""Every SELECT of organisations."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import User, UserKind
from dml.accounts.organisations import rules
from dml.accounts.organisations.models import LINGERS, Invitation, MemberRole, Membership
from dml.accounts.queries import name_of
from dml.core.db import HELD
from dml.core.ids import InvitationId, UserId

_MEMBER: Final = Membership.__table__.c
_INVITED: Final = Invitation.__table__.c
_USER: Final = User.__table__.c
_IS_LIVE: Final = _MEMBER.left_at.is_(None)
_HERE: Final = (
    select(
        _USER.id,
        _USER.first_name.label("name"),
        _USER.created_at,
        _USER.suspended_at,
        _MEMBER.role,
        _MEMBER.since,
    )
    .join_from(Membership.__table__, User.__table__, _USER.id == _MEMBER.organisation_id)
    .where(_IS_LIVE, _USER.erased_at.is_(None))
)


async def find_for_member(tx: AsyncSession, user_id: UserId, organisation_id: UserId) -> Any | None:
    """Return an organisation that this user acts for, and in what role; else None."""
    mine = _MEMBER.user_id == user_id, _MEMBER.organisation_id == organisation_id
    return (await tx.execute(_HERE.where(*mine))).one_or_none()


async def get_for_member(tx: AsyncSession, user_id: UserId, organisation_id: UserId) -> Any:
    """Return an organisation that this user acts for, or refuse."""
    found = await find_for_member(tx, user_id, organisation_id)
    if found is None:
        raise rules.OrganisationNotFound
    return found


async def list_for_member(tx: AsyncSession, user_id: UserId) -> Sequence[Any]:
    """Return what this user acts for, the newest first."""
    mine = _HERE.where(_MEMBER.user_id == user_id).order_by(_USER.id.desc())
    return (await tx.execute(mine.limit(rules.JOINED_MAX))).all()


async def lock(
    tx: AsyncSession, user_id: UserId, organisation_id: UserId
) -> tuple[User, Membership]:
    """Hold an organisation that this user acts for, or refuse: whoever changes its members does."""
    organisation = await tx.get(User, organisation_id, with_for_update=HELD, populate_existing=True)
    membership = await find_membership(tx, user_id, organisation_id)
    found = rules.require_member(organisation, membership)
    assert membership is not None
    return found, membership


async def find_membership(
    tx: AsyncSession, user_id: UserId, organisation_id: UserId
) -> Membership | None:
    """Return that of a user, also where they have left. The caller holds the organisation."""
    return await tx.get(Membership, (user_id, organisation_id), populate_existing=True)


async def list_members(tx: AsyncSession, organisation_id: UserId) -> Sequence[Any]:
    """Return who acts for an organisation, owners first."""
    query = (
        select(
            _MEMBER.user_id,
            name_of(_MEMBER.user_id).label("user_name"),
            _MEMBER.role,
            _MEMBER.since,
        )
        .where(_MEMBER.organisation_id == organisation_id, _IS_LIVE)
        .order_by(_MEMBER.role.desc(), _MEMBER.since, _MEMBER.user_id)
    )
    return (await tx.execute(query.limit(rules.MEMBERS_MAX))).all()


async def count_members(
    tx: AsyncSession, organisation_id: UserId, role: MemberRole | None = None
) -> int:
    query = _count(_MEMBER.organisation_id == organisation_id, _IS_LIVE)
    if role is not None:
        query = query.where(_MEMBER.role == role)
    return await tx.scalar(query) or 0


async def count_joined(tx: AsyncSession, user_id: UserId) -> tuple[int, int]:
    """Return how many organisations a user owns, and for how many they act."""
    owned = func.count().filter(_MEMBER.role == MemberRole.OWNER)
    query = select(owned, func.count()).where(_MEMBER.user_id == user_id, _IS_LIVE)
    found = (await tx.execute(query)).one()
    return found[0], found[1]


async def list_joined_ids(tx: AsyncSession, user_id: UserId) -> Sequence[UserId]:
    """Return the organisations that a user acts for, in the order in which they are held."""
    query = select(_MEMBER.organisation_id).where(_MEMBER.user_id == user_id, _IS_LIVE)
    return (await tx.scalars(query.order_by(_MEMBER.organisation_id))).all()


async def list_interested(
    tx: AsyncSession, owner_ids: Iterable[UserId | None], now: datetime
) -> frozenset[UserId | None]:
    """Return these owners, and of those who are organisations whoever acts for them, or did within
    30 days: all whose own it is.
    """
    owners = [it for it in owner_ids if it is not None]
    lately = or_(_IS_LIVE, _MEMBER.left_at > now - LINGERS)
    query = select(_MEMBER.user_id).where(_MEMBER.organisation_id.in_(owners), lately)
    found = (await tx.scalars(query)).all() if owners else ()
    return frozenset((*owners, *found))


async def list_acted_for(
    tx: AsyncSession, user_id: UserId | None, owner_ids: Iterable[UserId], now: datetime
) -> Sequence[UserId]:
    """Return those of these owners that are organisations which this user acts for, or did within
    30 days: what is theirs is the user's own.
    """
    lately = or_(_IS_LIVE, _MEMBER.left_at > now - LINGERS)
    these = _MEMBER.user_id == user_id, _MEMBER.organisation_id.in_(list(owner_ids)), lately
    return (await tx.scalars(select(_MEMBER.organisation_id).where(*these))).all()


async def is_organisation(tx: AsyncSession, user_ids: Iterable[UserId]) -> bool:
    """Whether one of these users is an organisation, and so nobody who takes part in anything."""
    these = _USER.id.in_(list(user_ids)), _USER.kind == UserKind.ORGANISATION
    return await tx.scalar(select(_USER.id).where(*these).limit(1)) is not None


async def list_open_invitations(
    tx: AsyncSession, organisation_id: UserId, now: datetime
) -> Sequence[Any]:
    """Return the invitations that can still be accepted, the newest first."""
    query = select(
        *(_INVITED[it] for it in ("id", "email", "role", "created_at", "expires_at")),
        _INVITED.invited_by.label("inviter_id"),
        name_of(_INVITED.invited_by).label("inviter_name"),
    ).where(_INVITED.organisation_id == organisation_id, *_open(now))
    query = query.order_by(_INVITED.id.desc()).limit(rules.INVITATIONS_MAX)
    return (await tx.execute(query)).all()


async def count_invitations(
    tx: AsyncSession, organisation_id: UserId, user_id: UserId, now: datetime
) -> tuple[int, int]:
    """Return how many invitations of an organisation are open, and how many it or this user made
    within an hour.
    """
    its = _INVITED.organisation_id == organisation_id
    lately = _INVITED.created_at > now - timedelta(hours=1)
    still_open = await tx.scalar(_count(its, *_open(now)))
    made = await tx.scalar(_count(or_(its, _INVITED.invited_by == user_id), lately))
    return still_open or 0, made or 0


async def lock_invitation(
    tx: AsyncSession, organisation_id: UserId, invitation_id: InvitationId, now: datetime
) -> Invitation:
    """Hold an open invitation of this organisation, or refuse."""
    query = select(Invitation).where(
        _INVITED.id == invitation_id, _INVITED.organisation_id == organisation_id, *_open(now)
    )
    found: Invitation | None = await tx.scalar(query.with_for_update())
    if found is None:
        raise rules.InvitationNotFound
    return found


async def find_invitation(
    tx: AsyncSession, sha256: bytes, *, lock: bool = False
) -> Invitation | None:
    """Return the invitation of this code's digest."""
    query = select(Invitation).where(_INVITED.sha256 == sha256)
    if lock:
        query = query.with_for_update()
    found: Invitation | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _INVITED.ended_at.is_(None), _INVITED.expires_at > now


def _count(*these: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).where(*these)


async def lock_open_to(
    tx: AsyncSession, organisation_id: UserId, email: str, now: datetime
) -> Sequence[Invitation]:
    """Hold the open invitations of an organisation to this address."""
    these = _INVITED.organisation_id == organisation_id, _INVITED.email == email, *_open(now)
    return (await tx.scalars(select(Invitation).where(*these).with_for_update())).all()


async def list_invitations_for_owner(
    tx: AsyncSession, user_id: UserId, organisation_id: UserId, now: datetime
) -> Sequence[Any]:
    """Return the open invitations of an organisation that this user owns, or refuse."""
    rules.require_owner(await get_for_member(tx, user_id, organisation_id))
    return await list_open_invitations(tx, organisation_id, now)
