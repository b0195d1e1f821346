"""What happens after somebody asked: whether there is an account, is looked up here and not there.

So the answer, and its time, is the same for every address.
"""

from uuid import UUID

from dml.accounts.recovery import service
from dml.accounts.recovery.service import Post
from dml.core import processes, worker
from dml.core.context import Context
from dml.core.ids import UserId, new_id
from dml.core.processes import Steps, process


def _post() -> Post:
    parts = worker.parts()
    return Post(parts.opener, parts.settings)


@process("accounts.mail_sign_up.v1")
async def mail_sign_up(steps: Steps, email: str, base: str) -> None:
    await steps.change(write_sign_up, email, base)


async def write_sign_up(ctx: Context, email: str, base: str) -> None:
    await service.mail_sign_up(ctx, _post(), email, base)


@process("accounts.mail_reset.v1")
async def mail_reset(steps: Steps, email: str, base: str) -> None:
    await steps.change(write_reset, email, base)


async def write_reset(ctx: Context, email: str, base: str) -> None:
    await service.mail_reset(ctx, _post(), email, base)


@process("accounts.mail_email_change.v1")
async def mail_change(steps: Steps, user_id: UUID, email: str, base: str) -> None:
    await steps.change(write_change, user_id, email, base)


async def write_change(ctx: Context, user_id: UUID, email: str, base: str) -> None:
    await service.mail_change(ctx, _post(), UserId(user_id), email, base)


async def ask_sign_up(ctx: Context, email: str, base: str) -> None:
    """Have a link to sign up mailed to this address, in whatever case it was written."""
    await processes.start(ctx, f"sign-up:{new_id()}", mail_sign_up, email.lower(), base)


async def ask_reset(ctx: Context, email: str, base: str) -> None:
    """Have a link to choose another password mailed, if this address has an account."""
    await processes.start(ctx, f"reset:{new_id()}", mail_reset, email.lower(), base)


async def ask_change(ctx: Context, email: str, base: str) -> None:
    """Have the link by which the actor's account takes this address mailed there."""
    await processes.start(
        ctx, f"email-change:{new_id()}", mail_change, ctx.actor.id, email.lower(), base
    )
