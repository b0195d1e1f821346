"""Tokens of devices: who gets one, and what it opens."""

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.core.context import NOBODY, Context
from dml.core.errors import Conflict
from dml.core.ids import DeviceId, new_id
from dml.core.tokens import Keys
from dml.devices import rules, service, tokens
from dml.devices.models import Device, Nonce
from dml.devices.tokens import DeviceBegin, DeviceCtx
from dml.edge.problems import answer_in_problems
from tests.conftest import Sessions, context
from tests.devices.factories import GRANT_TYPE, TestDevice, encode, pair, paired, signed
from tests.two_connections import after
from tests.world import World, make_user, problem


async def self_of(world: World, token: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await world.client.get("/v1/devices/self", headers=headers)


async def proof(device: TestDevice, **changes: Any) -> httpx2.Response:
    return await device.prove(signed(device.key, device.claims(await device.nonce(), **changes)))


@pytest.mark.parametrize("algorithm", ["Ed25519", "EdDSA"])
async def test_a_signed_nonce_is_worth_a_token(world: World, algorithm: str) -> None:
    device = await pair(world, await world.person())
    given = (await world.client.post(f"{device.path}/nonce")).json()
    assert given["expires_in_seconds"] == 120
    claims = device.claims(given["nonce"])
    answer = await device.prove(signed(device.key, claims, {"alg": algorithm}))
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 900)
    opened = await self_of(world, answer.json()["access_token"])
    assert opened.json()["id"] == str(device.id)


async def test_a_wrong_clock_keeps_nobody_out(world: World) -> None:
    device = await pair(world, await world.person())
    assert (await proof(device, iat=0, nbf=99_999_999_999, exp=1)).status_code == 200


async def test_a_nonce_is_used_once(world: World) -> None:
    device = await pair(world, await world.person())
    assertion = signed(device.key, device.claims(await device.nonce()))
    assert (await device.prove(assertion)).status_code == 200
    refused = await device.prove(assertion)
    problem(refused, 401, "devices.stale_nonce")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_ten_at_once_with_one_nonce_get_one_token(world: World) -> None:
    device = await pair(world, await world.person())
    assertion = signed(device.key, device.claims(await device.nonce()))
    answers = await asyncio.gather(*(device.prove(assertion) for _ in range(10)))
    assert sorted(it.status_code for it in answers) == [200] + [401] * 9


async def test_a_nonce_is_of_one_device(world: World) -> None:
    ada = await world.person("ada")
    device, other = await pair(world, ada), await pair(world, ada)
    nonce = await other.nonce()
    problem(
        await device.prove(signed(device.key, device.claims(nonce))), 401, "devices.stale_nonce"
    )
    assert (await other.prove(signed(other.key, other.claims(nonce)))).status_code == 200
    unknown = await device.prove(signed(device.key, device.claims("never-given")))
    problem(unknown, 401, "devices.stale_nonce")


async def test_a_bad_assertion_does_not_use_up_the_nonce(world: World) -> None:
    device, stranger = await pair(world, await world.person()), Ed25519PrivateKey.generate()
    nonce = await device.nonce()
    forged = await device.prove(signed(stranger, device.claims(nonce)))
    problem(forged, 401, "devices.bad_assertion")
    assert (await device.prove(signed(device.key, device.claims(nonce)))).status_code == 200


async def test_what_a_device_did_not_sign_is_refused(world: World) -> None:
    ada = await world.person("ada")
    device, other = await pair(world, ada), await pair(world, ada)
    claims = device.claims(await device.nonce())
    head, said, signature = signed(device.key, claims).split(".")
    hmac_said = f"{encode(json.dumps({'alg': 'HS256'}).encode())}.{said}"
    public = device.key.public_key().public_bytes_raw()
    mac = hmac.new(public, hmac_said.encode(), hashlib.sha256).digest()
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    for wrong in (
        signed(other.key, claims),
        signed(other.key, other.claims(claims["nonce"])),
        signed(device.key, claims, {"alg": "none"}),
        f"{encode(json.dumps({'alg': 'none'}).encode())}.{said}.",
        f"{hmac_said}.{encode(mac)}",
        f"{head}.{said}.{flipped}",
        f"{head}.{said}.",
        f"{head}.{said}",
        signed(device.key, device.claims(claims["nonce"], aud="users")),
        signed(device.key, device.claims(claims["nonce"], iss=str(other.id))),
        signed(device.key, claims | {"nonce": "nul \0"}),
        "x",
    ):
        problem(await device.prove(wrong), 401, "devices.bad_assertion")
    assert (await device.prove(signed(device.key, claims))).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"assertion": "x" * 2_049},
        {"assertion": "x" * 500_000},
        {"assertion": ""},
        {"assertion": "nul \0"},
        {"assertion": "half \ud800"},
        {"assertion": 1},
        {"assertion": None},
        {"grant_type": "password"},
        {"grant_type": None},
        {"client_id": "more"},
    ],
)
async def test_what_is_no_request_for_a_token_is_refused(
    world: World, wrong: dict[str, Any]
) -> None:
    device = await pair(world, await world.person())
    content = json.dumps({"grant_type": GRANT_TYPE, "assertion": "a.b.c"} | wrong)
    headers = {"content-type": "application/json"}
    refused = await world.client.post(f"{device.path}/token", content=content, headers=headers)
    problem(refused, 422, "http.422")


async def test_no_such_device_gets_neither_nonce_nor_token(world: World) -> None:
    for nobody in (new_id(), "self", "%00", "x" * 200):
        for verb in ("nonce", "token"):
            body = {"grant_type": GRANT_TYPE, "assertion": "a.b.c"}
            refused = await world.client.post(f"/v1/devices/{nobody}/{verb}", json=body)
            assert refused.status_code in (404, 422), refused.text
    path = f"/v1/devices/{new_id()}/nonce"
    problem(await world.client.post(path), 404, "devices.device_not_found")


async def test_strangers_who_ask_for_nonces_push_out_none(world: World) -> None:
    device = await pair(world, await world.person())
    mine = [await device.nonce() for _ in range(2)]
    strangers = await asyncio.gather(*(device.nonce() for _ in range(50)))
    assert len({*mine, *strangers}) == 52
    for nonce in reversed(mine):
        answer = await device.prove(signed(device.key, device.claims(nonce)))
        assert answer.status_code == 200, answer.text
    async with world.parts.sessions() as tx:  # Only what was used takes room.
        query = select(func.count()).select_from(Nonce).where(Nonce.device_id == device.id)
        assert await tx.scalar(query) == 2


async def test_a_nonce_that_was_changed_or_written_otherwise_is_refused(world: World) -> None:
    device = await pair(world, await world.person())
    nonce = await device.nonce()
    assert (await device.prove(signed(device.key, device.claims(nonce)))).status_code == 200
    later = ("B" if nonce[4] == "A" else "A").join((nonce[:4], nonce[5:]))
    for wrong in (nonce, later, nonce[:-1], nonce[:-4], nonce[:32], nonce[::-1], "A" * 64):
        refused = await device.prove(signed(device.key, device.claims(wrong)))
        problem(refused, 401, "devices.stale_nonce")


async def test_a_token_of_a_user_opens_nothing_of_a_device(world: World) -> None:
    ada = await world.person("ada")
    problem(await ada.get("/v1/devices/self"), 401, "devices.not_a_device")
    patched = await ada.patch("/v1/devices/self", {"memory_mib": 1})
    problem(patched, 401, "devices.not_a_device")


async def test_a_token_of_a_device_opens_nothing_of_a_user(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    for path in ("/v1/users/me", "/v1/devices", "/v1/devices/limits", device.path):
        problem(await device.get(path), 401, "core.not_signed_in")
    for path in ("/v1/devices/pairing-codes", f"{device.path}/revoke"):
        problem(await device.post(path), 401, "core.not_signed_in")
    assert (await ada.get(device.path)).json()["revoked_at"] is None


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": ""}, {"Authorization": "Basic YTpi"}]
    + [{"Authorization": f"Bearer {it}"} for it in ("", "x", "a.b.c", "x" * 10_000)],
)
async def test_what_is_no_token_is_refused(world: World, headers: dict[str, str]) -> None:
    refused = await world.client.get("/v1/devices/self", headers=headers)
    problem(refused, 401, "devices.not_a_device")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_token_of_ours_that_says_something_else_is_refused(world: World) -> None:
    ada, keys, now = await world.person("ada"), world.parts.keys, datetime.now(UTC)
    device = await pair(world, ada)
    good = {"sub": str(device.id), "owner": str(ada.id)}

    async def refused(
        claims: dict[str, str], *, audience: str = "device", seconds: int = 60
    ) -> None:
        token = keys.sign(audience=audience, now=now, seconds=seconds, **claims)
        problem(await self_of(world, token), 401, "devices.not_a_device")

    await refused(good, audience="users")
    await refused(good, seconds=0)
    await refused({"sub": str(device.id)})
    await refused({"owner": str(ada.id)})
    await refused(good | {"sub": str(new_id())})
    await refused(good | {"sub": "self"})
    await refused(good | {"owner": str(new_id())})
    elsewhere = Keys({"keys": [_private_jwk()]}).sign(
        audience="device", now=now, seconds=60, **good
    )
    problem(await self_of(world, elsewhere), 401, "devices.not_a_device")
    token = keys.sign(audience="device", now=now, seconds=60, **good)
    assert (await self_of(world, token)).status_code == 200


def _private_jwk() -> dict[str, Any]:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": "elsewhere"}
    return jwk | {"x": encode(public), "d": encode(key.private_bytes_raw())}


async def test_a_revoked_device_is_out_at_once(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    nonce = await device.nonce()
    assert (await device.get("/v1/devices/self")).status_code == 200
    assert (await ada.post(f"{device.path}/revoke")).status_code == 200

    problem(await device.get("/v1/devices/self"), 403, "devices.revoked")
    problem(await device.patch("/v1/devices/self", {"kinds": []}), 403, "devices.revoked")
    problem(await world.client.post(f"{device.path}/nonce"), 403, "devices.revoked")
    refused = await device.prove(signed(device.key, device.claims(nonce)))
    problem(refused, 403, "devices.revoked")


async def test_a_visit_is_noted_once_a_minute(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)

    async def seen() -> datetime:
        await device.get("/v1/devices/self")
        return datetime.fromisoformat((await ada.get(device.path)).json()["last_seen_at"])

    first = await seen()
    assert await seen() == first
    earlier = first - rules.SEEN_AGAIN_AFTER
    async with world.parts.sessions.begin() as tx:
        await tx.execute(update(Device).where(Device.id == device.id).values(last_seen_at=earlier))
    assert await seen() > first


async def a_device(committing: Sessions) -> Device:
    async with committing.begin() as tx:
        return await paired(context(tx, (await make_user(tx, "owner")).id))


def some_keys() -> Keys:
    return Keys({"keys": [_private_jwk()]})


KEYS = some_keys()


async def test_nobody_waits_to_note_a_visit(committing: Sessions) -> None:
    """Two claims of one device at once: the first holds its row for as long as it takes."""
    device, keys, now = await a_device(committing), some_keys(), datetime.now(UTC)
    token = tokens.access_token(keys, device, now, seconds=60)
    async with committing() as first, committing() as second:
        await tokens.authenticate(first, keys, token, now)
        await asyncio.wait_for(tokens.authenticate(second, keys, token, now), timeout=2)
        await second.commit()
        await first.commit()
    async with committing() as tx:
        assert (await tx.scalars(select(Device.last_seen_at))).one() == now


async def test_two_proofs_at_once_share_no_nonce(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    key = Ed25519PrivateKey.generate()
    async with committing.begin() as tx:
        owner = (await make_user(tx, "owner")).id
        ctx = context(tx, owner)
        device = await paired(ctx, key)
        nonce = await service.make_nonce(ctx, KEYS, device.id)
    claims = {"iss": str(device.id), "sub": str(device.id), "aud": "devices", "nonce": nonce}
    assertion = signed(key, claims)
    async with committing() as first, committing() as second:
        await service.prove(context(first, owner), KEYS, device.id, assertion, public_url=None)
        again = service.prove(context(second, owner), KEYS, device.id, assertion, public_url=None)
        with pytest.raises(rules.StaleNonce):
            await after(own_engine, first, again)


async def test_a_nonce_expires_by_the_clock_of_the_request(committing: Sessions) -> None:
    key = Ed25519PrivateKey.generate()
    async with committing.begin() as tx:
        owner = (await make_user(tx, "owner")).id
        ctx = context(tx, owner)
        device = await paired(ctx, key)
        nonce = await service.make_nonce(ctx, KEYS, device.id)
    claims = {"iss": str(device.id), "sub": str(device.id), "nonce": nonce}
    url = "https://dml.example.org"
    assertion = signed(key, claims | {"aud": url})
    async with committing() as tx:
        late = Context(tx, NOBODY, ctx.now + rules.NONCE_LIFETIME)
        with pytest.raises(rules.StaleNonce):
            await service.prove(late, KEYS, device.id, assertion, public_url=url)
    async with committing() as tx:
        last = Context(tx, NOBODY, ctx.now + rules.NONCE_LIFETIME - timedelta(microseconds=1))
        await service.prove(last, KEYS, device.id, assertion, public_url=url)


class Late(Conflict):
    code = "devices.trial_late"
    reason = "This came too late."
    remedy = "Come earlier."
    keeps_changes = True


class Full(Conflict):
    code = "devices.trial_full"
    reason = "There is no room."
    remedy = "Come later."


async def test_a_route_of_devices_commits_before_it_answers_and_may_begin_by_itself(
    committing: Sessions,
) -> None:
    device, keys = await a_device(committing), some_keys()
    app = FastAPI()
    answer_in_problems(app)
    app.state.sessions, app.state.keys = committing, keys

    @app.post("/rename/{name}")
    async def rename(opened: DeviceCtx, name: str) -> DeviceId:
        assert opened.ctx.actor.user_id == opened.device.owner_id
        assert not opened.ctx.actor.is_moderator
        opened.device.name = name
        if name == "late":
            raise Late
        if name == "full":
            raise Full
        return opened.device.id

    @app.get("/stream")
    async def stream(begin: DeviceBegin) -> list[str]:
        names = []
        for _ in range(2):
            async with begin() as opened:
                names.append(opened.device.name)
        return names

    token = tokens.access_token(keys, device, datetime.now(UTC), seconds=60)
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        assert (await client.post("/rename/one")).json() == str(device.id)
        assert (await client.get("/stream")).json() == ["one", "one"]
        problem(await client.post("/rename/full"), 409, "devices.trial_full")
        assert (await client.get("/stream")).json() == ["one", "one"]
        problem(await client.post("/rename/late"), 409, "devices.trial_late")
        assert (await client.get("/stream")).json() == ["late", "late"]
        del client.headers["Authorization"]
        problem(await client.get("/stream"), 401, "devices.not_a_device")
