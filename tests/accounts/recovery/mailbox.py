"""What came to an address, read before it is sent, and the worker that writes it."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text

from dml.accounts.recovery import processes
from dml.core import worker
from dml.core.context import SYSTEM, Context
from dml.core.ids import new_id
from dml.entrypoints import wiring
from dml.mail.models import Mail
from dml.mail.service import Letter, open_letter
from tests.worker_parts import make_parts
from tests.world import World

STEPS: Final[dict[str, Callable[..., Awaitable[None]]]] = {
    "accounts.mail_sign_up.v1": processes.write_sign_up,
    "accounts.mail_reset.v1": processes.write_reset,
    "accounts.mail_email_change.v1": processes.write_change,
}
_WAITING: Final = text("""
    DELETE FROM dbos.workflow_status it USING dbos.workflow_input inputs
    WHERE inputs.workflow_uuid = it.workflow_uuid AND name LIKE 'accounts.mail%'
    RETURNING it.name, inputs.inputs
""")
STRONG: Final = "stapled by nobody at all"


def somebody() -> str:
    return f"ada-{new_id()}@example.org"


async def work(world: World, **later: int) -> int:
    """Do what waits for a worker; return how much that was."""
    worker.provide(make_parts(world.parts.settings, world.parts))
    async with world.parts.sessions.begin() as tx:
        rows = (await tx.execute(_WAITING)).all()
        ctx = Context(tx, SYSTEM, datetime.now(UTC) + timedelta(**later))
        for name, inputs in rows:
            await STEPS[name](ctx, *_arguments(inputs))
    return len(rows)


def _arguments(inputs: str) -> list[Any]:
    found: list[Any] = json.loads(inputs)["positionalArgs"]
    return found


async def letters(world: World, email: str) -> list[Letter]:
    """Return what was written to an address, the oldest first."""
    opener = wiring.make_opener(world.parts.settings)
    query = select(Mail).where(Mail.recipient == email).order_by(Mail.created_at, Mail.id)
    async with world.parts.sessions() as tx:
        return [open_letter(opener, it) for it in (await tx.scalars(query)).all()]


def url_in(letter: Letter) -> str:
    found = re.search(r"^http\S+$", letter.text, re.MULTILINE)
    assert found is not None, letter.text
    return found[0]


def token_in(letter: Letter) -> str:
    return url_in(letter).rpartition("token=")[2]


async def last_token(world: World, email: str) -> str:
    await work(world)
    return token_in((await letters(world, email))[-1])
