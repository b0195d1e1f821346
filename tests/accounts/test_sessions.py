"""Where somebody is signed in: listed, told of, ended, and over when their time is."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from dml.accounts import rules, sessions
from dml.accounts.models import Session
from dml.accounts.origins import Origin, read_device
from dml.accounts.sessions import Lasting, Opened
from dml.core.context import Actor, Context
from dml.core.ids import UserId, new_id
from tests.agent.conftest import listening, market
from tests.agent.market import Market
from tests.client.test_marketplace import dml
from tests.conftest import At
from tests.world import Person, World, problem

__all__ = ["listening", "market"]  # The fixtures.
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("dml", "dml"),
        ("", None),
        ("\u00e9", None),
        ("<script>alert(1)</script>", None),
        ("x" * 8_000, "x" * 40),
    ],
)
def test_a_device_is_called_as_people_call_it(user_agent: str, device: str | None) -> None:
    assert read_device(user_agent) == device


async def sign_in(world: World, person: Person, device: str = "Firefox on Linux") -> Opened:
    """Open one more session of this person, as the right password would."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(person.id), datetime.now(UTC))
        origin = Origin("192.0.2.7", device)
        return await sessions.open_session(ctx, person.id, days=1, origin=origin)


def there(world: World, person: Person, opened: Opened) -> Person:
    """The same person, by another session."""
    now = datetime.now(UTC)
    token = sessions.access_token(world.parts.keys, opened.session, now, seconds=60)
    return replace(person, token=token)


async def listed(person: Person) -> list[dict[str, Any]]:
    answer = await person.get("/v1/users/me/sessions")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def happened(person: Person, kind: str) -> list[dict[str, Any]]:
    return await person.events(types=f"{kind}.*")


async def test_a_user_sees_where_they_are_signed_in_and_which_is_this_one(world: World) -> None:
    here = await world.person("ada")
    await sign_in(world, here)
    phone, first = await listed(here)
    assert (phone["device"], phone["network"]) == ("Firefox on Linux", "192.0.2.7")
    assert (phone["is_current"], first["is_current"]) == (False, True)
    page = (await here.get("/v1/users/me/sessions", params={"limit": 1})).json()
    rest = await here.get("/v1/users/me/sessions", params={"cursor": page["next_cursor"]})
    assert (rest.json()["items"], rest.json()["next_cursor"]) == ([first], None)
    assert not {it["id"] for it in await listed(await world.person("eve"))} & {
        phone["id"],
        first["id"],
    }


async def test_a_session_says_from_where_and_when_it_was_used_last(world: World) -> None:
    body = {"email": f"ada-{new_id()}@example.org", "password": "correct horse"}
    made = (await world.client.post("/v1/users", json=body)).json()

    async def ask(path: str, sent: dict[str, str], user_agent: str) -> Person:
        headers = {"User-Agent": user_agent}
        answer = await world.client.post(f"/v1/users/{path}", json=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        body["refresh_token"] = answer.json()["refresh_token"]
        return Person(made["id"], body["email"], answer.json()["access_token"], world.client)

    here = await ask("authenticate", dict(body), IPHONE)
    (before,) = await listed(here)
    await ask("refresh", {"refresh_token": body["refresh_token"]}, "curl/8.5.0")
    (after,) = await listed(here)
    assert (before["device"], before["network"]) == ("Safari on iPhone", "127.0.0.1")
    assert after["device"] == "curl"
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert after["last_used_at"] > before["last_used_at"]
    (told,) = await happened(here, "session")
    assert told["data"] == {
        "session_id": before["id"],
        "device": "Safari on iPhone",
        "network": "127.0.0.1",
        "is_new_device": True,
        "is_new_network": False,  # It is where the account was made.
    }


async def test_a_session_that_is_ended_stops_at_once(world: World) -> None:
    here = await world.person("ada")
    lost = await sign_in(world, here)
    path = f"/v1/users/me/sessions/{lost.session.id}"
    stranger = await world.person("eve")
    problem(await stranger.ask("DELETE", path), 404, "accounts.session_not_found")
    assert (await here.ask("DELETE", path)).status_code == 204
    gone = await there(world, here, lost).get("/v1/users/me")
    problem(gone, 401, "core.not_signed_in")
    body = {"refresh_token": lost.refresh_token}
    refused = await world.client.post("/v1/users/refresh", json=body)
    problem(refused, 401, "accounts.bad_refresh_token")
    problem(await here.ask("DELETE", path), 404, "accounts.session_not_found")
    assert [it["is_current"] for it in await listed(here)] == [True]


async def test_all_others_are_ended_and_the_one_that_asks_goes_on(world: World) -> None:
    here = await world.person("ada")
    others = [there(world, here, await sign_in(world, here)) for _ in range(3)]
    assert (await here.ask("DELETE", "/v1/users/me/sessions")).status_code == 204
    for it in others:
        problem(await it.get("/v1/users/me"), 401, "core.not_signed_in")
    assert [it["is_current"] for it in await listed(here)] == [True]


async def test_a_user_is_told_of_each_sign_in_and_of_each_end(world: World) -> None:
    here = await world.person("ada")
    await sign_in(world, here)
    await sign_in(world, here)
    phone = await sign_in(world, here, "Safari on iPhone")
    await world.client.post("/v1/users/logout", json={"refresh_token": phone.refresh_token})
    told = await happened(here, "session")
    assert [(it["type"], it["data"].get("is_new_device")) for it in told] == [
        ("session.created", True),
        ("session.created", True),
        ("session.created", False),
        ("session.created", True),
        ("session.ended", None),
    ]
    assert told[4]["reason"] == "logged out"
    assert told[4]["subject"] == told[3]["subject"]
    theirs = await happened(await world.person("eve"), "session")
    assert not [it for it in theirs if it in told]


async def test_a_session_ends_when_its_time_is_up_however_often_it_is_refreshed(
    at: At, owner: UserId
) -> None:
    lasting = Lasting(days=30, days_in_all=90, grace_seconds=30)
    opened = await sessions.open_session(at(owner), owner, days=30)
    for days in (25, 50, 75):
        opened = await sessions.refresh(at(owner, days=days), opened.refresh_token, lasting)
    assert opened.session.expires_at == at(owner, days=90).now
    with pytest.raises(rules.BadRefreshToken):
        await sessions.refresh(at(owner, days=90), opened.refresh_token, lasting)


async def test_a_session_from_before_its_use_was_noted_is_listed(world: World) -> None:
    person = await world.person("ada")
    async with world.parts.sessions.begin() as tx:
        old = update(Session).where(Session.user_id == person.id)
        await tx.execute(old.values(last_used_at=None, network=None, device=None))
    (it,) = await listed(person)
    assert (it["last_used_at"], it["network"], it["device"]) == (it["created_at"], None, None)


async def test_the_command_ends_one_and_all_others_and_shows_what_is_left(market: Market) -> None:
    here = await market.world.person("ada")
    lost, _ = await sign_in(market.world, here), await sign_in(market.world, here)

    async def typed(*words: str) -> list[dict[str, Any]]:
        command = ("account", "sessions", *words, "--json")
        ended = await dml(*command, DML_TOKEN=here.token, DML_SERVER=market.url)
        assert ended.code == 0, ended
        shown: list[dict[str, Any]] = json.loads(ended.out)
        return shown

    left = [it["id"] for it in await typed("end", str(lost.session.id)[-12:])]
    assert (len(left), str(lost.session.id) in left) == (2, False)
    assert [it["is_current"] for it in await typed("end", "--all")] == [True]
