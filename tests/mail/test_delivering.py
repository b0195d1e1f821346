"""From a row to a mailbox: by a real server, again and again, and never with what was not meant."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.context import SYSTEM, Context
from dml.core.ids import MailId, new_id
from dml.core.settings import Settings
from dml.entrypoints import wiring
from dml.mail import rules, service
from dml.mail.claiming import take
from dml.mail.delivering import Mailing
from dml.mail.models import Mail
from dml.mail.sending import Carrier, SmtpCarrier, carrier_of
from dml.mail.service import Letter
from dml.mail.states import MailState
from tests.mail.servers import SENDER, USER, mail_server, make_certificate, settings_for, signed_in
from tests.world import World

LINK = "https://market.example.org/links/" + "x" * 100
LETTER = Letter("notice", "Grüße", f"Click:\n\n{LINK}\n\n– the marketplace")


def somebody() -> str:
    return f"ada-{new_id()}@example.org"


async def send(
    world: World, recipient: str, letter: Letter = LETTER, *, most: int | None = None
) -> bool:
    """Post a letter; with `most`, as one that anybody can ask for."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        if most is not None and not await service.has_room(ctx, recipient, letter.kind, most=most):
            return False
        await service.post(ctx, world.parts.seal, recipient, letter)
        return True


async def row_of(world: World, recipient: str) -> Mail:
    async with world.parts.sessions() as tx:
        return (await tx.scalars(select(Mail).where(Mail.recipient == recipient))).one()


def mailing(world: World, carrier: Carrier | None) -> Mailing:
    opener = wiring.make_opener(world.parts.settings)
    return Mailing(world.parts.sessions, opener, carrier)


async def go(worker: Mailing, now: datetime | None = None) -> None:
    """Send all that is due, others' mails of these tests, too."""
    while await worker.start_due(now):
        await worker.finish()


@asynccontextmanager
async def nothing_waits(world: World) -> AsyncIterator[None]:
    """Begin without mails of other tests, so that what comes is this test's."""
    async with world.parts.sessions.begin() as tx:
        ended = {"state": MailState.FAILED, "sealed": None, "due_at": None, "lease_id": None}
        await tx.execute(update(Mail).where(Mail.state == MailState.WAITING).values(ended))
    yield


async def test_a_mail_arrives_once_as_it_was_written_and_is_forgotten(
    world: World, settings: Settings
) -> None:
    recipient = somebody()
    await send(world, recipient)
    waiting = await row_of(world, recipient)
    assert waiting.sealed is not None
    assert LINK.encode() not in waiting.sealed
    async with mail_server() as sink:
        async with nothing_waits(world):
            pass
        await send(world, other := somebody())
        worker = mailing(world, SmtpCarrier(settings_for(settings, sink.port)))
        await asyncio.gather(go(worker), go(worker))
        await go(worker)
    (mail,) = sink.taken
    assert (mail["To"], mail["From"], mail["Subject"]) == (other, SENDER, "Grüße")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines() == LETTER.text.splitlines()
    (envelope,) = sink.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [other])
    row = await row_of(world, other)
    assert (row.state, row.attempts, row.sealed, row.error) == (MailState.SENT, 1, None, None)
    assert mail["Message-ID"] == f"<{row.id}@example.org>"


async def test_a_server_that_is_down_for_a_day_loses_nothing(
    world: World, settings: Settings
) -> None:
    async with mail_server() as sink:
        here = settings_for(settings, sink.port)
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        worker, now = mailing(world, SmtpCarrier(here)), datetime.now(UTC)
        began, attempts = now, 0
        while now < began + timedelta(days=1):
            await go(worker, now)
            row = await row_of(world, recipient)
            attempts += 1
            assert (row.state, row.attempts) == (MailState.WAITING, attempts)
            assert row.error
            assert row.due_at is not None
            assert now < row.due_at < now + timedelta(hours=1.3)
            await go(worker, now)  # Not before its time.
            now = row.due_at
        assert attempts < 40
        async with mail_server(port=sink.port) as again:
            await go(worker, now)
        assert [it["To"] for it in again.taken] == [recipient]


async def test_what_comes_too_late_to_be_of_use_is_not_sent(
    world: World, settings: Settings
) -> None:
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        async with mail_server() as sink:
            worker = mailing(world, SmtpCarrier(settings_for(settings, sink.port)))
            await go(worker, datetime.now(UTC) + rules.USEFUL)
        assert sink.taken == []
        row = await row_of(world, recipient)
        assert (row.state, row.sealed) == (MailState.FAILED, None)


@pytest.mark.parametrize(
    ("at", "answer", "state"),
    [
        ("recipient_answer", "550 no such user", MailState.FAILED),
        ("recipient_answer", "450 try later", MailState.WAITING),
        ("data_answer", "554 looks like spam", MailState.FAILED),
        ("data_answer", "451 disk is full", MailState.WAITING),
    ],
)
async def test_a_refusal_for_good_ends_it_and_one_for_now_does_not(
    world: World, settings: Settings, at: str, answer: str, state: MailState
) -> None:
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        async with mail_server() as sink:
            setattr(sink, at, answer)
            await go(mailing(world, SmtpCarrier(settings_for(settings, sink.port))))
        row = await row_of(world, recipient)
        assert (row.state, row.error) == (state, answer)
        assert (row.sealed is None) == (state is MailState.FAILED)


async def test_the_way_is_protected_or_nothing_is_sent(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    server, trust = make_certificate(tmp_path)
    plain = ssl.create_default_context()
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        now = datetime.now(UTC)

        async def attempt(port: int, security: str, trusted: ssl.SSLContext, word: str) -> Mail:
            nonlocal now
            here = signed_in(settings, port, security, word)
            await go(mailing(world, SmtpCarrier(here, trusted)), now)
            row = await row_of(world, recipient)
            now = row.due_at or now
            return row

        async with mail_server() as sink:  # It has no TLS.
            assert (await attempt(sink.port, "starttls", trust, USER[1])).attempts == 1
            assert (await attempt(sink.port, "tls", trust, USER[1])).attempts == 2
        async with mail_server(tls=server) as sink:
            assert (await attempt(sink.port, "starttls", plain, USER[1])).attempts == 3
            row = await attempt(sink.port, "starttls", trust, "another password")
            assert (row.state, row.attempts) == (MailState.WAITING, 4)
            assert "535" in str(row.error)
            assert sink.taken == []
            assert (await attempt(sink.port, "starttls", trust, USER[1])).state is MailState.SENT
            assert [it["To"] for it in sink.taken] == [recipient]
        await send(world, recipient := somebody())
        async with mail_server(tls=server, implicit=True) as sink:
            now = datetime.now(UTC)
            assert (await attempt(sink.port, "tls", trust, USER[1])).state is MailState.SENT


async def test_what_a_killed_worker_had_in_hand_is_sent_by_another_and_not_before(
    world: World, settings: Settings
) -> None:
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        now = datetime.now(UTC)
        async with world.parts.sessions.begin() as tx:
            assert len(await take(Context(tx, SYSTEM, now), most=10)) == 1
        async with mail_server() as sink:
            worker = mailing(world, SmtpCarrier(settings_for(settings, sink.port)))
            await go(worker, now + rules.LEASE - timedelta(seconds=1))
            assert sink.taken == []
            await go(worker, now + rules.LEASE)
            assert [it["To"] for it in sink.taken] == [recipient]


async def test_two_workers_never_have_the_same_mail(
    committing: async_sessionmaker[AsyncSession],
) -> None:
    """Each takes what the other has not, at the same moment."""
    now = datetime.now(UTC)
    async with committing() as one, committing() as two:
        async with committing() as tx, tx.begin():
            for _ in range(6):
                tx.add(waiting(now))
        first = await take(Context(one, SYSTEM, now), most=4)
        second = await take(Context(two, SYSTEM, now), most=4)
        assert len({it.id for it in first} | {it.id for it in second}) == 6


def waiting(now: datetime) -> Mail:
    return Mail(
        id=MailId(new_id()),
        kind="notice",
        recipient=somebody(),
        state=MailState.WAITING,
        created_at=now,
        expires_at=now + rules.USEFUL,
        sealed=b"",
        due_at=now,
    )


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org\r\nBcc: all@example.org",
        "ada@example.org\nX: y",
        "ada@example.org,bob@example.org",
        "ada@example.org> SIZE=1",
        "Ada <ada@example.org>",
        "ada",
        "",
    ],
)
async def test_an_address_is_one_address_and_nothing_more(world: World, address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await send(world, address)


async def test_a_line_break_in_a_subject_never_leaves(world: World, settings: Settings) -> None:
    async with nothing_waits(world):
        evil = Letter("notice", "Hello\r\nBcc: all@example.org", "text")
        await send(world, recipient := somebody(), evil)
        async with mail_server() as sink:
            await go(mailing(world, SmtpCarrier(settings_for(settings, sink.port))))
        assert sink.taken == []
        assert (await row_of(world, recipient)).state is MailState.FAILED


async def test_an_address_in_another_script_is_told_to_servers_by_its_ascii_name(
    world: World, settings: Settings
) -> None:
    async with nothing_waits(world):
        await send(world, f"ada-{new_id()}@bücher.example.org")
        async with mail_server() as sink:
            await go(mailing(world, SmtpCarrier(settings_for(settings, sink.port))))
        (envelope,) = sink.envelopes
        assert envelope.rcpt_tos[0].endswith("@xn--bcher-kva.example.org")


async def test_nobody_is_flooded_by_what_anybody_can_ask_for(world: World) -> None:
    recipient = somebody()
    at_once = await asyncio.gather(*(send(world, recipient, most=3) for _ in range(8)))
    assert sorted(at_once) == [False] * 5 + [True] * 3
    assert await send(world, recipient, Letter("other", "a", "b"), most=3)
    assert await send(world, recipient)  # What nobody can ask for has no bound.
    assert await send(world, somebody(), most=3)


async def test_where_mail_has_no_way_it_waits(world: World, settings: Settings) -> None:
    async with nothing_waits(world):
        await send(world, recipient := somebody())
        outward = settings.model_copy(update={"host": "0.0.0.0", "smtp_host": None})
        assert carrier_of(outward) is None
        await go(mailing(world, None))
        assert (await row_of(world, recipient)).state is MailState.WAITING
