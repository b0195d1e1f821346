"""Personal access tokens: made once, and good for what their scopes name until they end."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from dml.accounts import service as accounts
from dml.accounts.tokens import rules, service, uses
from dml.accounts.tokens.models import PersonalToken
from dml.core.context import SYSTEM, Actor, Context, Role
from dml.core.ids import UserId
from dml.edge.scopes import ANY, Scope
from dml.entrypoints import domains, scopes
from tests.agent.conftest import listening, market
from tests.agent.market import Market
from tests.client.test_marketplace import dml
from tests.conftest import At
from tests.edge.test_walk import ENDLESS, routes
from tests.edge.walking import filled
from tests.jobs.factories import make_job
from tests.world import PASSWORD, PASSWORD_HASH, Person, World, problem

__all__ = ["listening", "market"]  # The fixtures.
PATH: Final = "/v1/users/me/tokens"
ALL: Final = frozenset(Scope)


def body(*named: str, **changes: Any) -> dict[str, Any]:
    return {"name": "nightly job", "scopes": list(named or ["account:read"]), "days": 30} | changes


async def with_token(world: World, person: Person, named: Collection[str] = ALL) -> Person:
    """The same person, by a personal access token with these scopes."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(person.id), datetime.now(UTC))
        made = await service.create(ctx, name="test", scopes=list(named), days=1)
    return replace(person, token=made.secret)


async def change(world: World, person: Person, **values: Any) -> None:
    async with world.parts.sessions.begin() as tx:
        mine = PersonalToken.user_id == person.id
        await tx.execute(update(PersonalToken).where(mine).values(**values))


def test_a_token_says_what_it_is_and_a_letter_that_was_changed_is_found() -> None:
    token = rules.make_secret()
    assert rules.is_well_formed(token)
    assert token.startswith("dml_pat_")
    for place in range(len(rules.PREFIX), len(token)):
        other = "a" if token[place] != "a" else "b"
        assert not rules.is_well_formed(token[:place] + other + token[place + 1 :])
    for wrong in (
        "",
        "dml_pat_",
        token[:-1],
        token + "a",
        token.upper(),
        token + "\n",
        f" {token}",
    ):
        assert not rules.is_well_formed(wrong)


def test_every_operation_has_a_scope_or_a_reason(world: World) -> None:
    """Where this fails: give the resource its area in `entrypoints/scopes.py`."""
    needed, told = scopes.scopes_of(domains.load_routers()), dict[str, Any]()
    for _, _, operation in routes(world):
        name, security = operation["operationId"], operation.get("security", [])
        if not any("HTTPBearer" in it for it in security):
            continue  # It takes no token of a user's.
        told[name] = security
        if name in scopes.FOR_ANY:
            assert {"HTTPBearer": []} in security
        elif name in scopes.FOR_SESSIONS:
            assert name not in needed
        else:
            assert needed[name] in ALL, name
            assert {"HTTPBearer": [needed[name]]} in security
    assert len(told) > 110
    for reasons in (scopes.FOR_ANY, scopes.FOR_SESSIONS):
        assert all(it.endswith(".") for it in reasons.values())
        assert reasons.keys() <= told.keys()
    assert scopes.OTHERWISE.keys() <= told.keys()
    resources = {it.partition(".")[0] for it in told} - {"graph"}
    assert {it for named in scopes.AREAS.values() for it in named} == resources
    assert {needed[it] for it in told if it in needed} - {ANY} == ALL


async def test_a_token_that_may_do_more_than_read_takes_a_proof(world: World) -> None:
    ada, right = await world.person(), {"kind": "password", "password": PASSWORD}
    for it in sorted(it for it in ALL if not it.endswith(":read")):
        asked = body("jobs:read", it)
        problem(await ada.post(PATH, asked), 403, "accounts.proof_needed")
    wrong = {"proof": right | {"password": "guessed"}}
    problem(await ada.post(PATH, body("jobs:write") | wrong), 403, "accounts.wrong_proof")
    problem(await ada.post(PATH, body("jobs:read") | wrong), 403, "accounts.wrong_proof")
    assert (await ada.get(PATH)).json()["items"] == []
    made = await ada.post(PATH, body("jobs:write", "money:write") | {"proof": right})
    assert (made.status_code, made.json()["scopes"]) == (201, ["jobs:write", "money:write"])


async def test_each_operation_refuses_a_token_that_has_all_scopes_but_its_own(
    world: World,
) -> None:
    admin = await world.person("admin", Role.ADMIN)
    needed = scopes.scopes_of(domains.load_routers())
    lacking = {it: await with_token(world, admin, ALL - {it}) for it in ALL}
    other = await world.person("admin", Role.ADMIN)  # Nobody may have so many tokens.
    having = {it: await with_token(world, other, [it]) for it in ALL}
    asked = 0
    for path, method, operation in routes(world):
        scope = needed.get(operation["operationId"])
        if not any("HTTPBearer" in it for it in operation.get("security", [])) or scope == ANY:
            continue
        who = lacking[Scope(scope)] if scope else await with_token(world, admin)
        answer = await who.ask(method, filled(path))
        assert problem(answer, 403, "edge.out_of_scope")["scope"] == scope, (method, path)
        asked += 1
        if scope and path not in (ENDLESS, "/v1/users/me/sessions"):
            answer = await having[Scope(scope)].ask(method, filled(path))
            assert answer.status_code != 401, (method, path)
            assert "out_of_scope" not in answer.text, (method, path)
    assert asked > 110


async def test_a_token_is_shown_once_and_kept_nowhere(world: World) -> None:
    ada = await world.person("ada")
    answer = await ada.post(PATH, body("account:read", "jobs:read"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    secret = made.pop("token")
    assert (await ada.get(PATH)).json()["items"] == [made]
    assert made["scopes"] == ["account:read", "jobs:read"]
    by_token = replace(ada, token=secret)
    assert (await by_token.get("/v1/users/me")).json()["id"] == str(ada.id)
    assert (await by_token.get("/v1/jobs")).status_code == 200
    refused = await by_token.patch("/v1/users/me", {"bio": "x"})
    assert problem(refused, 403, "edge.out_of_scope")["scope"] == "account:write"
    async with world.parts.sessions() as tx:
        row = await tx.scalar(select(PersonalToken).where(PersonalToken.user_id == ada.id))
        assert row is not None
        for table in ("personal_tokens", "events", "idempotent_answers"):
            rows = await tx.scalars(text(f"SELECT t::text FROM {table} t"))
            assert not [it for it in rows if secret in it]
    told = await ada.events(types="token.*")
    assert [(it["type"], it["data"]["scopes"]) for it in told] == [
        ("token.created", ["account:read", "jobs:read"])
    ]


async def test_a_token_makes_no_other_one_whatever_its_scopes(world: World) -> None:
    by_token = await with_token(world, await world.person("ada"))
    refused = await by_token.post(PATH, body())
    assert problem(refused, 403, "edge.out_of_scope")["scope"] is None
    mutation = 'mutation { tokensCreate(input: {name: "x", scopes: [JOBS_READ]}) { token } }'
    answer = (await by_token.post("/graphql", {"query": mutation})).json()
    assert answer["errors"][0]["extensions"]["code"] == "edge.out_of_scope", answer


async def test_a_token_that_was_revoked_or_expired_or_never_was_opens_nothing(
    world: World,
) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    answer = (await ada.post(PATH, body())).json()
    by_token, path = replace(ada, token=answer["token"]), f"{PATH}/{answer['id']}"
    problem(await eve.ask("DELETE", path), 404, "accounts.token_not_found")
    assert (await by_token.get("/v1/users/me")).status_code == 200
    assert (await ada.ask("DELETE", path)).status_code == 204
    problem(await by_token.get("/v1/users/me"), 401, "core.not_signed_in")
    problem(await ada.ask("DELETE", path), 404, "accounts.token_not_found")

    by_token = await with_token(world, ada)
    await change(world, ada, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    problem(await by_token.get("/v1/users/me"), 401, "core.not_signed_in")
    for wrong in (
        rules.make_secret(),
        f"{by_token.token}x",
        "dml_pat_",
        "dml_pat_" + "A" * 100_000,
    ):
        refused = await replace(ada, token=wrong).get("/v1/users/me")
        problem(refused, 401, "core.not_signed_in")


async def test_a_token_may_no_more_than_its_user_may_now(world: World) -> None:
    admin, boss = [await world.person("admin", Role.ADMIN) for _ in range(2)]
    by_token = await with_token(world, admin)
    assert (await by_token.get("/v1/admin/books")).status_code == 200
    path = f"/v1/admin/users/{admin.id}"
    await boss.patch(path, {"role": "member"})
    problem(await by_token.get("/v1/admin/books"), 403, "accounts.admins_only")
    await boss.post(f"{path}/suspend", {"reason": "A test."})
    problem(await by_token.get("/v1/users/me"), 401, "core.not_signed_in")
    await boss.post(f"{path}/restore", {"reason": "It is over."})
    assert (await by_token.get("/v1/users/me")).status_code == 200


async def test_a_password_that_was_reset_revokes_tokens_too(world: World) -> None:
    ada = await world.person("ada")
    by_token = await with_token(world, ada)
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        await accounts.set_password(ctx, ada.id, PASSWORD_HASH)
    problem(await by_token.get("/v1/users/me"), 401, "core.not_signed_in")


async def test_the_last_use_is_noted_once_an_hour(world: World) -> None:
    ada = await world.person("ada")
    by_token = await with_token(world, ada)

    async def noted() -> str | None:
        await uses.write(world.parts.sessions)
        last: str | None = (await ada.get(PATH)).json()["items"][0]["last_used_at"]
        return last

    assert await noted() is None
    await by_token.get("/v1/users/me")
    first = await noted()
    assert first is not None
    await by_token.get("/v1/users/me")
    assert await noted() == first
    await change(world, ada, last_used_at=datetime.now(UTC) - timedelta(minutes=61))
    await by_token.get("/v1/users/me")
    assert (await noted() or "") > first


async def graph(person: Person, query: str) -> Any:
    answer = await person.post("/graphql", {"query": query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_field_of_the_graph_needs_the_scope_of_what_it_asks(world: World) -> None:
    job = await make_job(world)
    by_token = await with_token(world, job.customer, ["jobs:read"])
    asked = "{ jobs { edges { node { id title algorithm { title } } } } me { email } }"
    answer = await graph(by_token, asked)
    (edge,) = answer["data"]["jobs"]["edges"]
    assert (edge["node"]["id"], edge["node"]["algorithm"]) == (str(job.id), None)
    assert answer["data"]["me"] is None
    needed = {it["extensions"]["scope"] for it in answer["errors"]}
    assert needed == {"models:read", "account:read"}
    both = await with_token(world, job.customer, ["jobs:read", "models:read", "account:read"])
    whole = await graph(both, asked)
    assert "errors" not in whole
    assert whole["data"]["jobs"]["edges"][0]["node"]["algorithm"]["title"]


async def test_a_stream_needs_its_scope(world: World) -> None:
    job = await make_job(world)
    by_token = await with_token(world, job.customer, ["money:read"])
    for path, scope in ((f"{job.path}/events", "jobs:read"), (ENDLESS, "events:read")):
        refused = await by_token.get(path)
        assert problem(refused, 403, "edge.out_of_scope")["scope"] == scope


async def test_nobody_has_more_than_fifty(at: At, owner: UserId) -> None:
    for _ in range(rules.TOKENS_MAX):
        await service.create(at(owner), name="x", scopes=["jobs:read"], days=1)
    with pytest.raises(rules.TooManyTokens):
        await service.create(at(owner), name="x", scopes=["jobs:read"], days=1)
    await service.create(at(owner, days=1), name="x", scopes=["jobs:read"], days=1)
    await service.forget_expired(at(owner).tx, at(owner, days=40).now)
    left = await at(owner).tx.scalars(select(PersonalToken).where(PersonalToken.user_id == owner))
    assert left.all() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["jobs"]},
        {"scopes": ["jobs:read", "jobs:read"]},
        {"scopes": ["everything"]},
        {"scopes": "jobs:read"},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "nul \0"},
        {"days": 0},
        {"days": 367},
        {"days": "30"},
        {"more": 1},
    ],
)
async def test_what_no_token_can_be_is_refused(world: World, wrong: dict[str, Any]) -> None:
    ada = await world.person("ada")
    assert (await ada.post(PATH, body() | wrong)).status_code == 422
    assert (await ada.get(PATH)).json()["items"] == []


async def test_the_commands_make_one_sign_in_with_it_and_revoke_it(market: Market) -> None:
    ada = await market.world.person("ada")

    async def typed(token: str, *words: str) -> Any:
        ended = await dml(*words, "--json", DML_TOKEN=token, DML_SERVER=market.url)
        assert ended.code == 0, ended
        return json.loads(ended.out)

    command = ("account", "tokens")
    made = await typed(ada.token, *command, "create", "ci", "--scope", "account:read")
    assert (await typed(made["token"], "whoami"))["id"] == str(ada.id)
    assert await typed(ada.token, *command, "revoke", "ci") == []
    assert UUID(made["id"])
