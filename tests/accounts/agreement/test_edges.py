"""Who uploads a model has accepted the agreement; a newer one is asked for at the next upload."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from typer.testing import CliRunner

from dml.accounts.agreement import rules
from dml.accounts.agreement.reading import OURS
from dml.accounts.agreement.rules import Demands
from dml.accounts.identities.models import Identity, IdentityKind
from dml.accounts.openid.providers import GITHUB
from dml.core.ids import IdentityId, new_id
from dml.entrypoints.cli.main import app
from tests.accounts.privacy.test_erasing import erase
from tests.accounts.recovery.test_commands import market, typed
from tests.agent.market import Market
from tests.algorithms.offers import file_part, form, make_algorithm, offer, send, spec_part
from tests.bounties.test_publishing import finished, publish
from tests.conftest import ROOT
from tests.world import Person, World, problem

__all__ = ["market"]
CURRENT = "/v1/developer-agreement"
MINE = "/v1/users/me/developer-agreements"
NEWER = rules.read("# Developer agreement\n\nVersion: 2\n\nBe kinder still.\n")


@contextmanager
def demanding(world: World, **changes: Any) -> Iterator[None]:
    """Have the operator ask for something else meanwhile."""
    before: Demands = world.app.state.demands
    world.app.state.demands = replace(before, **changes)
    try:
        yield
    finally:
        world.app.state.demands = before


async def draft_of(person: Person) -> str:
    answer = await person.post("/v1/algorithms", offer())
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def upload(person: Person, path: str, content: bytes = b"a model") -> httpx2.Response:
    return await send(person, path, form(spec_part(), file_part(content)))


async def test_everybody_reads_it_and_its_developer_sees_what_they_accepted(world: World) -> None:
    ada = await world.person("ada")
    shown = (await world.client.get(CURRENT)).json()
    assert (shown["version"], shown["text"]) == ("1", OURS.read_text())
    assert (shown["is_required"], shown["needs_github"], shown["accepted_at"]) == (
        True,
        False,
        None,
    )
    made = await ada.post(MINE, {"version": "1"})
    assert (made.status_code, made.json()["sha256"]) == (201, shown["sha256"])
    assert (await ada.post(MINE, {"version": "1"})).json() == made.json()
    assert (await ada.get(CURRENT)).json()["accepted_at"] == made.json()["accepted_at"]
    assert (await ada.get(MINE)).json() == {"items": [made.json()]}
    (told,) = await ada.events(types="user.agreement_accepted")
    assert told["data"]["version"] == "1"
    asked = {"query": "{developerAgreement {version acceptedAt}}"}
    graph = (await ada.post("/graphql", asked)).json()
    assert graph["data"]["developerAgreement"]["acceptedAt"] == made.json()["accepted_at"]


async def test_only_the_current_version_is_accepted(world: World) -> None:
    ada = await world.person("ada")
    document = problem(
        await ada.post(MINE, {"version": "0"}), 409, "accounts.agreement_not_current"
    )
    assert document["current"] == "1"
    for wrong in ({}, {"version": ""}, {"version": "1 x"}, {"version": 1}, {"version": "x" * 50}):
        assert (await ada.post(MINE, wrong)).status_code == 422
    problem(await world.client.post(MINE, json={"version": "1"}), 401, "core.not_signed_in")
    assert (await ada.get(MINE)).json()["items"] == []


async def test_nothing_is_uploaded_before_it_is_accepted(world: World) -> None:
    ada = await world.person("ada")
    path = await draft_of(ada)
    refused = await upload(ada, path)
    assert problem(refused, 403, "accounts.agreement_needed")["version"] == "1"
    with demanding(world, is_required=False):
        assert (await upload(ada, path, b"not asked for")).status_code == 201
    bob = await world.person("bob")
    path = await draft_of(bob)
    assert (await bob.post(MINE, {"version": "1"})).status_code == 201
    assert (await upload(bob, path)).status_code == 201


async def test_a_newer_one_is_asked_for_at_the_next_upload_and_leaves_what_there_is(
    world: World,
) -> None:
    ada = await world.person("ada")
    path = await make_algorithm(ada)
    version = (await upload(ada, path)).headers["location"]
    first = (await ada.get(MINE)).json()["items"][0]
    with demanding(world, agreement=NEWER):
        problem(await upload(ada, path, b"the next"), 403, "accounts.agreement_needed")
        assert (await ada.get(version)).status_code == 200
        problem(await ada.post(MINE, {"version": "1"}), 409, "accounts.agreement_not_current")
        assert (await ada.post(MINE, {"version": "2"})).status_code == 201
        problem(await upload(ada, path, b"the next"), 429, "algorithms.check_pending")
        assert [it["version"] for it in (await ada.get(MINE)).json()["items"]] == ["2", "1"]
        kept = await world.client.get(f"/v1/developer-agreements/{first['sha256']}")
        assert kept.json()["text"] == OURS.read_text()
    newer = await world.client.get(f"/v1/developer-agreements/{NEWER.sha256}")
    assert newer.json()["version"] == "2"
    unknown = await world.client.get(f"/v1/developer-agreements/{'0' * 64}")
    problem(unknown, 404, "accounts.agreement_not_found")


async def test_a_model_of_a_bounty_is_published_by_the_same_rule(world: World) -> None:
    ada, _, _, path = await finished(world)
    algorithm = await draft_of(ada)
    refused = await publish(ada, path, algorithm)
    problem(refused, 403, "accounts.agreement_needed")
    await ada.post(MINE, {"version": "1"})
    assert (await publish(ada, path, algorithm)).status_code == 201


async def test_a_linked_github_is_asked_for_where_the_operator_says_so(world: World) -> None:
    ada = await world.person("ada")
    path = await make_algorithm(ada)

    async def link(subject: str) -> None:
        async with world.parts.sessions.begin() as tx:
            now, made = datetime.now(UTC), IdentityId(new_id())
            tx.add(
                Identity(
                    id=made,
                    user_id=ada.id,
                    kind=IdentityKind.OPENID,
                    subject=subject,
                    created_at=now,
                )
            )

    with demanding(world, needs_github=True):
        assert (await world.client.get(CURRENT)).json()["needs_github"] is True
        problem(await upload(ada, path), 403, "accounts.github_needed")
        await link(f"{GITHUB}.evil.example {new_id()}")
        problem(await upload(ada, path), 403, "accounts.github_needed")
        await link(f"{GITHUB} {new_id()}")
        assert (await upload(ada, path)).status_code == 201


async def test_who_erases_their_account_leaves_what_names_nobody(world: World) -> None:
    ada = await world.person("ada")
    await ada.post(MINE, {"version": "1"})
    await erase(world, ada)
    problem(await ada.get(MINE), 401, "core.not_signed_in")


async def test_it_is_read_and_accepted_as_it_is_typed(
    world: World, market: Market, tmp_path: Path
) -> None:
    ada = await world.person("ada")
    environment = {"DML_SERVER": market.url, "HOME": str(tmp_path), "DML_TOKEN": ada.token}
    words = ["model", "publish", str(ROOT / "examples" / "digits" / "digits.onnx")]
    ended = await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)
    assert ended.exit_code == 1
    assert "dml account agreement accept 1" in str(ended.exception)
    wrong = [*words, "--accept-agreement", "0"]
    ended = await asyncio.to_thread(CliRunner().invoke, app, wrong, env=environment)
    assert "accept version `current`" in str(ended.exception)
    shown = await typed(market, tmp_path, ada, "agreement")
    assert (shown["version"], shown["accepted_at"]) == ("1", None)
    made = await typed(market, tmp_path, ada, "agreement", "accept", "1")
    assert made["version"] == "1"
    again = await typed(market, tmp_path, ada, "agreement")
    assert again["accepted_at"] == made["accepted_at"]
