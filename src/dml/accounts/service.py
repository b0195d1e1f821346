"""The use cases of users, one function per verb. Sessions are in sessions.py."""

from datetime import date
from typing import Any, TypedDict

from sqlalchemy.dialects.postgresql import insert

from dml.accounts import queries, rules, sessions
from dml.accounts.events import UserPasswordChanged, UserPasswordReset, UserRegistered
from dml.accounts.factors import statements as factors
from dml.accounts.models import NO_PASSWORD, DataKind, EducationLevel, Gender, User
from dml.accounts.tokens import service as tokens
from dml.core import events
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
    shows_prizes: bool


async def register(
    ctx: Context,
    *,
    email: str | None,
    password_hash: str = NO_PASSWORD,
    role: Role = Role.MEMBER,
    user_id: UserId | None = None,
) -> User:
    """Open an account. Two at once with one address: the second waits, and is refused.

    One without a password is given another way to sign in by whoever calls. `user_id` is a new one
    that was told somebody already.
    """
    row: dict[str, Any] = {
        "id": user_id or UserId(new_id()),
        "email": None if email is None else email.lower(),
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
    await events.record(ctx, UserRegistered(user.id, role), [events.user(user.id)])
    return user


async def edit_profile(
    ctx: Context, user_id: UserId, profile: Profile, *, revision: int | None
) -> User:
    """Change the profile; refuse where it is no longer at `revision`, if one is named."""
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    rules.EditedMeanwhile.require_newest(user.revision, revision)
    rules.require_old_enough(profile.get("date_of_birth"), ctx.now)
    for name, value in profile.items():
        setattr(user, name, value)
    user.revision += 1
    return user


async def change_password(ctx: Context, password_hash: str) -> User:
    """Give the actor's account another password, and end the other sessions: one may be a thief's.

    The caller had it proven who asks.
    """
    user = await queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    user.password_hash = password_hash
    await factors.forgive_wrong(ctx.tx, user.id)
    await sessions.end_all(ctx, user.id, "password changed", but=ctx.actor.session_id)
    await events.record(ctx, UserPasswordChanged(user.id), [events.user(user.id)])
    return user


async def set_password(ctx: Context, user_id: UserId, password_hash: str) -> User:
    """Give an account another password, and end every session: whoever has one may be a thief."""
    user = await queries.get_user(ctx.tx, user_id, lock=True)
    user.password_hash = password_hash
    await factors.forgive_wrong(ctx.tx, user.id)
    await sessions.end_all(ctx, user_id, "password reset")
    await tokens.revoke_all(ctx, user_id, "password reset")
    await events.record(ctx, UserPasswordReset(user.id), [events.user(user.id)])
    return user
