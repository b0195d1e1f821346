"""Every SELECT of this domain. Edges may read through these; only service.py writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.models import KnownNetwork, RefreshToken, Session, User
from dml.core.context import Role
from dml.core.db import HELD, RawConnection
from dml.core.errors import NotFound
from dml.core.ids import SessionId, UserId


class UserNotFound(NotFound):
    code = "accounts.user_not_found"
    reason = "There is no such user."
    remedy = "Check the id."


async def get_user(tx: AsyncSession, user_id: UserId, *, lock: bool = False) -> User:
    """Load a user, or refuse. `lock=True` holds the row until the transaction ends.

    Of one who erased their account there is none.
    """
    user = await tx.get(
        User, user_id, with_for_update=HELD if lock else None, populate_existing=lock
    )
    if user is None or user.erased_at is not None:
        raise UserNotFound
    return user


async def get_user_or_erased(tx: AsyncSession, user_id: UserId) -> User:
    """Load a user, or what is left of one who erased their account; or refuse. For admins."""
    user = await tx.get(User, user_id)
    if user is None:
        raise UserNotFound
    return user


async def find_credentials(
    tx: AsyncSession, email: str, network_sha256: bytes
) -> tuple[User, str | None, bool] | None:
    """Return who has this e-mail address, the hash of their password, if they have one, and whether
    they came from that network before.

    One statement, which takes as long where nobody has it.
    """
    is_known = (
        select(KnownNetwork.user_id)
        .where(KnownNetwork.user_id == User.id, KnownNetwork.sha256 == network_sha256)
        .exists()
    )
    is_its_password = (Identity.user_id == User.id) & (Identity.kind == IdentityKind.PASSWORD)
    query = select(User, Identity.secret, is_known).outerjoin(Identity, is_its_password)
    row = (await tx.execute(query.where(User.email == email))).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def knows_network(tx: AsyncSession, user_id: UserId, network_sha256: bytes) -> bool:
    """Whether somebody came from this network before."""
    query = select(KnownNetwork.user_id).where(
        KnownNetwork.user_id == user_id, KnownNetwork.sha256 == network_sha256
    )
    return await tx.scalar(query) is not None


async def find_user(tx: AsyncSession, email: str) -> User | None:
    """Return the user with this e-mail address in lower case, if there is one."""
    return await tx.scalar(select(User).where(User.email == email))


_USER: Final = User.__table__.c
_SESSION: Final = Session.__table__.c
_PROFILES: Final = select(
    *(
        _USER[it]
        for it in ("id", "kind", "first_name", "last_name", "bio", "country", "created_at")
    ),
    *(_USER[it] for it in ("photo_sha256", "thumbnail_sha256")),
)
# Made once: each request that somebody signed asks it, and to make it took a fifth of a short one.
_ROLE: Final = select(_USER.role).where(
    _SESSION.user_id == _USER.id,
    _SESSION.id == bindparam("session_id"),
    _USER.id == bindparam("user_id"),
    _SESSION.ended_at.is_(None),
    _SESSION.expires_at > bindparam("now"),
)


def name_of(user_id: ColumnElement[Any]) -> ScalarSelect[str | None]:
    """Select the name that everybody may know of the user whom a column of a list names.

    A part of the list's own statement, found for the rows that are shown and for no other
    (docs/decisions/0043). NULL where they tell none.
    """
    name = func.nullif(func.concat_ws(" ", _USER.first_name, _USER.last_name), "")
    return select(name).where(_USER.id == user_id).scalar_subquery()


async def list_profiles_by_ids(tx: AsyncSession, user_ids: Sequence[UserId]) -> Sequence[Any]:
    """Return what everybody may know of those of these users that there are, in any order."""
    return (await tx.execute(_PROFILES.where(_USER.id.in_(user_ids)))).all()


async def find_role(
    tx: AsyncSession, session_id: SessionId, user_id: UserId, now: datetime
) -> Role | None:
    """Return the role of a user whose session is live, else None. One look-up by primary keys."""
    asked = {"session_id": session_id, "user_id": user_id, "now": now}
    role: Role | None = await tx.scalar(_ROLE, asked)
    return role


class SignedInAs(NamedTuple):
    """What an access token says, and when it was shown."""

    session_id: SessionId
    user_id: UserId
    now: datetime


_ROLES: Final = """
    SELECT (
        SELECT u.role FROM user_sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = asked.session_id AND s.user_id = asked.user_id
            AND s.ended_at IS NULL AND s.expires_at > asked.now
    )
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) WITH ORDINALITY
        AS asked (session_id, user_id, now, n)
    ORDER BY asked.n
"""


async def find_roles(connection: RawConnection, asked: Sequence[SignedInAs]) -> list[Role | None]:
    """Return what `find_role` does, for each of these. Two look-ups by primary keys for each."""
    rows = await connection.fetch(_ROLES, *zip(*asked, strict=True))
    return [None if role is None else Role(role) for (role,) in rows]


_SESSIONS: Final = select(
    *(_SESSION[it] for it in ("id", "device", "network", "created_at", "expires_at")),
    func.coalesce(_SESSION.last_used_at, _SESSION.created_at).label("last_used_at"),
)


async def list_sessions(
    tx: AsyncSession,
    user_id: UserId,
    now: datetime,
    *,
    current: SessionId | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Return a user's live sessions, the newest first, and one beyond `limit`.

    Each says whether it is the `current` one.
    """
    is_current = func.coalesce(_SESSION.id == current, False).label("is_current")
    query = _SESSIONS.add_columns(is_current).where(*_live(user_id, now))
    if after is not None:
        query = query.where(_SESSION.id < after)
    return (await tx.execute(query.order_by(_SESSION.id.desc()).limit(limit + 1))).all()


async def lock_live_sessions(tx: AsyncSession, user_id: UserId, now: datetime) -> Sequence[Session]:
    """Hold all live sessions of a user, in one order, so that two who end them do not block."""
    query = select(Session).where(*_live(user_id, now)).order_by(Session.id).with_for_update()
    return (await tx.scalars(query.execution_options(populate_existing=True))).all()


async def lock_live_session(
    tx: AsyncSession, user_id: UserId, session_id: SessionId, now: datetime
) -> Session | None:
    """Hold a session of this user, if it is live."""
    query = select(Session).where(*_live(user_id, now), Session.id == session_id).with_for_update()
    found: Session | None = await tx.scalar(query.execution_options(populate_existing=True))
    return found


async def has_had_device(tx: AsyncSession, user_id: UserId, device: str | None) -> bool:
    """Tell whether a session of this user that is kept was opened on such a device."""
    query = select(Session.id).where(Session.user_id == user_id, Session.device == device).limit(1)
    return await tx.scalar(query) is not None


async def has_had_session(tx: AsyncSession, user_id: UserId) -> bool:
    """Tell whether a session of this user is kept."""
    query = select(Session.id).where(Session.user_id == user_id).limit(1)
    return await tx.scalar(query) is not None


def _live(user_id: UserId, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _SESSION.user_id == user_id, _SESSION.ended_at.is_(None), _SESSION.expires_at > now


async def find_session(
    tx: AsyncSession, token_sha256: bytes, *, lock: bool
) -> tuple[Session, RefreshToken] | None:
    """Return the session with a refresh token of this digest, and that token.

    `lock=True` holds the session's row, and with it all of its tokens: who changes one holds it.
    """
    query = select(Session).join(RefreshToken).where(RefreshToken.sha256 == token_sha256)
    if lock:
        query = query.with_for_update(of=Session)
    session = await tx.scalar(query.execution_options(populate_existing=True))
    if session is None:
        return None
    token = await tx.get_one(RefreshToken, token_sha256, populate_existing=True)
    return session, token


_ADMINS: Final = (User.role == Role.ADMIN, User.suspended_at.is_(None))


async def lock_admins(tx: AsyncSession) -> list[UserId]:
    """Hold the rows of all admins who are not suspended, in one order, so that two who resign at
    once wait for each other.
    """
    query = select(User.id).where(*_ADMINS).order_by(User.id).with_for_update()
    return list((await tx.scalars(query)).all())


async def count_admins(tx: AsyncSession) -> int:
    query = select(func.count()).select_from(User).where(*_ADMINS)
    return await tx.scalar(query) or 0
