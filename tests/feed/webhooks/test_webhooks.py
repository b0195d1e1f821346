"""Webhooks over HTTP: whose they are, what they are made of, and what is refused."""

import pytest

from dml.core.context import Role
from dml.feed.webhooks import rules
from dml.feed.webhooks.models import Webhook
from tests.feed.webhooks.hooks import WEBHOOKS, make_hook, somebody
from tests.world import World, problem

URL = "http://127.0.0.1:9/hook"


async def test_a_webhook_is_made_read_changed_and_deleted(world: World) -> None:
    owner = await world.person()
    made = await owner.post(WEBHOOKS, {"url": URL, "types": ["job.*", "withdrawal.paid"]})
    assert made.status_code == 201
    hook = made.json()
    assert hook["secret"].startswith("whsec_")
    assert (hook["state"], hook["types"]) == ("active", ["job.*", "withdrawal.paid"])
    path = made.headers["location"]
    shown = {name: it for name, it in hook.items() if name != "secret"}
    assert (await owner.get(path)).json() == shown
    assert (await owner.get(WEBHOOKS)).json()["items"] == [shown]
    changed = await owner.patch(path, {"paused": True, "types": []})
    assert (changed.json()["state"], changed.json()["types"]) == ("paused", [])
    assert changed.json()["url"] == URL
    assert (await owner.patch(path, {"paused": True})).json()["state"] == "paused"
    assert (await owner.patch(path, {"paused": False})).json()["state"] == "active"
    assert (await owner.patch(path, {"url": URL + "2"})).json()["url"] == URL + "2"
    assert (await owner.ask("DELETE", path)).status_code == 204
    problem(await owner.get(path), 404, "feed.webhook_not_found")
    assert (await owner.get(WEBHOOKS)).json()["items"] == []
    kinds = [it["type"] for it in await owner.events(types="webhook.*")]
    assert kinds == ["webhook.created", *["webhook.updated"] * 4, "webhook.deleted"]


async def test_other_peoples_webhooks_are_not_there(world: World) -> None:
    hook = await make_hook(world, URL)
    for person in (await world.person(), await world.person("admin", Role.ADMIN)):
        for method, path, body in (
            ("GET", hook.path, None),
            ("PATCH", hook.path, {"paused": True}),
            ("PATCH", hook.path, {"url": "https://10.0.0.1/"}),
            ("DELETE", hook.path, None),
            ("POST", f"{hook.path}/rotate-secret", None),
            ("POST", f"{hook.path}/test", None),
            ("GET", f"{hook.path}/deliveries", None),
            ("POST", f"{hook.path}/replay", {"since": "2026-01-01T00:00:00Z"}),
        ):
            problem(await person.ask(method, path, json=body), 404, "feed.webhook_not_found")
    problem(await world.client.get(hook.path), 401, "core.not_signed_in")
    problem(await world.client.post(WEBHOOKS, json={"url": URL}), 401, "core.not_signed_in")


async def test_the_secret_is_kept_sealed_and_shown_once(world: World) -> None:
    owner, key = await world.person(), {"Idempotency-Key": "once"}
    made = await owner.post(WEBHOOKS, {"url": URL}, headers=key)
    again = await owner.post(WEBHOOKS, {"url": URL}, headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == made.json() | {"secret": None}
    assert len((await owner.get(WEBHOOKS)).json()["items"]) == 1
    other = await owner.post(WEBHOOKS, {"url": URL + "2"}, headers=key)
    problem(other, 422, "edge.idempotency_key_reused")
    rotated = await owner.post(
        f"{made.headers['location']}/rotate-secret", headers={"Idempotency-Key": "r"}
    )
    assert rotated.json()["secret"] not in (None, made.json()["secret"])
    assert rotated.json()["previous_secret_until"] is not None
    repeated = await owner.post(
        f"{made.headers['location']}/rotate-secret", headers={"Idempotency-Key": "r"}
    )
    assert repeated.json() == rotated.json() | {"secret": None}
    async with world.parts.sessions() as tx:
        row = await tx.get_one(Webhook, made.json()["id"])
    for secret in (made.json()["secret"], rotated.json()["secret"]):
        for kept in (row.secret, row.previous_secret):
            assert kept is not None
            assert secret.encode() not in kept


async def test_one_user_has_twenty_at_most(world: World) -> None:
    owner = await world.person()
    for _ in range(rules.WEBHOOKS_MAX):
        await make_hook(world, URL, owner=owner)
    problem(await owner.post(WEBHOOKS, {"url": URL}), 409, "feed.too_many_webhooks")
    assert len((await owner.get(WEBHOOKS)).json()["items"]) == 20


@pytest.mark.parametrize(
    "url",
    [
        "http://[::ffff:127.0.0.1]:9/",
        "https://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00::1]/",
        "https://0.0.0.0/",
        "http://8.8.8.8/",
        "https://no-such-host.invalid/",
    ],
)
async def test_a_url_that_leads_where_none_may_go_is_refused(world: World, url: str) -> None:
    owner = await world.person()
    refused = problem(await owner.post(WEBHOOKS, {"url": url}), 422, "feed.webhook_url_refused")
    assert refused["errors"][0]["pointer"] == "/url"
    hook = await make_hook(world, URL, owner=owner)
    problem(await owner.patch(hook.path, {"url": url}), 422, "feed.webhook_url_refused")
    assert (await owner.get(hook.path)).json()["url"] == URL


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"url": ""}, "must not be empty"),
        ({"url": "x" * 2_001}, "at most 2000"),
        ({"url": URL, "types": ["job.complete"]}, "did you mean job.completed?"),
        ({"url": URL, "types": ["job.*", "job.*"]}, "twice"),
        ({"url": URL, "types": "job.*"}, "list"),
        ({"url": URL, "types": [f"x{n}.*" for n in range(101)]}, ""),
        ({"url": URL, "secret": "mine"}, ""),
        ({}, ""),
    ],
)
async def test_what_makes_no_webhook_is_refused(world: World, body: object, told: str) -> None:
    owner = await world.person()
    refused = problem(await owner.post(WEBHOOKS, body), 422, "http.422")
    assert told in refused["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "http.422"),
        ({"since": "2026-01-01T00:00:00Z", "after": "AAAA"}, 422, "http.422"),
        ({"after": "nonsense"}, 422, "http.422"),
        ({"after": "AAAAAAAAAAAAAAAAAAAAAA"}, 409, "feed.position_unknown"),
        ({"delivery_id": str(somebody())}, 404, "feed.delivery_not_found"),
    ],
)
async def test_what_cannot_be_replayed_is_refused(
    world: World, body: object, status: int, code: str
) -> None:
    hook = await make_hook(world, URL)
    problem(await hook.owner.post(f"{hook.path}/replay", body), status, code)


async def test_a_paused_webhook_is_not_tested(world: World) -> None:
    hook = await make_hook(world, URL)
    await hook.owner.patch(hook.path, {"paused": True})
    refused = problem(await hook.owner.post(f"{hook.path}/test"), 409, "feed.webhook_not_active")
    assert refused["state"] == "paused"
