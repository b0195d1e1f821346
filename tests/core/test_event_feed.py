"""Readers of the event log miss nothing, whoever commits when, and see what is theirs alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from dml.core import event_feed, event_keeping, event_log, events, partitions
from dml.core.context import SYSTEM, Context
from dml.core.event_feed import (
    Asked,
    Horizon,
)
from dml.core.event_log import EventLog, EventRow
from dml.core.events import Record
from dml.core.ids import JobId, UserId, new_id
from dml.core.partitions import Parted
from dml.core.settings import Settings
from tests.core.engine_watch import until
from tests.two_connections import until_one_waits

Sessions = async_sessionmaker[AsyncSession]
ADA, EVE = UserId(new_id()), UserId(new_id())
MONTHS = Parted("events", by_months=True)
WEEKS = Parted("event_readers", by_months=False)


@dataclass(frozen=True)
class ParcelEvent(events.Event, kind="parcel"):
    job_id: JobId


class ParcelSent(ParcelEvent):
    """It is on its way."""


class ParcelLost(ParcelEvent):
    """It is not."""


@pytest.fixture
def sessions(own_engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(own_engine, expire_on_commit=False)


def context(tx: AsyncSession, at: datetime | None = None) -> Context:
    return Context(tx, SYSTEM, at or datetime.now(UTC))


async def send(tx: AsyncSession, *readers: UserId) -> str:
    """Record an event for these readers, and return its subject."""
    event = ParcelSent(JobId(new_id()))
    await events.record(context(tx), event, [events.user(it) for it in readers])
    return event.subject


async def read(sessions: Sessions, horizon: Horizon, after: int = 0) -> list[str]:
    """Return the subjects of what Ada may read and is settled, as one look tells."""
    async with sessions() as tx:
        up_to = await horizon.look(tx)
        asked = Asked([events.user(ADA)])
        page = await event_feed.read_page(tx, asked, after=after, up_to=up_to, limit=100)
    return [it.subject for it in page.rows]


async def read_settled(sessions: Sessions, horizon: Horizon, number: int) -> list[str]:
    """The same, once so many are settled: other tests' transactions hold the horizon up, too."""
    seen = list[str]()

    async def are_settled() -> bool:
        seen[:] = await read(sessions, horizon)
        return len(seen) >= number

    await until(are_settled)
    return seen


async def settle(sessions: Sessions) -> int:
    """Return a number up to which all that happened is settled."""
    horizon = Horizon()

    async def is_settled() -> bool:
        return await horizon.settle(sessions) >= horizon.last_drawn

    await until(is_settled)
    return horizon.number


@asynccontextmanager
async def open_writer(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """A transaction that has written something else, and so has begun before all others."""
    async with sessions() as tx:
        await tx.execute(text("SELECT pg_current_xact_id()"))
        yield tx


async def test_an_event_that_commits_late_is_not_skipped(sessions: Sessions) -> None:
    horizon = Horizon()
    async with open_writer(sessions) as late, sessions.begin() as early:
        first = await send(late, ADA)
        second = await send(early, ADA)
        await early.commit()
        for _ in range(3):
            assert await read(sessions, horizon) == []  # It has a number above that of the other.
        await late.commit()
    assert await read_settled(sessions, horizon, 2) == [first, second]


async def test_who_draws_a_number_after_a_look_is_waited_for(sessions: Sessions) -> None:
    horizon = Horizon()
    async with open_writer(sessions) as late:
        for _ in range(3):
            await read(sessions, horizon)
        first = await send(late, ADA)
        async with sessions.begin() as early:
            second = await send(early, ADA)
        for _ in range(3):
            assert await read(sessions, horizon) == []
        await late.commit()
    assert await read_settled(sessions, horizon, 2) == [first, second]


async def test_who_began_last_and_has_not_committed_is_waited_for(sessions: Sessions) -> None:
    """No snapshot of others tells of it, as nothing that began later has ended."""
    horizon = Horizon()
    async with sessions() as late:
        sent = await send(late, ADA)
        for _ in range(4):
            assert await read(sessions, horizon) == []
            assert horizon.number < horizon.last_drawn
        await late.commit()
    assert await read_settled(sessions, horizon, 1) == [sent]


async def test_what_is_taken_back_holds_nobody_up(sessions: Sessions) -> None:
    horizon = Horizon()
    async with sessions() as tx:
        await send(tx, ADA)
        await tx.rollback()
    async with sessions.begin() as tx:
        sent = await send(tx, ADA)
    assert await read_settled(sessions, horizon, 1) == [sent]


async def test_a_page_waits_only_a_moment_for_who_never_commits(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "SETTLE_SECONDS", 0.2)
    horizon = Horizon()
    async with open_writer(sessions) as forgetful:
        await send(forgetful, ADA)
        async with sessions.begin() as tx:
            await send(tx, ADA)
        assert await horizon.settle(sessions) < horizon.last_drawn


async def test_each_reads_what_is_theirs_and_an_admin_all(sessions: Sessions) -> None:
    async with sessions.begin() as tx:
        both, hers, nobodys = await send(tx, ADA, EVE), await send(tx, EVE), await send(tx)
    up_to = await settle(sessions)

    async def seen(asked: Asked) -> list[str]:
        async with sessions() as tx:
            page = await event_feed.read_page(tx, asked, after=0, up_to=up_to, limit=100)
            return [it.subject for it in page.rows]

    assert await seen(Asked([events.user(ADA), events.EVERYONE])) == [both]
    assert await seen(Asked([events.user(ADA), events.user(EVE)])) == [both, hers]
    assert await seen(Asked([])) == []
    assert await seen(Asked(None)) == [both, hers, nobodys]
    assert await seen(Asked(None, subject=hers)) == [hers]
    assert await seen(Asked(None, types=[ParcelLost.TYPE])) == []


async def test_pages_follow_one_another_though_few_rows_fit(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "SCAN_MAX", 4)
    lost = [ParcelLost(JobId(new_id())) for _ in range(3)]
    async with sessions.begin() as tx:
        for it in lost:
            sent = [Record(ParcelSent(JobId(new_id())), [events.user(ADA)]) for _ in range(5)]
            await events.record_many(context(tx), [*sent, Record(it, [events.user(ADA)])])
    up_to = await settle(sessions)
    seen, after, pages = list[str](), 0, 0
    asked = Asked([events.user(ADA)], types=[ParcelLost.TYPE])
    async with sessions() as tx:
        while True:
            page = await event_feed.read_page(tx, asked, after=after, up_to=up_to, limit=2)
            seen += [it.subject for it in page.rows]
            after, pages = page.number, pages + 1
            if not page.has_more:
                break
    assert seen == [it.subject for it in lost]
    assert pages == 3  # Of 18 rows four are looked through for each, and more while it has none.


async def test_a_page_is_empty_only_where_very_many_rows_do_not_fit(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "SCAN_MAX", 2)
    monkeypatch.setattr(event_feed, "SCANS_MAX", 3)
    async with sessions.begin() as tx:
        sent = [Record(ParcelSent(JobId(new_id())), [events.user(EVE)]) for _ in range(7)]
        lost = Record(ParcelLost(JobId(new_id())), [events.user(EVE)])
        await events.record_many(context(tx), [*sent, lost])
    up_to = await settle(sessions)
    asked = Asked([events.user(EVE)], types=[ParcelLost.TYPE])
    async with sessions() as tx:
        first = await event_feed.read_page(tx, asked, after=0, up_to=up_to, limit=2)
        assert (list(first.rows), first.has_more) == ([], True)
        then = await event_feed.read_page(tx, asked, after=first.number, up_to=up_to, limit=2)
    assert [it.subject for it in then.rows] == [lost.event.subject]


def test_parts_follow_one_another_without_a_gap() -> None:
    at = datetime(2026, 12, 30, 23, 59, tzinfo=UTC)
    assert MONTHS.start(at) == datetime(2026, 12, 1, tzinfo=UTC)
    assert MONTHS.next(MONTHS.start(at)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert WEEKS.start(at) == datetime(2026, 12, 28, tzinfo=UTC)
    assert WEEKS.next(WEEKS.start(at)) == datetime(2027, 1, 4, tzinfo=UTC)


def keep_for(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    parts = SimpleNamespace(settings=settings)
    monkeypatch.setattr("dml.core.worker.parts", lambda: parts)


async def parts_of(tx: AsyncSession, table: str) -> list[str]:
    query = text(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:it)"
    )
    return sorted(await tx.scalars(query.bindparams(it=table)))


async def keep_all(tx: AsyncSession, now: datetime) -> None:
    """Keep as a worker does, until there is no more to do."""
    while await event_keeping.keep(context(tx, now)):
        pass


async def test_what_is_old_goes_with_its_table_and_what_comes_has_room(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch, Settings(keep_events_days=30, keep_audit_days=60))
    then = datetime(2027, 3, 3, tzinfo=UTC)
    async with sessions.begin() as tx:
        await keep_all(tx, then)
        old = ParcelSent(JobId(new_id()))
        await events.record(context(tx, then), old, [events.user(ADA)])
        now = then + timedelta(days=45)
        await keep_all(tx, now)
        new = replace(old, job_id=JobId(new_id()))
        await events.record(context(tx, now), new, [events.user(ADA)])
        await keep_all(tx, now)
        assert "events_2027_03_01" in await parts_of(tx, "events")
        assert "event_readers_2027_03_01" not in await parts_of(tx, "event_readers")
        forgotten = await tx.scalar(select(EventLog.forgotten_up_to))
        numbers = (await tx.scalars(select(EventRow.number).order_by(EventRow.number))).all()
        assert [forgotten] == numbers[:1]
        assert len(await event_log.history(tx, old.subject)) == 1  # Its timeline is kept longer.

        later = now + timedelta(days=60)
        await keep_all(tx, later)
        assert await event_log.history(tx, old.subject) == []
        assert len(await event_log.history(tx, new.subject)) == 1
        assert "events_2027_03_01" not in await parts_of(tx, "events")


async def test_what_lies_in_no_part_of_its_own_goes_too(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch, Settings(keep_events_days=30, keep_audit_days=60))
    then = datetime(2027, 3, 3, tzinfo=UTC)
    async with sessions.begin() as tx:
        sent = ParcelSent(JobId(new_id()))
        await events.record(context(tx, then), sent, [events.user(ADA)])
        await keep_all(tx, then)  # Too late to give March a part of its own.
        assert "events_2027_03_01" not in await parts_of(tx, "events")
        assert "events_2027_04_01" in await parts_of(tx, "events")
        await keep_all(tx, then + timedelta(days=100))
        assert await event_log.history(tx, sent.subject) == []
        assert await tx.scalar(text("SELECT count(*) FROM event_readers")) == 0
        assert await tx.scalar(select(EventLog.forgotten_up_to))


async def test_who_records_an_event_and_who_makes_room_never_deadlock(
    own_engine: AsyncEngine, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_for(monkeypatch, Settings())

    async def keep(now: datetime) -> None:
        done = 1
        while done:
            async with sessions.begin() as tx:
                done = await event_keeping.keep(context(tx, now))

    for year, table in ((2031, "events"), (2032, "event_readers")):
        now = datetime(year, 1, 1, tzinfo=UTC)
        async with sessions.begin() as writer:
            # Half of what a statement locks that writes both.
            await writer.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))
            keeping = asyncio.create_task(keep(now))
            await until_one_waits(own_engine)
            await send(writer, ADA)
        await keeping
        async with sessions.begin() as tx:
            assert f"events_{year}_03_01" in await parts_of(tx, "events")
            assert f"event_readers_{year}_01" in str(await parts_of(tx, "event_readers"))


async def test_a_row_that_comes_while_room_is_made_stays_with_the_rest(
    own_engine: AsyncEngine, sessions: Sessions
) -> None:
    then = datetime(2033, 1, 1, tzinfo=UTC)
    async with sessions.begin() as writer:
        await events.record(context(writer, then), ParcelSent(JobId(new_id())), [events.user(ADA)])

        async def prepare() -> int:
            async with sessions.begin() as tx:
                return await MONTHS.prepare(tx, then)

        made = asyncio.create_task(prepare())
        await until_one_waits(own_engine)
    assert await made == partitions.AHEAD - 1
