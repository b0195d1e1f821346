"""No query takes more than one may: each limit is tried from both sides, and tells itself."""

import hashlib
import json
from typing import Any

import pytest
from graphql import get_introspection_query

from dml.edge.graphql.checking import ALIASES_MAX, DEPTH_MAX, LENGTH_MAX, POINTS_MAX, TOKENS_MAX
from dml.edge.limits import spend
from tests.edge.graphql.asking import ask, data, refusal, sent
from tests.world import World, problem


def nested(depth: int) -> str:
    """A query that goes so deep."""
    inner = "ofType { " * (depth - 3)
    return f'{{ __type(name: "Job") {{ {inner} name {"}" * (depth - 3)} }} }}'


def aliased(count: int) -> str:
    return "{ " + " ".join(f"a{it}: __typename" for it in range(count)) + " }"


TOO_LARGE = {
    "ten thousand aliases": (aliased(10_000), "characters"),
    "some aliases too many": (aliased(ALIASES_MAX + 1), "aliases"),
    "some levels too many": (nested(DEPTH_MAX + 2), "depth"),
    "one field again and again": ("{ me { id id id } }", "repetitions"),
    "in fragments that are there": (
        "{ me { ... { id } ... { id } ... { id } } }",
        "repetitions",
    ),
    "many fragments": (
        "{ me { ...F1 } } " + " ".join(f"fragment F{it} on User {{ id }}" for it in range(100)),
        "fragments",
    ),
    "a deep chain of fragments": (
        "{ me { ...F0 } } "
        + " ".join(f"fragment F{it} on User {{ ...F{it + 1} }}" for it in range(39))
        + " fragment F39 on User { id }",
        "fragments or depth",
    ),
}


@pytest.mark.parametrize("query", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_what_is_too_large_is_refused(world: World, query: tuple[str, str]) -> None:
    text, limit = query
    error = await refusal(world, text)
    assert error["code"] == "edge.query_too_large"
    assert error["status"] == 413
    assert error["limit"] in limit
    assert error["most"] > 0


WRONG = {
    "a thousand levels": "{ me { " + "friend { " * 1_000 + "id" + " }" * 1_000 + " } }",
    "a deep value": "{ user(id: " + "[" * 900 + "]" * 900 + ") { id } }",
    "more tokens than may be": "{ me { " + "a " * TOKENS_MAX + "} }",
    "fragments in a circle": "{ me { ...A } } fragment A on User { ...B } "
    "fragment B on User { ...A }",
    "a fragment of itself": "{ me { ...A } } fragment A on User { id ...A }",
    "no such field": "{ me { password } }",
    "no such argument": "{ jobs(owner: 1) { nodes { id } } }",
    "no such type": "query($x: Nothing) { me { id } }",
    "a word for a number": '{ jobs(first: "ten") { nodes { id } } }',
    "no such state": "{ jobs(state: NOTHING) { nodes { id } } }",
    "nothing at all": " ",
    "half of a query": "{ me { id ",
    "a subscription": "subscription { me { id } }",
    "an introspection bomb": "{ __schema { types { "
    + "fields { type { " * 6
    + "name"
    + " } }" * 6
    + " } } }",
}


@pytest.mark.parametrize("query", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_refused(world: World, query: str) -> None:
    answer = await world.client.post(
        "/graphql",
        content=json.dumps({"query": query}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200
    told = answer.json()
    assert "data" not in told
    for error in told["errors"]:
        assert error["extensions"]["code"] == "edge.query_wrong"
        assert len(error["message"]) < 1_000


VARIABLES = {
    "a word for a number": {"first": "ten"},
    "a list": {"first": [1]},
    "a number that is none": {"first": 1.5},
    "beyond 32 bits": {"first": 2**40},
}


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES)
async def test_variables_of_another_type_are_refused(world: World, variables: Any) -> None:
    somebody = await world.person()
    query = "query($first: Int) { jobs(first: $first) { nodes { id } } }"
    answer = await ask(somebody, query, **variables)
    assert answer["errors"][0]["extensions"]["code"] == "edge.query_wrong"
    assert answer.get("data") is None


async def test_a_body_that_is_too_large_or_deep_is_refused_by_http(world: World) -> None:
    query = b'{"query": "' + b" " * 10_000_000 + b'"}'
    headers = {"content-type": "application/json"}
    answer = await world.client.post("/graphql", content=query, headers=headers)
    problem(answer, 413, "http.413")
    deep = b'{"query": "{ me { id } }", "variables": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_001
    answer = await world.client.post("/graphql", content=deep, headers=headers)
    problem(answer, 422, "http.422")


async def test_only_json_is_taken_and_one_query_at_once(world: World) -> None:
    query = "{ me { id } }"
    for content, kind in (
        (f"query={query}", "application/x-www-form-urlencoded"),
        (json.dumps({"query": query}), "text/plain"),
        (query, "application/graphql"),
    ):
        answer = await world.client.post(
            "/graphql", content=content, headers={"content-type": kind}
        )
        problem(answer, 415, "http.415")
    answer = await world.client.post("/graphql", json=[{"query": query}] * 3)
    problem(answer, 422, "http.422")


async def test_a_query_tells_what_it_cost_and_what_is_left(world: World) -> None:
    somebody = await world.person()
    query = "{ jobs(first: 10) { nodes { id title } } }"
    first = (await ask(somebody, query))["extensions"]["cost"]
    again = (await ask(somebody, query))["extensions"]["cost"]
    assert again["points"] == 50 + 1 + 10 * 2  # The operation, the list, and its values.
    assert first["left"] - again["left"] == again["points"]
    assert 0 < again["resetsInSeconds"] <= 60
    more = await ask(somebody, query.replace("10", "100"))
    assert more["extensions"]["cost"]["points"] > 9 * again["points"] - 9 * 50


async def test_what_costs_too_much_is_not_run_and_tells_its_price(world: World) -> None:
    somebody = await world.person()
    query = """query($first: Int!) { bounties(first: $first) { nodes {
        leaderboard(first: 50) { nodes { name score } } } } }"""
    error = await refusal(somebody, query, first=100)
    assert error["code"] == "edge.query_too_costly"
    assert error["most"] == POINTS_MAX
    assert error["points"] > POINTS_MAX
    await data(somebody, query, first=5)


async def test_points_are_used_up_until_the_minute_is_over(world: World) -> None:
    somebody = await world.person()
    most = world.parts.settings.graph_points_a_minute
    await spend(world.parts, str(somebody.id), most - 10, most=most)
    error = await refusal(somebody, "{ me { id } }")
    assert error["code"] == "edge.points_used_up"
    assert error["status"] == 429
    assert 0 < error["retry_after_seconds"] <= 60
    other = await world.person()
    await data(other, "{ me { id } }")


async def test_the_schema_is_told_to_tools(world: World) -> None:
    found = await data(world, get_introspection_query())
    names = {it["name"] for it in found["__schema"]["types"]}
    assert {"Query", "Mutation", "Job", "Bounty", "PublicUser", "JobCreate"} <= names
    again = await data(world, get_introspection_query())
    assert again == found


async def test_a_query_is_kept_by_its_hash(world: World) -> None:
    somebody = await world.person()
    query = f"query Of{somebody.id.hex} {{ me {{ id }} }}"
    digest = hashlib.sha256(query.encode()).hexdigest()
    named = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    unknown = (await sent(somebody, {"extensions": named})).json()["errors"][0]
    assert unknown["message"] == "PersistedQueryNotFound"
    assert unknown["extensions"]["code"] == "edge.query_not_kept"
    await sent(somebody, {"query": query, "extensions": named})
    found = (await sent(somebody, {"extensions": named})).json()
    assert found["data"]["me"]["id"] == str(somebody.id)
    other = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    wrong = (await sent(somebody, {"query": query, "extensions": other})).json()["errors"][0]
    assert wrong["extensions"]["code"] == "edge.wrong_hash"


async def test_clients_of_its_own_media_type_get_a_status(world: World) -> None:
    somebody = await world.person()
    accept = {"Accept": "application/graphql-response+json"}
    wrong = await somebody.post("/graphql", {"query": "{ nothing }"}, headers=accept)
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == accept["Accept"]
    good = await somebody.post("/graphql", {"query": "{ me { id } }"}, headers=accept)
    assert good.status_code == 200
    assert len(get_introspection_query()) < LENGTH_MAX
