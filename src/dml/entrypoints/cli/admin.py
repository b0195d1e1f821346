"""The first admin, and resetting a lost password: for whoever has the machine."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from dml.accounts import passwords, queries, service
from dml.core.context import SYSTEM, Context, Role
from dml.core.settings import Settings
from dml.entrypoints import wiring
from dml.refused import Refused

FIRST_EMAIL: Final = "admin@localhost.localdomain"


def ensure_first_admin(settings: Settings) -> str:
    """Make an admin if there is none. Return what to show: nothing if there was one."""
    return asyncio.run(_in_transaction(settings, _make_first))


def reset(settings: Settings, email: str) -> str:
    """Give this account a new random password. Return what to show."""
    return asyncio.run(_in_transaction(settings, lambda ctx: _reset(ctx, email)))


async def _in_transaction(settings: Settings, act: Callable[[Context], Awaitable[str]]) -> str:
    engine = wiring.make_engine(settings, "dml admin")
    try:
        async with wiring.make_sessions(engine).begin() as tx:
            return await act(Context(tx, SYSTEM, datetime.now(UTC)))
    finally:
        await engine.dispose()


async def _make_first(ctx: Context) -> str:
    if await queries.count_admins(ctx.tx) > 0:
        return ""
    password = secrets.token_urlsafe(12)
    password_hash = await passwords.hash_password(password)
    await service.register(ctx, email=FIRST_EMAIL, password_hash=password_hash, role=Role.ADMIN)
    return f"{FIRST_EMAIL}  {password}\n"


async def _reset(ctx: Context, email: str) -> str:
    user = await queries.find_user(ctx.tx, email.lower())
    if user is None:
        raise Refused(f"there is no account with the address {email}")
    password = secrets.token_urlsafe(12)
    await service.set_password(ctx, user.id, await passwords.hash_password(password))
    return f"{email}  {password}\n"
