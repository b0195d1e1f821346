"""Webhooks: how many calls one worker makes, what one costs, and what many that wait take of all.

The calls go to a sink in this process, over loopback and without TLS. Of each webhook a worker has
few calls under way, so there are many webhooks.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import psycopg

from benchmarks import devices
from benchmarks.device_path import Say, scene_of, until_folded
from benchmarks.devices import Scene
from benchmarks.figures import Figure, compared, only_told
from benchmarks.market import Market, vacuum
from dml.accounts.events import UserPasswordReset
from dml.core import events
from dml.core.context import SYSTEM, Actor, Context
from dml.core.events import Record
from dml.core.ids import UserId, new_id
from dml.entrypoints import wiring
from dml.feed.webhooks import service

WEBHOOKS: Final = 32
EVENTS: Final = 3_000  # Of one round, each about another thing.
WAITING: Final = 100_000
RECEIVE_SECONDS: Final = 120.0
_TO_LOOPBACK: Final = {"DML_WEBHOOKS_TO_LOOPBACK": "true"}
_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
# As many webhooks more, whose servers are away: what waits for them is due in a day.
_AWAY: Final = """
    WITH away AS (
        INSERT INTO webhooks (id, user_id, url, types, state, created_at, after_number, secret)
        SELECT uuidv7(), user_id, url, '{job.completed}', 'active', now(), after_number, secret
        FROM webhooks
        RETURNING id
    ), numbered AS (
        SELECT id, row_number() OVER () AS place, count(*) OVER () AS count FROM away
    ), waiting AS (
        SELECT numbered.id AS webhook_id, n, 'job:' || gen_random_uuid() AS subject
        FROM generate_series(1, %s) n JOIN numbered ON numbered.place = n %% numbered.count + 1
    ), written AS (
        INSERT INTO webhook_deliveries (id, webhook_id, number, event_at, type, subject, is_replay,
            state, created_at, attempts, next_attempt_at)
        SELECT uuidv7(), webhook_id, -n, now(), 'job.completed', subject, false, 'waiting', now(),
            3, now() + interval '1 day'
        FROM waiting
    )
    INSERT INTO webhook_queues (webhook_id, subject, due_at)
    SELECT webhook_id, subject, now() + interval '1 day' FROM waiting
"""


class Sink(asyncio.Protocol):
    """A server that takes every call, and counts them."""

    times: Final = list[float]()

    def __init__(self) -> None:
        self._came = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, found, body = bytes(self._came).partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._came.clear()
            self.times.append(time.perf_counter())
            self._transport.write(_NO_CONTENT)


def _length(head: bytes) -> int:
    fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next(int(value) for name, _, value in fields if name == b"content-length")


@contextmanager
def sink() -> Iterator[int]:
    """Take calls on a port while the block runs."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Sink, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield int(server.sockets[0].getsockname()[1])
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@dataclass
class Side:
    """A marketplace with a worker and webhooks, and what was measured of it."""

    market: Market
    scene: Scene
    calls: list[float] = field(default_factory=list)  # A second.
    worker_ms: list[float] = field(default_factory=list)  # Of processor time, a call.
    postgres_ms: list[float] = field(default_factory=list)
    pairs: list[float] = field(default_factory=list)  # Claims with their results, a second.
    api_us: list[float] = field(default_factory=list)  # Of the API's processor time, a pair.

    @property
    def owners(self) -> list[UserId]:
        return self.scene.crowd.owners[:WEBHOOKS]

    def claim(self, seconds: float) -> None:
        until_folded(self.market)
        told = devices.drive(self.market, self.scene, seconds=seconds)
        self.pairs.append(told["pairs_per_second"])
        self.api_us.append(told["api_us_per_pair"])
        until_folded(self.market)

    def call(self) -> None:
        Sink.times.clear()
        before = self.market.worker_seconds(), self.market.postgres_seconds()
        asyncio.run(_happen(self.market, self.owners))
        deadline = time.monotonic() + RECEIVE_SECONDS
        while len(Sink.times) < EVENTS:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(Sink.times)} of {EVENTS} calls came")
            time.sleep(0.05)
        after = self.market.worker_seconds(), self.market.postgres_seconds()
        self.calls.append((EVENTS - 1) / (Sink.times[-1] - Sink.times[0]))
        self.worker_ms.append(1e3 * (after[0] - before[0]) / EVENTS)
        self.postgres_ms.append(1e3 * (after[1] - before[1]) / EVENTS)


def webhooks(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """Two marketplaces in turns: in one of them many deliveries wait."""
    with ExitStack() as stack:
        port = stack.enter_context(sink())
        sides = []
        for name in ("none", "many"):
            side = Side(*stack.enter_context(scene_of(home, f"webhooks_{name}", jobs=400)))
            asyncio.run(_create(side.market, side.owners, port))
            if name == "many":
                with psycopg.connect(side.market.url) as connection:
                    connection.execute(_AWAY, (WAITING,))
            vacuum(side.market)
            side.market.environment |= _TO_LOOPBACK
            side.market.start(workers=1)
            sides.append(side)
        for _ in range(rounds):
            # Short turns in both orders, so that what else the machine does falls on both alike.
            for side in (*sides, *reversed(sides)) * 2:
                side.claim(seconds / 4)
            for side in sides:
                side.call()
    none, many = sides
    for name, side in (("none", none), (f"{WAITING:,}", many)):
        pairs = ", ".join(f"{it:.0f}" for it in side.pairs)
        calls = ", ".join(f"{it:.0f}" for it in side.calls)
        say(f"{name} waiting: pairs/s {pairs}; calls/s {calls}")
    return [
        compared(
            "claims_beside_waiting", median(many.pairs), median(none.pairs), "≥ 0.95", "pairs/s"
        ),
        compared(
            "claims_beside_waiting_api_us", median(many.api_us), median(none.api_us), "≤ 1.05", "µs"
        ),
        compared("webhook_calls_per_second", median(many.calls), median(none.calls), "", "calls/s"),
        only_told("webhook_worker_ms", median(none.worker_ms), "ms"),
        only_told("webhook_postgres_ms", median(none.postgres_ms), "ms"),
    ]


async def _create(market: Market, owners: list[UserId], port: int) -> None:
    seal = wiring.make_seal(market.settings)
    with market.operator() as (operator, engine):
        for owner in owners:
            async with operator.sessions.begin() as tx:
                ctx = Context(tx, Actor(owner), datetime.now(UTC))
                url = f"http://127.0.0.1:{port}/hook"
                await service.create(ctx, seal, url=url, types=[UserPasswordReset.TYPE])
        await engine.dispose()


async def _happen(market: Market, owners: list[UserId]) -> None:
    """Have so many events happen at once, for each owner as many."""
    told = [
        Record(UserPasswordReset(UserId(new_id())), [events.user(owners[number % len(owners)])])
        for number in range(EVENTS)
    ]
    with market.operator() as (operator, engine):
        async with operator.sessions.begin() as tx:
            await events.record_many(Context(tx, SYSTEM, datetime.now(UTC)), told)
        await engine.dispose()
