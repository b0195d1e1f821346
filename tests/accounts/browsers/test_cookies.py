"""The cookie that keeps a page signed in: whose page may use it, and what its flags are."""

import asyncio
from http.cookies import Morsel, SimpleCookie
from typing import Any, Final

import httpx2
import pytest

from dml.accounts.browsers import rules
from tests.accounts.test_refreshing import age, me, refresh as refresh_by_body, signed_in
from tests.world import World, problem

OURS: Final = "http://localhost:8000"
PATH: Final = "/v1/sessions/browser"
MARK: Final = {"DML-Browser": "1"}


async def ask(
    world: World,
    method: str = "POST",
    path: str = f"{PATH}/refresh",
    *,
    cookie: str = "",
    headers: dict[str, str] | None = None,
    **request: Any,
) -> httpx2.Response:
    told = {"Host": "localhost:8000", "Origin": OURS, **MARK} if headers is None else headers
    kept = {"Cookie": f"dml_session={cookie}"} if cookie else {}
    world.client.cookies.clear()  # The browser's part is played here, by hand.
    return await world.client.request(method, path, headers=told | kept, **request)


async def hand_in(world: World, token: str, **told: Any) -> httpx2.Response:
    return await ask(world, path=PATH, json={"refresh_token": token}, **told)


def cookie_of(answer: httpx2.Response) -> Morsel[str]:
    read = SimpleCookie(answer.headers["set-cookie"])
    return read["dml_session"]


async def test_a_page_hands_its_token_in_and_holds_none_from_then_on(world: World) -> None:
    first = await signed_in(world)
    answer = await hand_in(world, first)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "user_id"}
    kept = cookie_of(answer)
    assert kept.value not in ("", first)
    assert kept.value not in answer.text
    assert (await me(world, answer.json())).status_code == 200
    assert answer.headers["cache-control"] == "no-store"

    again = await ask(world, cookie=kept.value)
    assert again.json()["user_id"] == answer.json()["user_id"]
    assert cookie_of(again).value not in (first, kept.value)
    # What the script held once is of no use any more.
    problem(await refresh_by_body(world, first), 401, "accounts.refresh_token_reused")


async def test_no_script_reads_the_cookie_and_no_other_site_or_route_is_sent_it(
    world: World,
) -> None:
    kept = cookie_of(await hand_in(world, await signed_in(world)))
    assert kept["httponly"] is True
    assert (kept["samesite"], kept["path"], kept["domain"]) == ("strict", PATH, "")
    assert kept["secure"] == ""  # The page came without TLS: else it would be lost at once.
    assert int(kept["max-age"]) > 86_400
    told = {"Host": "market.example", "Origin": "https://market.example", **MARK}
    by_tls = cookie_of(await hand_in(world, await signed_in(world), headers=told))
    assert by_tls["secure"] is True


@pytest.mark.parametrize(
    "told",
    [
        {"Origin": "https://evil.example", **MARK},
        {"Origin": "http://localhost:8001", **MARK},
        {"Origin": "http://localhost", **MARK},
        {"Origin": "null", **MARK},
        {"Origin": "http://[", **MARK},
        {"Origin": "http://", **MARK},
        {"Origin": "ftp://localhost:8000", **MARK},
        {"Origin": "http://localhost:8000@evil.example", **MARK},
        {**MARK},
        {"Origin": OURS},
        {"Origin": OURS, "DML-Browser": "yes"},
    ],
)
async def test_who_is_no_page_of_ours_is_refused_and_uses_nothing(
    world: World, told: dict[str, str]
) -> None:
    first = await signed_in(world)
    headers = {"Host": "localhost:8000", **told}
    problem(await hand_in(world, first, headers=headers), 403, "accounts.not_our_page")
    kept = cookie_of(await hand_in(world, first)).value
    for method, path in (("POST", f"{PATH}/refresh"), ("DELETE", PATH)):
        refused = await ask(world, method, path, cookie=kept, headers=headers)
        problem(refused, 403, "accounts.not_our_page")
        assert "set-cookie" not in refused.headers
    assert (await ask(world, cookie=kept)).status_code == 200


def test_behind_a_proxy_that_changes_the_host_the_public_url_is_ours() -> None:
    told = ("https://market.example", "api:8000", "1")
    rules.require_our_page(*told, public_url="https://market.example/")
    with pytest.raises(rules.NotOurPage):
        rules.require_our_page(*told, public_url="https://other.example")


async def test_another_origin_is_not_let_in_by_a_preflight(world: World) -> None:
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "dml-browser",
    }
    answer = await world.client.options(f"{PATH}/refresh", headers=asked)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers


async def test_two_tabs_at_once_get_the_same_next_cookie(world: World) -> None:
    kept = cookie_of(await hand_in(world, await signed_in(world))).value
    answers = await asyncio.gather(*(ask(world, cookie=kept) for _ in range(4)))
    assert [it.status_code for it in answers] == [200] * 4
    assert len({cookie_of(it).value for it in answers}) == 1
    for it in answers:
        assert (await me(world, it.json())).status_code == 200


async def test_a_cookie_replayed_later_ends_the_session(world: World) -> None:
    stolen = cookie_of(await hand_in(world, await signed_in(world))).value
    fresh = await ask(world, cookie=stolen)
    await age(world, stolen, 3_600)
    problem(await ask(world, cookie=stolen), 401, "accounts.refresh_token_reused")
    problem(await me(world, fresh.json()), 401, "core.not_signed_in")
    last = await ask(world, cookie=cookie_of(fresh).value)
    problem(last, 401, "accounts.bad_refresh_token")


async def test_signing_out_ends_the_session_and_takes_the_cookie_away(world: World) -> None:
    opened = await hand_in(world, await signed_in(world))
    kept = cookie_of(opened).value
    answer = await ask(world, "DELETE", PATH, cookie=kept)
    assert answer.status_code == 204
    gone = cookie_of(answer)
    assert (gone.value, gone["max-age"], gone["path"]) == ("", "0", PATH)
    problem(await me(world, opened.json()), 401, "core.not_signed_in")
    problem(await ask(world, cookie=kept), 401, "accounts.bad_refresh_token")
    assert (await ask(world, "DELETE", PATH)).status_code == 204


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5_000, "%00", '"'])
async def test_a_browser_without_a_session_is_told_to_sign_in(world: World, cookie: str) -> None:
    problem(await ask(world, cookie=cookie), 401, "accounts.bad_refresh_token")
