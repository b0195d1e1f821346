"""The first admin, and what somebody lost to sign in with: for whoever has the machine."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

from dml.accounts import passwords, queries, service
from dml.accounts.factors import service as factors
from dml.accounts.models import User
from dml.core.context import SYSTEM, Context, Role
from dml.core.settings import Settings
from dml.entrypoints import fitness, wiring
from dml.refused import Refused

FIRST_EMAIL: Final = "admin@localhost.localdomain"
Login: TypeAlias = tuple[str, str]  # An e-mail address and its password.
DoneT = TypeVar("DoneT")


def ensure_first_admin(settings: Settings) -> Login | None:
    """Make an admin if there is none. Return None if there was one."""
    with fitness.asking():
        return asyncio.run(_in_transaction(settings, _make_first))


def reset(settings: Settings, email: str) -> Login:
    """Give this account a new random password."""
    with fitness.asking():
        return asyncio.run(_in_transaction(settings, lambda ctx: _reset(ctx, email)))


def forget_factors(settings: Settings, email: str) -> bool:
    """Take this account's second factor away. Return whether it had one."""
    with fitness.asking():
        return asyncio.run(_in_transaction(settings, lambda ctx: _forget_factors(ctx, email)))


async def _in_transaction(settings: Settings, act: Callable[[Context], Awaitable[DoneT]]) -> DoneT:
    passwords.configure(settings)
    engine = wiring.make_engine(settings, "dml admin")
    try:
        async with wiring.make_sessions(engine).begin() as tx:
            return await act(Context(tx, SYSTEM, datetime.now(UTC)))
    finally:
        await engine.dispose()


async def _make_first(ctx: Context) -> Login | None:
    if await queries.count_admins(ctx.tx) > 0:
        return None
    password = secrets.token_urlsafe(12)
    password_hash = await passwords.hash_password(password)
    await service.register(ctx, email=FIRST_EMAIL, password_hash=password_hash, role=Role.ADMIN)
    return FIRST_EMAIL, password


async def _forget_factors(ctx: Context, email: str) -> bool:
    return await factors.forget(ctx, (await _find(ctx, email)).id)


async def _find(ctx: Context, email: str) -> User:
    user = await queries.find_user(ctx.tx, email.lower())
    if user is None:
        raise Refused(f"there is no account with the address {email}")
    return user


async def _reset(ctx: Context, email: str) -> Login:
    user = await _find(ctx, email)
    password = secrets.token_urlsafe(12)
    await service.set_password(ctx, user.id, await passwords.hash_password(password))
    return email, password
