"""Accounts through HTTP: each thing once well, and each refusal."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts import queries, rules, service
from dml.accounts.admin import service as admin_service
from dml.core.context import SYSTEM, Actor, Context, Role
from dml.core.db import connect
from dml.core.ids import UserId, new_id
from dml.core.settings import Settings
from dml.entrypoints.server import create_app
from tests.conftest import Sessions
from tests.two_connections import after
from tests.world import PASSWORD_HASH, World, make_user, problem


def json_of(body: object) -> str:
    """Write JSON as a hostile client may: httpx2 would not send half a pair."""
    return json.dumps(body)


def credentials(**changes: object) -> dict[str, object]:
    return {"email": f"ada-{new_id()}@Example.org", "password": "correct horse"} | changes


async def signed_in(world: World) -> dict[str, str]:
    body = credentials()
    await world.client.post("/v1/users", json=body)
    answer = await world.client.post("/v1/users/authenticate", json=body)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


async def me(world: World, access_token: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return await world.client.get("/v1/users/me", headers=headers)


async def test_register_sign_in_refresh_and_log_out(world: World) -> None:
    body = credentials()
    registered = await world.client.post("/v1/users", json=body)
    assert registered.status_code == 201, registered.text
    assert registered.json()["email"] == str(body["email"]).lower()
    assert registered.headers["location"] == f"/v1/users/{registered.json()['id']}"

    tokens = (await world.client.post("/v1/users/authenticate", json=body)).json()
    assert (await me(world, tokens["access_token"])).json() == registered.json()

    again = {"refresh_token": tokens["refresh_token"]}
    fresh = (await world.client.post("/v1/users/refresh", json=again)).json()
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert (await me(world, fresh["access_token"])).status_code == 200

    out = {"refresh_token": fresh["refresh_token"]}
    assert (await world.client.post("/v1/users/logout", json=out)).status_code == 204
    problem(await me(world, fresh["access_token"]), 401, "core.not_signed_in")
    refused = await world.client.post("/v1/users/refresh", json=out)
    problem(refused, 401, "accounts.bad_refresh_token")


async def test_an_old_access_token_that_is_sent_along_keeps_nobody_out(world: World) -> None:
    old, body = {"Authorization": "Bearer expired"}, credentials()
    client = world.client
    registered = await client.post("/v1/users", json=body, headers=old)
    assert registered.status_code == 201, registered.text
    tokens = (await client.post("/v1/users/authenticate", json=body, headers=old)).json()
    sent = {"refresh_token": tokens["refresh_token"]}
    fresh = (await client.post("/v1/users/refresh", json=sent, headers=old)).json()
    sent = {"refresh_token": fresh["refresh_token"]}
    assert (await client.post("/v1/users/logout", json=sent, headers=old)).status_code == 204
    problem(await me(world, fresh["access_token"]), 401, "core.not_signed_in")


async def test_an_address_is_taken_whatever_its_case(world: World) -> None:
    body = credentials()
    await world.client.post("/v1/users", json=body)
    again = body | {"email": str(body["email"]).upper()}
    problem(await world.client.post("/v1/users", json=again), 409, "accounts.email_taken")


async def test_ten_at_once_with_one_address_open_one_account(world: World) -> None:
    body = credentials()
    answers = await asyncio.gather(*(world.client.post("/v1/users", json=body) for _ in range(10)))
    assert sorted(it.status_code for it in answers) == [201, *[409] * 9]


async def test_an_address_that_signs_in_too_often_waits(
    world: World, settings: Settings, database_url: str
) -> None:
    few = settings.model_copy(update={"sign_ins_a_minute": 3})
    app = create_app(few, connect(database_url, name="test limits"))
    address = ("192.0.2.7", 1)
    transport = httpx2.ASGITransport(app, client=address)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        answers = [
            await client.post("/v1/users/refresh", json={"refresh_token": "none"}) for _ in range(4)
        ]
    assert [it.status_code for it in answers] == [401, 401, 401, 429]
    refused = problem(answers[3], 429, "edge.too_many_tries")
    assert answers[3].headers["retry-after"] == str(refused["retry_after_seconds"])


@pytest.mark.parametrize("wrong", [{"password": "wrong horse"}, {"email": "nobody@example.org"}])
async def test_wrong_credentials_tell_nothing(world: World, wrong: dict[str, str]) -> None:
    body = credentials()
    await world.client.post("/v1/users", json=body)
    refused = await world.client.post("/v1/users/authenticate", json=body | wrong)
    problem(refused, 401, "accounts.wrong_credentials")
    assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 10_000, "eyJhbGciOiJub25lIn0.e30."])
async def test_what_is_no_token_of_ours_is_refused(world: World, token: str) -> None:
    problem(await me(world, token), 401, "core.not_signed_in")


async def test_no_token_is_refused(world: World) -> None:
    problem(await world.client.get("/v1/users/me"), 401, "core.not_signed_in")


async def test_a_profile_is_edited_and_shown_in_part(world: World) -> None:
    ada = await world.person("ada")
    profile = {
        "first_name": " Ada ",
        "last_name": "Lovelace",
        "bio": "Notes.",
        "country": "GB",
        "date_of_birth": "1915-12-10",
        "gender": "female",
        "education_level": "secondary",
        "permitted_kinds": ["photo", "text"],
    }
    edited = await ada.patch("/v1/users/me", profile)
    assert edited.status_code == 200, edited.text
    assert edited.json() | profile | {"first_name": "Ada"} == edited.json()

    emptied = await ada.patch("/v1/users/me", {"bio": None})
    assert emptied.json() == edited.json() | {"bio": None}
    shown = (await world.client.get(f"/v1/users/{ada.id}")).json()
    assert shown["first_name"] == "Ada"
    assert not shown.keys() & {"email", "date_of_birth", "role", "permitted_kinds"}


async def test_nobody_overwrites_a_change_that_they_have_not_seen(world: World) -> None:
    ada = await world.person("ada")
    read = (await ada.get("/v1/users/me")).headers["etag"]
    edited = await ada.patch("/v1/users/me", {"bio": "one"}, headers={"If-Match": read})
    assert edited.headers["etag"] != read
    stale = await ada.patch("/v1/users/me", {"bio": "two"}, headers={"If-Match": read})
    problem(stale, 412, "accounts.edited_meanwhile")
    power = {"If-Match": '"\N{SUPERSCRIPT TWO}"'.encode("latin-1")}
    squared = await ada.patch("/v1/users/me", {"bio": "two"}, headers=power)
    problem(squared, 422, "edge.bad_if_match")
    nonsense = await ada.patch("/v1/users/me", {"bio": "two"}, headers={"If-Match": "x"})
    problem(nonsense, 422, "edge.bad_if_match")
    assert (await ada.get("/v1/users/me")).json()["bio"] == "one"


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "Portugal"},
        {"country": "pt"},
        {"country": "P\u0000"},
        {"date_of_birth": "2199-01-01"},
        {"date_of_birth": "9999-12-31"},
        {"date_of_birth": "1899-12-31"},
        {"date_of_birth": f"{datetime.now(UTC).year - 15}-01-01"},
        {"gender": "x"},
        {"education_level": "x"},
        {"permitted_kinds": ["thoughts"]},
        {"first_name": "nul \u0000"},
        {"first_name": "half \ud800"},
        {"first_name": "x" * 101},
        {"role": "admin"},
        {"email": "other@example.org"},
    ],
)
async def test_what_no_profile_can_hold_is_refused(world: World, wrong: dict[str, object]) -> None:
    ada = await world.person("ada")
    before = (await ada.get("/v1/users/me")).json()
    headers = {"content-type": "application/json"}
    refused = await ada.ask("PATCH", "/v1/users/me", content=json_of(wrong), headers=headers)
    assert refused.status_code == 422, refused.text
    assert (await ada.get("/v1/users/me")).json() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": "nul\u0000@example.org"},
        {"email": "half\ud800@example.org"},
        {"password": "short"},
        {"password": "x" * 1_025},
        {"password": "half a pair \ud800"},
        {"password": "nul \u0000 inside"},
        {"role": "admin"},
    ],
)
async def test_what_no_account_can_hold_is_refused(world: World, wrong: dict[str, object]) -> None:
    headers = {"content-type": "application/json"}
    content = json_of(credentials() | wrong)
    refused = await world.client.post("/v1/users", content=content, headers=headers)
    assert refused.status_code == 422, refused.text


async def test_another_password_ends_every_session(world: World) -> None:
    tokens = await signed_in(world)
    user_id = UserId(UUID(tokens["user_id"]))
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        await service.set_password(ctx, user_id, PASSWORD_HASH)
    problem(await me(world, tokens["access_token"]), 401, "core.not_signed_in")
    body = {"refresh_token": tokens["refresh_token"]}
    refused = await world.client.post("/v1/users/refresh", json=body)
    problem(refused, 401, "accounts.bad_refresh_token")


async def test_an_admin_changes_roles_and_they_count_at_once(world: World) -> None:
    admin, ada = await world.person("admin", Role.ADMIN), await world.person("ada")
    path = f"/v1/admin/users/{ada.id}"
    problem(await ada.patch(path, {"role": "admin"}), 403, "accounts.admins_only")
    assert (await admin.patch(path, {"role": "moderator"})).json()["role"] == "moderator"
    assert (await ada.get("/v1/users/me")).json()["role"] == "moderator"
    nobody = await admin.patch(f"/v1/admin/users/{new_id()}", {"role": "member"})
    problem(nobody, 404, "accounts.user_not_found")


async def test_an_admin_may_step_down_while_another_is_left(world: World) -> None:
    first, second = [await world.person("admin", Role.ADMIN) for _ in range(2)]
    await first.patch(f"/v1/admin/users/{first.id}", {"role": "member"})
    assert (await first.get("/v1/users/me")).json()["role"] == "member"
    again = await first.patch(f"/v1/admin/users/{first.id}", {"role": "admin"})
    problem(again, 403, "accounts.admins_only")
    assert (await second.get("/v1/users/me")).json()["role"] == "admin"


async def test_of_two_admins_who_remove_each_other_at_once_one_is_left(
    committing: Sessions, own_engine: AsyncEngine
) -> None:
    async with committing.begin() as tx:
        ids = [(await make_user(tx, f"admin-{it}", Role.ADMIN)).id for it in range(3)]
    async with committing() as one, committing() as other:
        now = datetime.now(UTC)
        await admin_service.change_role(
            Context(one, Actor(ids[0], Role.ADMIN), now), ids[1], Role.MEMBER
        )
        late = Context(other, Actor(ids[1], Role.ADMIN), now)
        with pytest.raises(rules.AdminsOnly):
            await after(own_engine, one, admin_service.change_role(late, ids[0], Role.MEMBER))
    async with committing() as tx:
        assert await queries.count_admins(tx) == 2
        ctx = Context(tx, SYSTEM, now)
        await admin_service.change_role(ctx, ids[0], Role.MODERATOR)
        with pytest.raises(rules.LastAdmin):
            await admin_service.change_role(ctx, ids[2], Role.MODERATOR)


async def test_the_keys_that_sign_tokens_are_published_without_their_secret(world: World) -> None:
    keys = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
    assert [it["crv"] for it in keys] == ["Ed25519"]
    assert "d" not in keys[0]
