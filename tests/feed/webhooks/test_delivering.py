"""From an event to a call: signed, in order, again and again, and to no address of ours."""

import asyncio
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier, WebhookVerificationError

from dml.core.context import Role
from dml.feed.webhooks import rules
from dml.feed.webhooks.reaching import AddressRefused, Resolver
from dml.feed.webhooks.sending import Caller
from tests.feed.webhooks.hooks import RESETS, happen, hooked, make_hook, somebody, working
from tests.feed.webhooks.sink import Call, endless, flood, listening, silence, status
from tests.jobs.factories import make_job
from tests.world import World


def verified(secret: str, call: Call) -> Any:
    return Verifier(secret).verify(call.body, call.headers)


async def test_an_event_is_sent_as_the_log_shows_it_and_signed(world: World) -> None:
    async with listening() as sink:
        job = await make_job(world)
        hook = await make_hook(world, sink.url, "job.*", owner=job.customer)
        await job.customer.post(f"{job.path}/pause")
        async with working(world) as postman:
            await postman.go()
        (call,) = sink.calls
        seen = await job.customer.events(types="job.paused")
        assert [verified(hook.secret, call)] == seen
        assert call.path == "/hook?who=me"
        assert call.headers["host"] == f"127.0.0.1:{sink.port}"
        assert call.headers["content-type"] == "application/json"
        assert call.event_id == seen[0]["id"]
        with pytest.raises(WebhookVerificationError):
            Verifier(hook.secret).verify(call.body + b" ", call.headers)
        (delivery,) = await hook.deliveries()
        assert (delivery["state"], delivery["status"], delivery["attempts"]) == (
            "delivered",
            204,
            1,
        )
        assert (delivery["event_id"], delivery["next_attempt_at"]) == (seen[0]["id"], None)


async def test_it_takes_what_its_owner_may_see_and_asked_for(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        stranger = await world.person()
        moderator = await world.person("moderator", Role.MODERATOR)
        theirs = await make_hook(world, sink.url, "user.password_reset", owner=stranger)
        all_of_it = await make_hook(world, sink.url, owner=moderator)
        await happen(world, hook.owner, somebody())
        await happen(world, stranger, somebody(), somebody())
        await postman.go()
        assert [len(await it.deliveries()) for it in (hook, theirs)] == [1, 2]
        # Its own beginning was before it, and events of others are none of a moderator's.
        assert [it["type"] for it in await all_of_it.deliveries()] == ["webhook.created"]
        assert len(sink.calls) == 4


async def test_a_test_goes_to_this_webhook_alone_whatever_it_asked_for(world: World) -> None:
    async with listening() as sink, hooked(world, sink, "job.completed") as (hook, postman):
        await make_hook(world, sink.url, owner=hook.owner)
        other = await make_hook(world, sink.url, "webhook.test", owner=hook.owner)
        await postman.go()
        sink.calls.clear()
        assert (await hook.owner.post(f"{hook.path}/test")).status_code == 204
        await postman.go()
        (call,) = sink.calls
        assert json.loads(call.body)["type"] == "webhook.test"
        assert hook.path.endswith(json.loads(call.body)["subject"]["id"])
        assert [it["type"] for it in await hook.deliveries()] == ["webhook.test"]
        assert await other.deliveries() == []


async def test_events_about_one_thing_keep_their_order_and_others_pass(world: World) -> None:
    async with listening() as sink, hooked(world, sink) as (hook, postman):
        await postman.go()
        sink.calls.clear()
        one, two, now = somebody(), somebody(), datetime.now(UTC)
        sink.answer = status(500)
        await happen(world, hook.owner, one, one)
        await postman.go(now)
        assert len(sink.calls) == 1
        sink.answer = status(204)
        await happen(world, hook.owner, two, one)
        await postman.go(now)
        assert len(sink.calls) == 2  # The event about the other thing.
        await postman.go(now + timedelta(seconds=10))
        subjects = [json.loads(it.body)["subject"]["id"] for it in sink.calls]
        assert subjects == [str(it) for it in (one, two, one, one, one)]
        first, *rest = [it.event_id for it in sink.calls if str(one) in it.body.decode()]
        assert first == rest[0]
        log = await hook.owner.events(types="user.password_reset")
        assert rest == [it["id"] for it in log if it["subject"]["id"] == str(one)]


async def test_what_fails_for_ever_is_disabled_after_three_days_and_told(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        told = await make_hook(world, sink.url, "webhook.disabled", owner=hook.owner)
        sink.answer = status(500, body="no\0pe" * 1_000)
        await happen(world, hook.owner, somebody(), somebody())
        now, began = datetime.now(UTC), datetime.now(UTC)
        for attempt in range(1, 12):
            assert await hook.state() == "active"
            await postman.go(now)
            assert len([it for it in sink.calls if b"user." in it.body]) == 2 * attempt
            one = (await hook.deliveries())[0]
            assert (one["attempts"], one["status"], len(one["answer"])) == (attempt, 500, 1_024)
            assert "\0" not in one["answer"]
            if attempt < 11:
                assert one["next_attempt_at"] > now.isoformat()
                await postman.go(now)  # Not before its time.
                delays = [it["next_attempt_at"] for it in await hook.deliveries()]
                now = max(datetime.fromisoformat(it) for it in delays)
        assert timedelta(days=2, hours=8) < now - began < timedelta(days=4)
        assert await hook.state() == "disabled"
        assert {it["state"] for it in await hook.deliveries()} <= {"failed", "waiting"}
        sink.answer = status(204)
        await happen(world, hook.owner, somebody())
        await postman.go(now)
        (call,) = [it for it in sink.calls if b"webhook.disabled" in it.body]
        assert hook.path.endswith(verified(told.secret, call)["data"]["webhook_id"])
        assert len(await hook.deliveries()) == 2  # What happens now is not kept for it.
        await hook.owner.patch(hook.path, {"paused": False})
        await happen(world, hook.owner, somebody())
        await postman.go(now)
        assert (await hook.deliveries())[-1]["state"] == "delivered"


async def test_410_disables_at_once(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        sink.answer = status(410)
        one = somebody()
        await happen(world, hook.owner, one, one)
        await postman.go()
        assert len(sink.calls) == 1
        assert await hook.state() == "disabled"
        assert [it["state"] for it in await hook.deliveries()] == ["failed", "waiting"]


async def test_a_redirect_is_not_followed(world: World) -> None:
    async with (
        listening() as sink,
        listening() as inside,
        hooked(world, sink, RESETS) as (hook, postman),
    ):
        sink.answer = status(307, f"Location: {inside.url}")
        await happen(world, hook.owner, somebody())
        await postman.go()
        assert (len(sink.calls), len(inside.calls)) == (1, 0)
        (delivery,) = await hook.deliveries()
        assert (delivery["state"], delivery["status"]) == ("waiting", 307)


async def test_one_that_never_answers_is_cut_off_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "SEND_SECONDS", 1.0)
    async with (
        listening() as slow,
        listening() as sink,
        hooked(world, slow, RESETS) as (hung, postman),
        hooked(world, sink, RESETS) as (hook, _),
    ):
        slow.answer = silence
        await happen(world, hung.owner, *(somebody() for _ in range(20)))
        await happen(world, hook.owner, *(somebody() for _ in range(3)))
        await postman.fan_out()
        began = time.monotonic()
        await postman.delivering.start_due()
        async with asyncio.timeout(0.9):
            while len(sink.calls) < 3:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        assert len(slow.calls) == 4  # Of one webhook, no more at once.
        await postman.delivering.finish()
        assert time.monotonic() - began < 3
        cut = [it for it in await hung.deliveries() if it["attempts"]]
        assert len(cut) == 4
        assert {it["error"] for it in cut} == {"No whole answer came within 1 seconds."}


async def test_an_answer_of_ten_gigabytes_is_cut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        sink.answer = flood
        await happen(world, hook.owner, somebody())
        await postman.go()
        (delivery,) = await hook.deliveries()
        assert (delivery["state"], delivery["answer"]) == ("delivered", "x" * 1_024)
        monkeypatch.setattr(rules, "SEND_SECONDS", 1.0)
        sink.answer = endless
        await happen(world, hook.owner, somebody())
        began = time.monotonic()
        await postman.go()
        assert time.monotonic() - began < 5
        assert [it["state"] for it in await hook.deliveries()] == ["delivered", "waiting"]


async def test_both_secrets_sign_for_a_day(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        sink.answer = status(500)
        await happen(world, hook.owner, somebody())
        now = datetime.now(UTC)
        await postman.go(now)
        rotated = await hook.owner.post(f"{hook.path}/rotate-secret")
        sink.answer = status(204)
        await postman.go(now + timedelta(seconds=10))
        before, after = sink.calls
        assert before.event_id == after.event_id
        new = rotated.json()["secret"]
        verified(hook.secret, before)
        verified(hook.secret, after)
        verified(new, after)
        with pytest.raises(WebhookVerificationError):
            verified(new, before)
        await happen(world, hook.owner, somebody())
        await postman.go(now + timedelta(hours=25))
        verified(new, sink.calls[-1])
        with pytest.raises(WebhookVerificationError):
            verified(hook.secret, sink.calls[-1])


async def test_what_happens_while_it_is_paused_waits(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        one = somebody()
        await hook.owner.patch(hook.path, {"paused": True})
        await happen(world, hook.owner, one, somebody())
        await postman.go()
        await happen(world, hook.owner, one)
        await postman.go()
        assert sink.calls == []
        await hook.owner.patch(hook.path, {"paused": False})
        await postman.go()
        assert len(sink.calls) == 3


async def test_events_are_sent_once_more(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        start = datetime.now(UTC)
        await happen(world, hook.owner, *(somebody() for _ in range(3)))
        await postman.go()
        sent, path = sink.event_ids, f"{hook.path}/replay"
        deliveries = await hook.deliveries()
        one = await hook.owner.post(path, {"delivery_id": deliveries[1]["id"]})
        assert (one.status_code, one.json()["deliveries"]) == (202, 1)
        after = await hook.owner.post(path, {"after": deliveries[0]["event_id"]})
        assert (after.json()["deliveries"], after.json()["has_more"]) == (2, False)
        since = (await hook.owner.post(path, {"since": start.isoformat()})).json()
        sent_again = since["deliveries"]
        while since["has_more"]:  # Others have moved the time, so that it begins to look early.
            since = (await hook.owner.post(path, {"after": since["position"]})).json()
            sent_again += since["deliveries"]
        assert sent_again == 3
        ahead = await hook.owner.post(path, {"since": (start + timedelta(days=1)).isoformat()})
        assert ahead.json()["deliveries"] == 0
        await postman.go()
        again = sorted(sink.event_ids[3:])
        second = deliveries[1]["event_id"]
        assert again == sorted([second, *(it["event_id"] for it in deliveries[1:]), *sent])
        assert [it["is_replay"] for it in await hook.deliveries()].count(True) == 6


async def test_a_deleted_webhook_is_called_no_more(world: World) -> None:
    async with listening() as sink, hooked(world, sink, RESETS) as (hook, postman):
        await happen(world, hook.owner, somebody())
        await postman.fan_out()
        await hook.owner.ask("DELETE", hook.path)
        await happen(world, hook.owner, somebody())
        await postman.go()
        assert sink.calls == []


Found = list[tuple[Any, ...]]


def answering(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Have the name server answer so, one after the other. Return what was asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> Found:
        asked.append(host)
        address = addresses[min(len(asked), len(addresses)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("dml.feed.webhooks.reaching.socket.getaddrinfo", look_up)
    return asked


async def test_the_address_that_was_checked_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening() as sink:
        caller = Caller(Resolver(to_loopback=True), connections=1)
        asked = answering(monkeypatch, "127.0.0.1", "10.0.0.1")
        url = f"http://sink.example:{sink.port}/"
        answer = await caller.post(url, {}, b"{}")
        assert (answer.status, asked) == (204, ["sink.example"])
        assert sink.calls[0].headers["host"] == f"sink.example:{sink.port}"
        await caller.close()


async def test_a_name_that_leads_elsewhere_the_second_time_is_not_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening() as sink:
        resolver = Resolver(to_loopback=False)
        caller = Caller(resolver, connections=1)
        answering(monkeypatch, "93.184.216.34", "127.0.0.1")
        url = f"https://rebinding.example:{sink.port}/"
        await resolver.check(url)
        with pytest.raises(AddressRefused):
            await caller.post(url, {}, b"{}")
        assert sink.calls == []
        await caller.close()


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::ffff:127.0.0.1"]
)
async def test_a_name_that_leads_to_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    answering(monkeypatch, address)
    resolver = Resolver(to_loopback=False)
    with pytest.raises(rules.WebhookUrlRefused, match="URL"):
        await resolver.check("https://inside.example/")
    resolver.close()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as sink, listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        caller = Caller(Resolver(to_loopback=True), connections=1)
        await caller.post(sink.url, {}, b"{}")
        assert (len(sink.calls), len(proxy.calls)) == (1, 0)
        await caller.close()
