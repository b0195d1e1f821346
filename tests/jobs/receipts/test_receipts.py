"""A receipt says what left and what it cost, signed; it is no token, and no token is one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from joserfc.jwk import KeySet

from dml.agent.receipts import BadReceipt, read
from dml.core import base64url
from dml.core.key_file import new_key
from dml.core.tokens import BadToken, Keys
from dml.jobs.models import JobState
from tests.devices.factories import TestDevice
from tests.jobs.factories import (
    claim_of,
    fold,
    hand_in,
    make_device,
    make_job,
    result,
    settle,
    work,
)
from tests.jobs.test_archiving import archive
from tests.world import World, problem

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def public_keys(world: World) -> KeySet:
    return KeySet.import_key_set((await world.client.get("/.well-known/jwks.json")).json())


async def receipts(world: World, device: TestDevice) -> list[dict[str, Any]]:
    """What the receipts of a device say, as an agent reads them."""
    answer = await device.get("/v1/devices/self/receipts")
    assert answer.status_code == 200, answer.text
    keys = await public_keys(world)
    return [read(it["receipt"], keys) for it in answer.json()["items"]]


async def test_a_receipt_says_what_left_and_what_it_cost_and_when_it_was_counted(
    world: World,
) -> None:
    job = await make_job(
        world, answers="noisy", epsilon=0.5, max_devices=12, max_devices_per_owner=2
    )
    device = await make_device(world)
    (lease,) = await claim_of(device, job)
    assert await receipts(world, device) == []
    await hand_in(device, lease)
    (said,) = await receipts(world, device)
    manifest = (await job.get())["manifest_sha256"]
    rho = (await world.client.get(f"{job.path}/manifest")).json()["answer"]["rho_billionths"]
    assert said == {
        "iss": said["iss"],
        "iat": said["iat"],
        "sub": str(device.owner.id),
        "device_id": str(device.id),
        "assignment_id": lease["id"],
        "job_id": str(job.id),
        "manifest_sha256": manifest,
        "left": result(),
        "counted": False,
        "step": None,
        "spent_rho_billionths": (rho + 1) // 2,
        "budget": said["budget"],
    }
    budget = (await device.owner.get("/v1/privacy/budget")).json()
    assert said["budget"] == {it: budget[it] for it in ("epsilon", "left")}
    assert budget["left"] < budget["epsilon"]
    await fold(world)
    (counted,) = await receipts(world, device)
    assert (counted["counted"], counted["step"]) == (True, 1)
    await work(world, job, 5)  # The first step; those who come then belong to the second.
    await fold(world)
    (late,) = await work(world, job, 1)
    await fold(world)
    assert [it["step"] for it in await receipts(world, device)] == [1]
    assert [it["step"] for it in await receipts(world, late)] == [2]


async def test_after_its_job_is_archived_a_receipt_says_the_same(world: World) -> None:
    job = await make_job(world, max_devices=5)
    first, *_ = await work(world, job, 5)
    await fold(world)
    await settle(world, job, JobState.COMPLETED)
    (before,) = await receipts(world, first)
    await archive(world, job)
    (after,) = await receipts(world, first)
    del before["iat"], after["iat"]
    assert after == before
    assert after["step"] == 1


async def test_an_owner_lists_them_page_by_page_and_nobody_else(world: World) -> None:
    job, other = await make_job(world), await make_job(world)
    country = (await job.get())["countries"] + (await other.get())["countries"]
    device = await make_device(world, country=country[0])
    (lease,) = await claim_of(device, job)
    await hand_in(device, lease)
    await device.patch("/v1/devices/self", {"country": country[1]})
    (lease,) = await claim_of(device, other)
    await hand_in(device, lease)
    path = f"/v1/devices/{device.id}/receipts"
    page = (await device.owner.get(path, params={"limit": 1})).json()
    rest = (await device.owner.get(path, params={"cursor": page["next_cursor"]})).json()
    listed = [it["job_id"] for it in page["items"] + rest["items"]]
    assert listed == [str(other.id), str(job.id)]
    assert rest["next_cursor"] is None
    stranger = await make_device(world)
    problem(await stranger.owner.get(path), 404, "devices.device_not_found")
    assert (await stranger.get("/v1/devices/self/receipts")).json()["items"] == []
    problem(await world.client.get(path), 401, "core.not_signed_in")
    problem(await world.client.get("/v1/devices/self/receipts"), 401, "devices.not_a_device")
    assert (await device.owner.get(f"{path}?cursor=x")).status_code == 422


@pytest.fixture
def keys() -> Keys:
    return Keys({"keys": [cast(Any, new_key())]})


def signed(keys: Keys, **said: Any) -> str:
    body = json.dumps({"assignment_id": "1", **said}).encode()
    return keys.sign_document(body, kind="dml-receipt+jwt", now=NOW)


def known(keys: Keys) -> KeySet:
    return KeySet.import_key_set(cast(Any, keys.public(NOW)))


def test_no_receipt_is_a_token_whatever_it_says(keys: Keys) -> None:
    until = NOW + timedelta(hours=1)
    claims = {"iss": keys.issuer, "aud": "device", "sub": "1"}
    times = {"iat": int(NOW.timestamp()), "exp": int(until.timestamp())}
    receipt = signed(keys, **claims, **times)
    assert read(receipt, known(keys))["aud"] == "device"
    with pytest.raises(BadToken):
        keys.verify(receipt, audience="device", now=NOW)


def test_no_token_is_a_receipt(keys: Keys) -> None:
    token = keys.sign(audience="device", now=NOW, seconds=60, assignment_id="1")
    assert keys.verify(token, audience="device", now=NOW)["assignment_id"] == "1"
    with pytest.raises(BadReceipt, match="something else"):
        read(token, known(keys))
    header = base64url.encode(b'{"alg":"Ed25519","typ":"dml-receipt+jwt"}')
    with pytest.raises(BadReceipt, match="none of the saved keys"):
        read(f"{header}.{token.partition('.')[2]}", known(keys))


def test_a_receipt_with_another_byte_anywhere_is_none(keys: Keys) -> None:
    receipt, public = signed(keys, left={"items": 3}), known(keys)
    assert read(receipt, public)["left"] == {"items": 3}
    for place in range(len(receipt)):
        other = "A" if receipt[place] != "A" else "B"
        changed = receipt[:place] + other + receipt[place + 1 :]
        if changed != receipt:
            with pytest.raises(BadReceipt):
                read(changed, public)


@pytest.mark.parametrize("receipt", ["", "a", "a.b", "a.b.c", "..", "a.b.c.d", "\0", "é.é.é"])
def test_what_is_no_jws_is_no_receipt(keys: Keys, receipt: str) -> None:
    with pytest.raises(BadReceipt):
        read(receipt, known(keys))


def test_one_of_an_unknown_key_or_of_none_is_none(keys: Keys) -> None:
    stranger = Keys({"keys": [cast(Any, new_key())]})
    for public in (known(keys), KeySet([])):
        with pytest.raises(BadReceipt):
            read(signed(stranger), public)
    body = base64url.encode(b'{"assignment_id":"1"}')
    for head in ('{"alg":"none","typ":"dml-receipt+jwt"}', '{"alg":"HS256"}', "{}", "[]"):
        for signature in ("", base64url.encode(b"x" * 64)):
            with pytest.raises(BadReceipt):
                read(f"{base64url.encode(head.encode())}.{body}.{signature}", known(keys))


def test_what_a_receipt_says_is_some_assignment(keys: Keys) -> None:
    for said in (b"[]", b"7", b"{}", b"not json", b"\xff"):
        with pytest.raises(BadReceipt):
            read(keys.sign_document(said, kind="dml-receipt+jwt", now=NOW), known(keys))
