"""Asking for a link, by who is signed in; and only where mail leaves at all."""

from fastapi import Request

from dml.accounts import queries
from dml.accounts.recovery import choosing, processes, rules, service
from dml.core.context import Context
from dml.edge.http import Parts, parts
from dml.mail import service as mail


async def require_mail(request: Request) -> None:
    """Refuse to promise a mail where none is sent."""
    if not mail.is_possible(parts(request).settings):
        raise rules.NoMail


async def require_open_door(request: Request) -> None:
    """Refuse to open an account at once where that would tell who has one."""
    if parts(request).settings.opens_by_mail:
        raise rules.SignUpByMail


async def ask_verification(ctx: Context, server: Parts, base: str) -> str:
    """Mail the actor a link that proves their address. Return that."""
    user = await queries.get_user(ctx.tx, ctx.actor.id, lock=True)
    email = rules.require_address(user.email)
    rules.require_unverified(user.email_verified_at)
    await service.mail_verification(ctx, choosing.post_of(server), user.id, email, base)
    return email


async def ask_change(ctx: Context, email: str, base: str) -> None:
    """Have a new address asked whether it is the actor's."""
    user = await queries.get_user(ctx.tx, ctx.actor.id)
    rules.require_another(user.email, email.lower())
    await processes.ask_change(ctx, email, base)
