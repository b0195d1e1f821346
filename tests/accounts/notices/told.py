"""What people were mailed of their accounts, written here as a worker writes it."""

import json
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text, update

from dml.accounts.models import User
from dml.accounts.notices import processes
from dml.accounts.notices.service import Happened
from dml.core import worker
from dml.core.context import SYSTEM, Context, Role
from dml.core.processes import read_arguments
from dml.mail.service import Letter
from tests.accounts.recovery.mailbox import letters
from tests.worker_parts import make_parts
from tests.world import Person, World

_WAITING: Final = text("""
    DELETE FROM dbos.workflow_status it USING dbos.workflow_input inputs
    WHERE inputs.workflow_uuid = it.workflow_uuid AND it.name = 'accounts.tell.v1'
        AND inputs.inputs LIKE '%' || :user_id || '%'
    RETURNING inputs.inputs
""")


async def verified(world: World, name: str = "ada", role: Role = Role.MEMBER) -> Person:
    """Somebody who has proven that their address is theirs."""
    person = await world.person(name, role)
    await verify(world, person)
    return person


async def verify(world: World, person: Person) -> None:
    async with world.parts.sessions.begin() as tx:
        known = update(User).where(User.id == person.id)
        await tx.execute(known.values(email_verified_at=datetime.now(UTC)))


async def waiting(world: World, person: Person) -> list[Happened]:
    """Take what waits to be told to somebody, in the order in which it happened."""
    async with world.parts.sessions.begin() as tx:
        rows = (await tx.scalars(_WAITING, {"user_id": str(person.id)})).all()
    read = [read_arguments(processes.tell, json.loads(it)["positionalArgs"], {}) for it in rows]
    return sorted((it.arguments["happened"] for it in read), key=lambda it: it.at)


async def notices(world: World, person: Person) -> list[Letter]:
    """Do what waits for a worker, and return all that somebody was mailed, the oldest first."""
    worker.provide(make_parts(world.parts.settings, world.parts))
    for happened in await waiting(world, person):
        async with world.parts.sessions.begin() as tx:
            await processes.write(Context(tx, SYSTEM, datetime.now(UTC)), happened)
    return await letters(world, person.email)
