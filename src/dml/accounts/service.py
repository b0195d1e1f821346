"""The use cases of users, one function per verb. Sessions are in sessions.py."""

from datetime import date
from typing import TypedDict

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from dml.accounts import queries, rules
from dml.accounts.models import DataKind, EducationLevel, Gender, Session, User
from dml.core import audit
from dml.core.context import Context, Role
from dml.core.ids import UserId, new_id


class Profile(TypedDict, total=False):
    """The fields of a profile that are to change; what is absent stays."""

    first_name: str | None
    last_name: str | None
    bio: str | None
    country: str | None
    date_of_birth: date | None
    gender: Gender | None
    education_level: EducationLevel | None
    permitted_kinds: list[DataKind]


async def register(
    ctx: Context, *, email: str, password_hash: str, role: Role = Role.MEMBER
) -> User:
    """Open an account. Two at once with one address: the second waits, and is refused."""
    row = {
        "id": UserId(new_id()),
        "email": email.lower(),
        "password_hash": password_hash,
        "role": role,
        "created_at": ctx.now,
        "revision": 1,
        "permitted_kinds": [],
    }
    added = insert(User).values(row).on_conflict_do_nothing(index_elements=["email"])
    user: User | None = await ctx.tx.scalar(added.returning(User))
    if user is None:
        raise rules.EmailTaken
    audit.record(ctx, user.reference, "registered", facts={"role": role})
    return user


async def edit_profile(
    ctx: Context, user_id: UserId, profile: Profile, *, revision: int | None
) -> User:
    """Change the profile; refuse where it is no longer at `revision`, if one is named."""
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    rules.EditedMeanwhile.require_newest(user.revision, revision)
    rules.require_born(profile.get("date_of_birth"), ctx.now)
    for name, value in profile.items():
        setattr(user, name, value)
    user.revision += 1
    return user


async def change_role(ctx: Context, user_id: UserId, role: Role) -> User:
    """Make somebody a member, a moderator or an admin. One admin is always left."""
    rules.require_admin(ctx.actor)
    admins = await queries.lock_admins(ctx.tx)
    rules.require_still_admin(ctx.actor, admins)
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    if role is not Role.ADMIN:
        rules.require_another_admin(len(set(admins) - {user_id}))
    audit.record(ctx, user.reference, "role_changed", facts={"from": user.role, "to": role})
    user.role = role
    user.revision += 1
    return user


async def set_password(ctx: Context, user_id: UserId, password_hash: str) -> User:
    """Give an account another password, and end every session: whoever has one may be a thief."""
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    user.password_hash = password_hash
    live = update(Session).where(Session.user_id == user_id, Session.ended_at.is_(None))
    await ctx.tx.execute(live.values(ended_at=ctx.now, end_reason="password reset"))
    audit.record(ctx, user.reference, "password_reset")
    return user
