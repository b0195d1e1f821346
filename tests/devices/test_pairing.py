"""Pairing: a code pairs one device, in its time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.core import event_log
from dml.core.db import connect
from dml.core.ids import DeviceId, UserId, new_id
from dml.core.settings import Settings
from dml.devices import rules, service
from dml.devices.models import Device, PairingCode
from dml.entrypoints.server import create_app
from tests.conftest import NOW, At, Sessions, context
from tests.devices.factories import description, pairing_code, public_key, register
from tests.two_connections import after
from tests.world import World, make_user, problem

new_key = Ed25519PrivateKey.generate


async def test_a_code_pairs_a_device_of_who_made_it(at: At, owner: UserId) -> None:
    made = await service.make_code(at(owner))
    assert made.expires_at == NOW + rules.CODE_LIFETIME
    device = await register(at(owner, seconds=599), made.code, new_key())
    assert (device.owner_id, device.revision) == (owner, 1)
    (entry,) = await event_log.history(at(owner).tx, device.reference)
    assert (entry.action, entry.actor_id) == ("paired", owner)


async def test_only_the_digest_of_a_code_is_kept(at: At, owner: UserId) -> None:
    made = await service.make_code(at(owner))
    row = (await at(owner).tx.scalars(select(PairingCode))).one()
    assert len(row.sha256) == 32
    assert rules.normal_code(made.code).encode() not in row.sha256


async def test_a_code_is_good_for_ten_minutes(at: At, owner: UserId) -> None:
    code = (await service.make_code(at(owner))).code
    with pytest.raises(rules.CodeExpired):
        await register(at(owner, minutes=10), code, new_key())


async def test_a_code_works_once(at: At, owner: UserId) -> None:
    code = (await service.make_code(at(owner))).code
    await register(at(owner), code, new_key())
    with pytest.raises(rules.CodeUsed):
        await register(at(owner), code, new_key())


async def test_who_lost_the_answer_asks_again_even_after_the_time(at: At, owner: UserId) -> None:
    code, key = (await service.make_code(at(owner))).code, new_key()
    device = await register(at(owner), code, key)
    assert (await register(at(owner, hours=1), code, key)).id == device.id
    assert len(await event_log.history(at(owner).tx, device.reference)) == 1


async def test_a_key_registers_once(at: At, owner: UserId, rival: UserId) -> None:
    key = new_key()
    await register(at(owner), (await service.make_code(at(owner))).code, key)
    code = (await service.make_code(at(rival))).code
    with pytest.raises(rules.KeyTaken):
        await register(at(rival), code, key)
    await register(at(rival), code, new_key())  # The code was not used up.


async def test_a_code_that_nobody_made_is_unknown(at: At, owner: UserId) -> None:
    with pytest.raises(rules.CodeUnknown):
        await register(at(owner), "ABCD-EFGH", new_key())


async def test_an_owner_has_so_many_open_codes_and_no_more(
    at: At, owner: UserId, rival: UserId
) -> None:
    codes = [(await service.make_code(at(owner))).code for _ in range(rules.CODES_MAX)]
    with pytest.raises(rules.TooManyCodes):
        await service.make_code(at(owner))
    await service.make_code(at(rival))
    await register(at(owner), codes[0], new_key())
    await service.make_code(at(owner))  # A used one makes room,
    with pytest.raises(rules.TooManyCodes):
        await service.make_code(at(owner))
    await service.make_code(at(owner, minutes=10))  # and so does an expired one.


async def test_two_devices_at_once_with_one_code_are_one(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    async with committing.begin() as tx:
        owner = (await make_user(tx, "owner")).id
        code = (await service.make_code(context(tx, owner))).code
    async with committing() as first, committing() as second:
        await register(context(first, owner), code, new_key())
        with pytest.raises(rules.CodeUsed):
            await after(own_engine, first, register(context(second, owner), code, new_key()))


async def test_one_device_twice_at_once_gets_one_answer(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    async with committing.begin() as tx:
        owner = (await make_user(tx, "owner")).id
        code = (await service.make_code(context(tx, owner))).code
    key = new_key()
    async with committing() as first, committing() as second:
        device = await register(context(first, owner), code, key)
        again = await after(own_engine, first, register(context(second, owner), code, key))
        assert again.id == device.id


async def test_one_key_at_once_with_two_codes_registers_once(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    async with committing.begin() as tx:
        owner = (await make_user(tx, "owner")).id
        one, two = [(await service.make_code(context(tx, owner))).code for _ in range(2)]
    key = new_key()
    async with committing() as first, committing() as second:
        await register(context(first, owner), one, key)
        with pytest.raises(rules.KeyTaken):
            await after(own_engine, first, register(context(second, owner), two, key))


async def test_two_codes_at_once_are_both_counted(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    async with committing.begin() as tx:
        owner = (await make_user(tx, "owner")).id
        for _ in range(rules.CODES_MAX - 1):
            await service.make_code(context(tx, owner))
    async with committing() as first, committing() as second:
        await service.make_code(context(first, owner))
        with pytest.raises(rules.TooManyCodes):
            await after(own_engine, first, service.make_code(context(second, owner)))


def body(code: str, **changes: Any) -> dict[str, Any]:
    key = public_key(new_key())
    return description(code=code, public_key=key) | changes


async def test_pairing_through_http(world: World) -> None:
    ada = await world.person("ada")
    made = (await ada.post("/v1/devices/pairing-codes")).json()
    assert made["expires_in_seconds"] == 600
    assert len(made["code"]) == 9
    asked = body(made["code"].lower().replace("-", " "))
    answer = await world.client.post("/v1/devices", json=asked)
    assert answer.status_code == 201, answer.text
    device = answer.json()
    assert answer.headers["location"] == f"/v1/devices/{device['id']}"
    assert device["owner_id"] == str(ada.id)
    said = {name: asked[name] for name in ("name", "platform", "memory_mib", "country", "kinds")}
    assert device | said == device
    assert (device["last_seen_at"], device["revoked_at"]) == (None, None)

    again = await world.client.post("/v1/devices", json=asked)
    assert (again.status_code, again.json()) == (201, device)
    other = await world.client.post("/v1/devices", json=body(made["code"]))
    problem(other, 409, "devices.code_used")


async def test_a_token_that_is_sent_all_the_same_is_not_read(world: World) -> None:
    asked = body(await pairing_code(await world.person()))
    headers = {"Authorization": "Bearer one-that-expired-long-ago"}
    answer = await world.client.post("/v1/devices", json=asked, headers=headers)
    assert answer.status_code == 201, answer.text


async def test_only_somebody_signed_in_makes_codes(world: World) -> None:
    problem(await world.client.post("/v1/devices/pairing-codes"), 401, "core.not_signed_in")


async def test_too_late_unknown_and_taken_through_http(world: World) -> None:
    ada = await world.person("ada")
    asked = body(await pairing_code(ada))
    assert (await world.client.post("/v1/devices", json=asked)).status_code == 201
    taken = asked | {"code": await pairing_code(ada)}
    problem(await world.client.post("/v1/devices", json=taken), 409, "devices.key_taken")
    unknown = await world.client.post("/v1/devices", json=body("ABCD-EFGH"))
    problem(unknown, 404, "devices.code_unknown")

    old = await pairing_code(ada)
    async with world.parts.sessions.begin() as tx:
        for row in await tx.scalars(select(PairingCode).where(PairingCode.owner_id == ada.id)):
            row.expires_at = NOW
    expired = await world.client.post("/v1/devices", json=body(old))
    problem(expired, 409, "devices.code_expired")
    async with world.parts.sessions() as tx:
        count = select(func.count()).select_from(Device).where(Device.owner_id == ada.id)
        assert await tx.scalar(count) == 1


async def test_ten_at_once_with_one_code_are_one_device(world: World) -> None:
    code = await pairing_code(await world.person())
    asked = (world.client.post("/v1/devices", json=body(code)) for _ in range(10))
    answers = await asyncio.gather(*asked)
    assert sorted(it.status_code for it in answers) == [201] + [409] * 9


@pytest.fixture
async def strict(settings: Settings, database_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The API with small limits, asked from an address that nobody else has."""
    small = settings.model_copy(update={"pairing_tries_a_minute": 3, "device_tokens_a_minute": 180})
    app = create_app(small, connect(database_url, name="strict"))
    transport = httpx2.ASGITransport(app, client=(str(new_id()), 1))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


async def test_who_guesses_codes_is_stopped_even_with_a_right_one(
    world: World, strict: httpx2.AsyncClient
) -> None:
    for guess in ("AAAA-AAAA", "AAAA-AAAB", "AAAA-AAAC"):
        refused = await strict.post("/v1/devices", json=body(guess))
        problem(refused, 404, "devices.code_unknown")
    right = body(await pairing_code(await world.person()))
    stopped = await strict.post("/v1/devices", json=right)
    document = problem(stopped, 429, "edge.too_many_tries")
    assert 0 < int(stopped.headers["retry-after"]) == document["retry_after_seconds"] <= 60
    assert (await world.client.post("/v1/devices", json=right)).status_code == 201


async def test_who_asks_for_nonces_and_tokens_without_end_is_stopped(
    strict: httpx2.AsyncClient,
) -> None:
    path = f"/v1/devices/{DeviceId(new_id())}/nonce"
    for _ in range(180):
        problem(await strict.post(path), 404, "devices.device_not_found")
    problem(await strict.post(path), 429, "edge.too_many_tries")
    assertion = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}
    token = await strict.post(path.replace("nonce", "token"), json=assertion)
    problem(token, 429, "edge.too_many_tries")
