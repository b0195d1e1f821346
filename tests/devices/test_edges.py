"""An owner's devices through HTTP: each thing once well, and each refusal."""

import json
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from dml.core.countries import ALPHA_2
from dml.core.ids import new_id
from tests.devices.factories import description, encode, pair, pairing_code, public_key
from tests.world import Person, World, problem

JSON = {"content-type": "application/json"}
NO_LIMITS: dict[str, Any] = {
    "refused_jobs": [],
    "refused_developers": [],
    "refused_labels": [],
    "refused_countries": [],
    "max_epsilon": None,
    "allows_exact": False,
}


async def send(person: Person, method: str, path: str, body: object) -> httpx2.Response:
    """Write JSON as a hostile client may: httpx2 would not send half a pair."""
    return await person.ask(method, path, content=json.dumps(body), headers=JSON)


async def test_an_owner_sees_each_of_their_devices_once_newest_first(world: World) -> None:
    ada = await world.person("ada")
    paired = [str((await pair(world, ada, name=f"no. {it}")).id) for it in range(5)]
    await pair(world, await world.person("bob"))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await ada.get(f"/v1/devices?limit=2{cursor}")).json()
        seen += [it["id"] for it in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == paired[::-1]


async def test_a_device_shows_itself_as_its_owner_sees_it(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    itself, seen = await device.get("/v1/devices/self"), await ada.get(device.path)
    assert itself.json() == seen.json()
    assert itself.headers["etag"] == seen.headers["etag"]
    assert seen.headers["etag"].startswith('"1-')
    assert seen.json()["last_seen_at"] is not None


async def test_an_owner_names_a_device_and_narrows_what_it_may_process(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    before = (await ada.get(device.path)).json()
    changes = {"name": " Kitchen ", "permitted_kinds": ["photo", "text"]}
    edited = await ada.patch(device.path, changes)
    assert edited.json() == before | changes | {"name": "Kitchen"}
    widened = await ada.patch(device.path, {"permitted_kinds": None})
    assert widened.json() == edited.json() | {"permitted_kinds": None}
    none_at_all = await ada.patch(device.path, {"permitted_kinds": []})
    assert none_at_all.json()["permitted_kinds"] == []


async def test_nobody_overwrites_a_change_that_they_have_not_seen(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    read = {"If-Match": (await ada.get(device.path)).headers["etag"]}
    edited = await ada.patch(device.path, {"name": "one"}, headers=read)
    assert edited.headers["etag"] != read["If-Match"]
    stale = await ada.patch(device.path, {"name": "two"}, headers=read)
    problem(stale, 412, "devices.edited_meanwhile")
    nonsense = await ada.patch(device.path, {"name": "two"}, headers={"If-Match": "x"})
    problem(nonsense, 422, "edge.bad_if_match")
    assert (await ada.get(device.path)).json()["name"] == "one"


async def test_a_device_describes_itself_anew(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    before = await device.get("/v1/devices/self")
    same = await device.patch("/v1/devices/self", {"country": "PT", "kinds": ["photo"]})
    assert (same.json(), same.headers["etag"]) == (before.json(), before.headers["etag"])

    said = {"platform": "ios", "memory_mib": None, "country": None, "kinds": ["text", "photo"]}
    changed = await device.patch("/v1/devices/self", said)
    assert changed.json() == before.json() | said
    assert changed.headers["etag"] != before.headers["etag"]
    assert (await ada.get(device.path)).json() == changed.json()
    renamed = await device.patch("/v1/devices/self", {"permitted_kinds": None})
    problem(renamed, 422, "http.422")


async def test_revoking_twice_is_revoking_once(world: World) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    revoked = await ada.post(f"{device.path}/revoke")
    assert revoked.status_code == 200, revoked.text
    assert revoked.json()["revoked_at"] is not None
    again = await ada.post(f"{device.path}/revoke")
    assert (again.json(), again.headers["etag"]) == (revoked.json(), revoked.headers["etag"])
    assert (await ada.get("/v1/devices")).json()["items"] == [revoked.json()]


async def test_somebody_elses_device_is_as_unknown_as_none(world: World) -> None:
    bob, device = await world.person("bob"), await pair(world, await world.person("ada"))
    for path in (device.path, f"/v1/devices/{new_id()}"):
        problem(await bob.get(path), 404, "devices.device_not_found")
        problem(await bob.patch(path, {"name": "mine"}), 404, "devices.device_not_found")
        problem(await bob.post(f"{path}/revoke"), 404, "devices.device_not_found")
    assert (await bob.get("/v1/devices")).json()["items"] == []
    assert (await device.get("/v1/devices/self")).json()["revoked_at"] is None


async def test_an_owner_says_what_they_refuse(world: World) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    assert (await ada.get("/v1/devices/limits")).json() == NO_LIMITS
    job, developer = str(new_id()), str(new_id())
    body = {
        "refused_jobs": [job],
        "refused_developers": [developer],
        "refused_labels": ["passport", "Führerschein"],
        "refused_countries": ["FR"],
        "max_epsilon": 0.5,
        "allows_exact": True,
    }
    answer = await ada.put("/v1/devices/limits", body)
    assert (answer.status_code, answer.json()) == (200, body)
    assert (await ada.get("/v1/devices/limits")).json() == body
    assert (await bob.get("/v1/devices/limits")).json() == NO_LIMITS
    device = await pair(world, ada)
    assert (await device.get("/v1/devices/self/limits")).json() == body
    problem(await ada.get("/v1/devices/self/limits"), 401, "devices.not_a_device")
    assert (await ada.put("/v1/devices/limits", NO_LIMITS)).json() == NO_LIMITS


async def test_limits_are_as_long_as_they_may_be(world: World) -> None:
    ada = await world.person("ada")
    body = {
        "refused_jobs": [str(new_id()) for _ in range(1_000)],
        "refused_developers": [str(new_id()) for _ in range(1_000)],
        "refused_labels": [f"{it:0200}" for it in range(1_000)],
        "refused_countries": sorted(ALPHA_2),
        "max_epsilon": None,
        "allows_exact": False,
    }
    assert (await ada.put("/v1/devices/limits", body)).json() == body


@pytest.mark.parametrize(
    "wrong",
    [
        {"refused_jobs": ["x"]},
        {"refused_jobs": None},
        {"refused_jobs": [str(new_id())] * 1_001},
        {"refused_developers": [1]},
        {"refused_developers": [str(new_id())] * 1_001},
        {"refused_labels": [""]},
        {"refused_labels": ["x" * 201]},
        {"refused_labels": ["nul \0"]},
        {"refused_labels": ["half \ud800"]},
        {"refused_labels": ["x"] * 1_001},
        {"refused_labels": "passport"},
        {"refused_countries": ["pt"]},
        {"refused_countries": ["PT", "PT"]},
        {"max_epsilon": 0},
        {"max_epsilon": 101},
        {"max_epsilon": "1"},
        {"more": []},
    ],
)
async def test_what_no_limits_can_hold_is_refused(world: World, wrong: dict[str, object]) -> None:
    ada = await world.person("ada")
    refused = await send(ada, "PUT", "/v1/devices/limits", NO_LIMITS | wrong)
    problem(refused, 422, "http.422")
    assert (await ada.get("/v1/devices/limits")).json() == NO_LIMITS


async def test_what_an_older_client_does_not_know_stays(world: World) -> None:
    ada = await world.person("ada")
    newer = {"refused_countries": ["PT"], "max_epsilon": 0.5}
    await ada.put("/v1/devices/limits", NO_LIMITS | newer)
    older = {name: value for name, value in NO_LIMITS.items() if name not in newer}
    assert (await ada.put("/v1/devices/limits", older)).json() == NO_LIMITS | newer


@pytest.mark.parametrize("left_out", ["refused_jobs", "refused_developers", "refused_labels"])
async def test_limits_are_put_whole(world: World, left_out: str) -> None:
    """What somebody forgot to send would otherwise be allowed again, unseen."""
    ada = await world.person("ada")
    body = {name: value for name, value in NO_LIMITS.items() if name != left_out}
    document = problem(await ada.put("/v1/devices/limits", body), 422, "http.422")
    assert [it["pointer"] for it in document["errors"]] == [f"/{left_out}"]


WRONG_DESCRIPTIONS: list[dict[str, Any]] = [
    {"platform": "amiga"},
    {"platform": None},
    {"memory_mib": 0},
    {"memory_mib": -1},
    {"memory_mib": 2**31},
    {"memory_mib": 10**30},
    {"memory_mib": 1.5},
    {"memory_mib": "4096"},
    {"memory_mib": True},
    {"country": "pt"},
    {"country": "Portugal"},
    {"country": "P\0"},
    {"country": "PT\n\n\ud800"},
    {"kinds": ["thoughts"]},
    {"kinds": ["photo"] * 8},
    {"kinds": ["nul \0"]},
    {"kinds": None},
    {"kinds": "photo"},
    {"owner_id": str(new_id())},
    {"revoked_at": None},
]


@pytest.mark.parametrize("wrong", WRONG_DESCRIPTIONS)
async def test_what_no_device_can_say_of_itself_is_refused(
    world: World, wrong: dict[str, object]
) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    content = json.dumps(wrong)
    refused = await device.ask("PATCH", "/v1/devices/self", content=content, headers=JSON)
    problem(refused, 422, "http.422")
    asked = {"code": await pairing_code(ada), "public_key": public_key(_new_key())}
    content = json.dumps(description() | asked | wrong)
    refused = await world.client.post("/v1/devices", content=content, headers=JSON)
    problem(refused, 422, "http.422")
    assert len((await ada.get("/v1/devices")).json()["items"]) == 1


def _new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "nul \0"}, "/name"),
        ({"name": "half \ud800"}, "/name"),
        ({"name": None}, "/name"),
        ({"code": ""}, "/code"),
        ({"code": "x" * 41}, "/code"),
        ({"code": "nul \0"}, "/code"),
        ({"code": "half \ud800"}, "/code"),
        ({"code": 12345678}, "/code"),
        ({"public_key": ""}, "/public_key"),
        ({"public_key": 1}, "/public_key"),
        ({"public_key": None}, "/public_key"),
        ({"public_key": encode(bytes(32))}, "/public_key"),
        ({"public_key": encode(b"\1" + bytes(31))}, "/public_key"),
        ({"public_key": encode(bytes.fromhex("ec" + "ff" * 30 + "7f"))}, "/public_key"),
        ({"public_key": encode(b"\2" + bytes(31))}, "/public_key"),
        ({"public_key": encode(bytes(31))}, "/public_key"),
        ({"public_key": encode(bytes(64))}, "/public_key"),
        ({"public_key": "half \ud800"}, "/public_key"),
        ({"public_key": "A" * 100_000}, "/public_key"),
        ({"permitted_kinds": ["photo"]}, "/permitted_kinds"),
        ({"id": str(new_id())}, "/id"),
    ],
)
async def test_what_cannot_be_registered_is_pointed_at(
    world: World, wrong: dict[str, object], pointer: str
) -> None:
    asked = {"code": "ABCD-EFGH", "public_key": public_key(_new_key())}
    content = json.dumps(description() | asked | wrong)
    refused = await world.client.post("/v1/devices", content=content, headers=JSON)
    document = problem(refused, 422, "http.422")
    assert [it["pointer"] for it in document["errors"]] == [pointer]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": None},
        {"name": "x" * 101},
        {"name": "nul \0"},
        {"name": "half \ud800"},
        {"permitted_kinds": ["thoughts"]},
        {"permitted_kinds": ["photo"] * 8},
        {"permitted_kinds": "photo"},
        {"platform": "ios"},
        {"country": "DE"},
        {"revoked_at": None},
    ],
)
async def test_what_no_owner_may_change_is_refused(world: World, wrong: dict[str, object]) -> None:
    ada = await world.person("ada")
    device = await pair(world, ada)
    before = (await ada.get(device.path)).json()
    problem(await send(ada, "PATCH", device.path, wrong), 422, "http.422")
    assert (await ada.get(device.path)).json() == before


async def test_the_database_too_takes_no_key_of_another_length(world: World) -> None:
    device = await pair(world, await world.person())
    shorter = text("UPDATE devices SET public_key = :key WHERE id = :id")
    async with world.parts.sessions() as tx:
        with pytest.raises(Exception, match="ed25519_key"):
            await tx.execute(shorter, {"key": bytes(31), "id": device.id})


async def test_openapi_tells_which_token_each_route_needs(world: World) -> None:
    told = (await world.client.get("/openapi.json")).json()
    assert told["components"]["securitySchemes"]["DeviceBearer"]["scheme"] == "bearer"
    paths = told["paths"]
    assert paths["/v1/devices/self"]["get"]["security"] == [{"DeviceBearer": []}]
    assert paths["/v1/devices"]["get"]["security"] == [{"HTTPBearer": ["devices:read"]}]
    for path in ("/v1/devices", "/v1/devices/{device_id}/nonce", "/v1/devices/{device_id}/token"):
        assert "security" not in paths[path]["post"]
