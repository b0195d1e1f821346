"""The layer in front of the device path answers each request as the routes beneath it do.

Each request goes to both, in either order: status, headers and body are the same, but for moments,
the seconds left of a lease and what is drawn by lot.
"""

import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import pytest

from dml.core.ids import new_id
from dml.jobs.device_path.pacing import Rates
from dml.jobs.device_path.service import DevicePath
from tests.devices.factories import TestDevice, permit, refuse
from tests.jobs.factories import claim, hand_in, make_device, make_job, result
from tests.world import World

JSON: Final = {"content-type": "application/json"}
LARGE: Final = b" " * (1024 * 1024)
VARIES: Final = (
    (re.compile(rb'"lease_seconds":\d+'), b'"lease_seconds":0'),
    (re.compile(rb'"try_seconds":\d+'), b'"try_seconds":0'),
    (re.compile(rb'"lease_expires_at":"[^"]+"'), b'"lease_expires_at":""'),
    (re.compile(rb'"retry_after_seconds": ?\d+'), b'"retry_after_seconds":0'),
)


@dataclass(frozen=True)
class Asked:
    """A request: `{id}` in its path stands for an assignment that the device holds."""

    name: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))
    method: str = "POST"
    token: str | None = None  # In the place of the device's own; empty: none.


def as_json(said: Any) -> bytes:
    return json.dumps(said).encode()


CLAIM: Final = "/v1/assignments/claim"
RESULT: Final = "/v1/assignments/{id}/result"
BEAT: Final = "/v1/assignments/{id}/heartbeat"
RELEASE: Final = "/v1/assignments/{id}/release"
GOOD: Final = as_json({"max": 1})

HEADS: Final = [
    Asked("no token", CLAIM, GOOD, token=""),
    Asked("a token of nobody", CLAIM, GOOD, token="Bearer not-a-token"),
    Asked("a token with a space", CLAIM, GOOD, token="Bearer a b"),
    Asked("another scheme", CLAIM, GOOD, token="Basic YTpi"),
    Asked("no scheme", CLAIM, GOOD, token="Bearer"),
    Asked("no type of content", CLAIM, GOOD, {}),
    Asked("text", CLAIM, GOOD, {"content-type": "text/plain"}),
    Asked("a charset", CLAIM, GOOD, {"content-type": "application/json; charset=utf-8"}),
    Asked("a form", CLAIM, b"max=1", {"content-type": "application/x-www-form-urlencoded"}),
    Asked("an origin", CLAIM, GOOD, JSON | {"origin": "https://example.org"}),
    Asked("a request id", CLAIM, GOOD, JSON | {"x-request-id": "abcdefgh-1"}),
    Asked("a bad request id", CLAIM, GOOD, JSON | {"x-request-id": "no good"}),
    Asked("an encoding", CLAIM, GOOD, JSON | {"content-encoding": "gzip"}),
    Asked("another charset", CLAIM, GOOD, {"content-type": "application/json; charset=latin-1"}),
    Asked("an unknown header", CLAIM, GOOD, JSON | {"x-more": "1"}),
    *(
        Asked(f"spec version {it!r}", CLAIM, GOOD, JSON | {"input-spec-version": it})
        for it in ("1", "2", "999", "1000", "0", "-1", "01", "1.0", "two", "", "9" * 5_000)
    ),
    Asked("a query", CLAIM + "?max=3", GOOD),
    Asked("a slash too many", CLAIM + "/", GOOD),
    Asked("another method", CLAIM, GOOD, method="PUT"),
    Asked("reading", CLAIM, method="GET"),
    Asked("no such verb", "/v1/assignments/{id}/more", GOOD),
    Asked("too much", CLAIM, GOOD + LARGE),
]
CLAIMS: Final = [
    Asked("one", CLAIM, GOOD),
    Asked("the default", CLAIM, b"{}"),
    Asked("ten", CLAIM, as_json({"max": 10})),
    *(
        Asked(f"body {body[:40]!r}", CLAIM, body)
        for body in (
            b"",
            b"null",
            b"[]",
            b"1",
            b"{",
            b'{"max": 1} x',
            b'{"max": 0}',
            b'{"max": 11}',
            b'{"max": 1.0}',
            b'{"max": 1e0}',
            b'{"max": "1"}',
            b'{"max": true}',
            b'{"max": null}',
            b'{"max": 1, "more": 1}',
            b'{"max": 1, "max": 2}',
            b'{"max": NaN}',
            b"\xef\xbb\xbf" + GOOD,
            GOOD.decode().encode("utf-16"),
            b"\xff\xfe\xff",
            b"[" * 100_000,
            b'{"max": ' + b"9" * 5_000 + b"}",
        )
    ),
]


def changed(**changes: Any) -> bytes:
    return as_json(result() | changes)


RESULTS: Final = [
    *(
        Asked(f"result {body[:60]!r}", RESULT, body)
        for body in (
            b"",
            b"{}",
            b"[]",
            changed(items=5),
            changed(uncertain=2),
            changed(undated=0),
            changed(items=-1),
            changed(items=10**9),
            changed(items=2**70),
            changed(items=4.0),
            changed(items="4"),
            changed(items=True),
            changed(items=None),
            changed(more=1),
            changed(labels=[1]),
            changed(labels={"cat": -2, "dog": 5}),
            changed(labels={"cat": 2, "fox": 1}),
            changed(labels={" cat ": 2, "dog": 1}),
            changed(labels={" cat": 1, "cat": 1, "dog": 1}),
            changed(labels={"nul\0": 2, "dog": 1}),
            changed(labels={"": 2, "dog": 1}),
            changed(labels={"x" * 101: 2, "dog": 1}),
            changed(labels={f"label-{it}": 0 for it in range(1_001)}),
            changed(months={"2026-13": {"cat": 2}}),
            changed(months={"2026-03\n": {"cat": 2}}),
            changed(months={" 2026-03": {"cat": 2}}),
            changed(months={"20٢٦-03": {"cat": 2}}),
            changed(months={"2026-03": {"fox": 2}}),
            changed(months={"2026-03": {" cat": 2}}),
            changed(months={"2026-03": {"cat": 3}}),
            changed(months={f"{1900 + it // 12}-{it % 12 + 1:02}": {} for it in range(3_601)}),
            changed(months={"2025-12": {"cat": 2}}),
            b'{"labels": {"\\ud800": 1}}',
            result().__repr__().encode(),
            changed().replace(b'"items": 4', b'"items": 3, "items": 4'),
            changed().replace(b'"cat": ', b'"cat": 2, "c\\u0061t": '),
            changed().replace(b'"months": ', b'"months": {"2026-03": {}}, "months": '),
            changed(labels={'a\\"': 0, "cat": 2}).replace(b'"cat": ', b'"cat": 1, "cat": '),
            changed(labels={"a\\": 0, "b\\": 0}).replace(b'"b', b'"b": 0, "b'),
            changed(labels={'"': 2, '""': 1}),
            changed(labels={"cat": 2, "dog": 1, "more": 0}),
            changed(months={"2026-03": {"cat": 2, "dog": 0}, "2026-04": {}}),
            changed(),
            changed(),
            changed().replace(b" ", b""),
            changed(uncertain=0, items=3),
        )
    ),
    Asked("a result of none", f"/v1/assignments/{new_id()}/result", changed()),
    Asked("a result without hyphens", f"/v1/assignments/{new_id().hex}/result", changed()),
    Asked("a result of no id", "/v1/assignments/1/result", changed()),
    Asked("a result in capitals", f"/v1/assignments/{str(new_id()).upper()}/result", changed()),
    Asked("a heartbeat of what is accepted", BEAT, headers={}),
    Asked("a release of what is accepted", RELEASE, headers={}),
]
BEATS: Final = [
    Asked("a heartbeat", BEAT, headers={}),
    Asked("a heartbeat with a body", BEAT, b"{}"),
    Asked("a heartbeat with a type", BEAT),
    Asked("a heartbeat of none", f"/v1/assignments/{new_id()}/heartbeat", headers={}),
    Asked("a heartbeat of no id", "/v1/assignments/{}/heartbeat", headers={}),
    Asked("a release of none", f"/v1/assignments/{new_id()}/release", headers={}),
    Asked("a release", RELEASE, headers={}),
    Asked("a release with a body", RELEASE, b"{}"),
    Asked("a heartbeat of what was released", BEAT, headers={}),
    Asked("a result of what was released", RESULT, changed()),
]


@asynccontextmanager
async def beneath(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the routes, without the layer."""
    transport = httpx2.ASGITransport(world.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def send(client: httpx2.AsyncClient, asked: Asked, token: str, lease_id: str) -> Any:
    """Send it. Return status, headers and body, without what may differ."""
    headers = dict(asked.headers)
    if asked.token != "":
        headers["authorization"] = asked.token or f"Bearer {token}"
    path = asked.path.replace("{id}", lease_id)
    answer = await client.request(asked.method, path, content=asked.body, headers=headers)
    told, body = dict(answer.headers), answer.content
    if told["x-request-id"] != asked.headers.get("x-request-id"):
        assert re.fullmatch("[0-9a-f]{32}", told.pop("x-request-id"))
    for pattern, same in VARIES:
        body = pattern.sub(same, body)
    if body != answer.content:
        told.pop("content-length")
    told.pop("retry-after", None)
    return answer.status_code, told, body


async def compare(world: World, asked: Asked, device: TestDevice, lease_id: str) -> int:
    """Send a request to both, in either order; they answer alike. Return the status."""
    token = await device.token()
    async with beneath(world) as routes:
        for first, second in ((world.client, routes), (routes, world.client)):
            answers = [await send(it, asked, token, lease_id) for it in (first, second)]
            assert answers[0] == answers[1], asked.name
    status: int = answers[0][0]
    return status


async def test_heads_of_every_kind_are_answered_alike(world: World) -> None:
    await make_job(world)
    device = await make_device(world)
    statuses = {asked.name: await compare(world, asked, device, str(new_id())) for asked in HEADS}
    assert statuses["no token"] == statuses["another scheme"] == 401
    assert statuses["too much"] == 413
    assert statuses["a charset"] == statuses["an unknown header"] == statuses["an origin"] == 200


@pytest.mark.parametrize("work", ["none", "some", "held", "not permitted", "refused"])
async def test_claims_of_every_kind_are_answered_alike(world: World, work: str) -> None:
    place = {"countries": ["ZM"], "max_devices": 50}
    if work != "none":
        jobs = [await make_job(world, **place, date_from="2026-01-01") for _ in range(2)]
    device = await make_device(world, country="ZA" if work == "none" else "ZM")
    if work == "held":
        assert len(await claim(device, most=2)) == 2
    if work == "not permitted":
        await permit(device.owner)
    if work == "refused":
        await refuse(device.owner, jobs=[it.id for it in jobs])
    for asked in CLAIMS:
        await compare(world, asked, device, "")


async def test_results_of_every_kind_are_answered_alike(world: World) -> None:
    await make_job(world, date_from=None)
    device, thief = await make_device(world), await make_device(world)
    (lease,) = await claim(device)
    for asked in RESULTS:
        status = await compare(world, asked, device, lease["id"])
        if asked.name.startswith("result") and status == 200:
            assert await compare(world, asked, thief, lease["id"]) == 404


async def test_heartbeats_and_releases_of_every_kind_are_answered_alike(world: World) -> None:
    await make_job(world)
    device = await make_device(world)
    (lease,) = await claim(device)
    statuses = [await compare(world, asked, device, lease["id"]) for asked in BEATS]
    assert {200, 204, 404, 409, 422} <= set(statuses)


async def test_who_is_revoked_is_refused_alike(world: World) -> None:
    await make_job(world)
    device = await make_device(world)
    (lease,) = await claim(device)
    token = await device.token()
    await device.owner.post(f"{device.path}/revoke")
    async with beneath(world) as routes:
        for path in (CLAIM, RESULT, BEAT, RELEASE):
            has_body = path in (CLAIM, RESULT)
            body = {CLAIM: GOOD, RESULT: changed()}.get(path, b"")
            asked = Asked(path, path, body, dict(JSON) if has_body else {})
            answers = [await send(it, asked, token, lease["id"]) for it in (world.client, routes)]
            assert answers[0] == answers[1]
            assert answers[0][0] == 403


@pytest.mark.parametrize(("device", "address"), [(0, 100), (100, 0)])
async def test_who_comes_too_often_is_refused_alike(
    world: World, monkeypatch: pytest.MonkeyPatch, device: int, address: int
) -> None:
    path: DevicePath = world.app.state.device_path
    asking = await make_device(world)
    monkeypatch.setattr(path, "_rates", Rates(each_device=device, each_address=address))
    assert await compare(world, CLAIMS[0], asking, "") == 429


async def test_who_comes_when_too_many_wait_is_refused_alike(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path: DevicePath = world.app.state.device_path
    asking = await make_device(world)
    monkeypatch.setattr(path._claims, "_queue_max", 0)
    assert await compare(world, CLAIMS[0], asking, "") == 503


def mutate(said: Any, dice: random.Random) -> Any:
    """Change one thing somewhere inside."""
    odd: tuple[Any, ...] = (
        0,
        1,
        -1,
        2**63,
        1.0,
        1.5,
        "",
        " cat",
        "cat",
        "2026-03",
        None,
        True,
        [],
        {},
        {"cat": 1},
    )
    if isinstance(said, dict) and said and dice.random() < 0.9:
        changed, key = deepcopy(said), dice.choice(list(said))
        match dice.randrange(4):
            case 0:
                changed[dice.choice(("cat", " cat ", "2026-3", "\n", "é", "more"))] = changed.pop(
                    key
                )
            case 1:
                del changed[key]
            case _:
                changed[key] = mutate(changed[key], dice)
        return changed
    return dice.choice(odd)


@pytest.mark.parametrize("seed", range(4))
async def test_results_that_were_changed_at_random_are_answered_alike(
    world: World, seed: int
) -> None:
    dice = random.Random(seed)
    await make_job(world)
    device = await make_device(world)
    (lease,) = await claim(device)
    for turn in range(60):
        body = mutate(result(), dice)
        if dice.random() < 0.3:
            body = mutate(body, dice)
        await compare(world, Asked(f"{turn}: {body}", RESULT, as_json(body)), device, lease["id"])
    assert (await hand_in(device, lease)).status_code in (200, 409)
