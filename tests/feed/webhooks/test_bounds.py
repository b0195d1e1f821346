"""What bounds webhooks: one owner's share, how long deliveries are kept, and who is called."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import delete, func, select

from dml.core.event_log import EventRow
from dml.core.ids import WebhookId
from dml.feed.webhooks import claiming, delivering, service
from dml.feed.webhooks.reaching import Resolver
from dml.feed.webhooks.sending import Caller
from tests.feed.webhooks.hooks import (
    RESETS,
    Hook,
    Postman,
    happen,
    hooked,
    make_hook,
    somebody,
    working,
)
from tests.feed.webhooks.sink import listening, silence, status
from tests.feed.webhooks.test_delivering import answering
from tests.world import World


def authority(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for `sink.example`, and return who shows it and who trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("sink.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    kept = folder / "sink.pem"
    kept.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(kept)
    return shows, ssl.create_default_context(cafile=kept)


async def test_tls_goes_to_the_address_that_was_checked_and_holds_it_to_the_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shows, trusts = authority(tmp_path)
    async with listening(shows) as sink:
        asked = answering(monkeypatch, "127.0.0.1", "10.0.0.1")
        caller = Caller(Resolver(to_loopback=True), connections=1, trust=trusts)
        answer = await caller.post(f"https://sink.example:{sink.port}/", {}, b"{}")
        assert (answer.status, asked) == (204, ["sink.example"])
        assert sink.calls[0].headers["host"] == f"sink.example:{sink.port}"
        await caller.close()
        answering(monkeypatch, "127.0.0.1")
        for url, trust in (
            (f"https://other.example:{sink.port}/", trusts),  # Another name than it shows.
            (f"https://sink.example:{sink.port}/", None),  # Shown by whom nobody trusts.
        ):
            caller = Caller(Resolver(to_loopback=True), connections=1, trust=trust)
            with pytest.raises(httpcore2.ConnectError, match="certificate verify failed"):
                await caller.post(url, {}, b"{}")
            await caller.close()
        assert len(sink.calls) == 1


def under_way(postman: Postman, *hooks: Hook) -> int:
    """Count the calls of these webhooks that a worker has in hand."""
    ids = [WebhookId(UUID(it.path.rpartition("/")[2])) for it in hooks]
    return sum(postman.delivering._busy[it] for it in ids)


async def test_one_owner_does_not_take_all_places(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "OF_OWNER_AT_ONCE", 3)
    async with listening() as slow, listening() as quick:
        slow.answer = silence
        many = await world.person("many")
        hooks = [await make_hook(world, slow.url, RESETS, owner=many) for _ in range(4)]
        other = await make_hook(world, quick.url, RESETS)
        async with working(world) as postman:
            await happen(world, many, *(somebody() for _ in range(3)))
            await postman.fan_out()
            for _ in range(2):  # Other tests may have left some that are due as well.
                await postman.delivering.start_due()
                assert under_way(postman, *hooks) == 3
            await happen(world, other.owner, somebody())
            await postman.fan_out()
            await postman.delivering.start_due()
            assert under_way(postman, other) == 1
        for hook in (*hooks, other):
            await hook.owner.ask("DELETE", hook.path)


async def test_an_event_that_was_forgotten_while_it_waited_holds_up_none_after_it(
    world: World,
) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        subject, now = somebody(), datetime.now(UTC)
        sink.answer = status(500)
        await happen(world, hook.owner, subject, subject)
        await postman.go(now)
        (first, second) = await hook.deliveries()
        async with world.parts.sessions.begin() as tx:
            oldest = select(func.min(EventRow.number)).where(EventRow.subject == f"user:{subject}")
            gone = delete(EventRow).where(EventRow.number == oldest.scalar_subquery())
            await tx.execute(gone)  # As when its month is dropped.
        sink.answer = status(204)
        for _ in range(2):  # The first look gives up the one, the next sends the other.
            await postman.go(now + timedelta(hours=1))
        (lost, sent) = await hook.deliveries()
        assert (lost["id"], lost["state"], lost["error"]) == (
            first["id"],
            "failed",
            claiming.NOT_KEPT,
        )
        assert (sent["id"], sent["state"]) == (second["id"], "delivered")
        assert await hook.state() == "active"


async def test_deliveries_are_forgotten_after_thirty_days_and_not_before(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        sink.answer = status(500)
        await happen(world, hook.owner, somebody())
        await postman.go()
        made = datetime.fromisoformat((await hook.deliveries())[0]["created_at"])
        for later, kept in ((timedelta(days=30), 1), (timedelta(days=30, seconds=1), 0)):
            async with world.parts.sessions.begin() as tx:
                await service.forget_old(tx, made + later)
            assert len(await hook.deliveries()) == kept
        sink.answer = status(204)
        await happen(world, hook.owner, somebody())
        await postman.go(datetime.now(UTC) + timedelta(hours=1))  # Its queue is empty, and goes.
        assert [it["state"] for it in await hook.deliveries()] == ["delivered"]
