"""Webhooks of people of the API under test, and a worker that sends for them."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from dml.accounts.events import UserPasswordReset
from dml.core import events
from dml.core.context import SYSTEM, Context
from dml.core.ids import UserId, new_id
from dml.entrypoints import wiring
from dml.feed.webhooks import queries
from dml.feed.webhooks.delivering import Delivering
from dml.feed.webhooks.fanning import Fanning
from dml.feed.webhooks.reaching import Resolver
from dml.feed.webhooks.sending import Caller
from tests.feed.webhooks.sink import Sink
from tests.world import Person, World

WEBHOOKS = "/v1/webhooks"
# What happens in these tests; by `user.*` their own registration may be told, too.
RESETS: Final = UserPasswordReset.TYPE


@dataclass(frozen=True)
class Hook:
    """A webhook, whose it is, and its secret."""

    owner: Person
    path: str
    secret: str

    async def state(self) -> str:
        return str((await self.owner.get(self.path)).json()["state"])

    async def deliveries(self) -> list[dict[str, Any]]:
        """Its newest deliveries, the oldest of them first."""
        answer = await self.owner.get(f"{self.path}/deliveries", params={"limit": 100})
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["items"]))


async def make_hook(world: World, url: str, *types: str, owner: Person | None = None) -> Hook:
    owner = owner or await world.person("hooked")
    answer = await owner.post(WEBHOOKS, {"url": url, "types": list(types)})
    assert answer.status_code == 201, answer.text
    return Hook(owner, answer.headers["location"], answer.json()["secret"])


async def happen(world: World, owner: Person, *subjects: UserId) -> None:
    """Have an event happen to each of these, one after the other, that `owner` may see."""
    for subject in subjects:
        async with world.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await events.record(ctx, UserPasswordReset(subject), [events.user(owner.id)])


def somebody() -> UserId:
    return UserId(new_id())


class Postman:
    """A worker's part in webhooks."""

    def __init__(self, world: World, caller: Caller) -> None:
        self._sessions = world.parts.sessions
        self._fanning = Fanning()
        opener = wiring.make_opener(world.parts.settings)
        self.delivering = Delivering(self._sessions, opener, caller)

    async def fan_out(self, now: datetime | None = None) -> None:
        """Write deliveries for all that has happened by now."""
        async with self._sessions() as tx:
            wanted = await queries.last_number(tx)
        done = 0
        while done < wanted:
            async with self._sessions.begin() as tx:
                await self._fanning.fan_out(Context(tx, SYSTEM, now or datetime.now(UTC)))
                done = await queries.fanned_out_to(tx)

    async def go(self, now: datetime | None = None) -> None:
        """Send all that is due, with what becomes due by that."""
        await self.fan_out(now)
        while await self.delivering.start_due(now):
            await self.delivering.finish()


@asynccontextmanager
async def working(
    world: World, *, to_loopback: bool = True, trust: ssl.SSLContext | None = None
) -> AsyncIterator[Postman]:
    caller = Caller(Resolver(to_loopback=to_loopback), connections=64, trust=trust)
    postman = Postman(world, caller)
    try:
        yield postman
    finally:
        await postman.delivering.stop()


@asynccontextmanager
async def hooked(world: World, sink: Sink, *types: str) -> AsyncIterator[tuple[Hook, Postman]]:
    """A webhook that calls the sink, and is deleted in the end, with a worker."""
    hook = await make_hook(world, sink.url, *types)
    async with working(world) as postman:
        yield hook, postman
    await hook.owner.ask("DELETE", hook.path)
