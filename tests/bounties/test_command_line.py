"""`dml bounty` against a server that listens: from a description to a result that is verified."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified
from typer.testing import CliRunner, Result

from dml.bounties.models import Enrollment, Ranking
from dml.core.ids import BountyId, EnrollmentId
from dml.core.money import MicroTokens
from dml.entrypoints.bounty.commands import bounty
from dml.refused import Refused
from tests.agent.market import Market
from tests.bounties import tables
from tests.bounties.factories import moderator
from tests.core.engine_watch import until
from tests.world import Person, World

pytestmark = pytest.mark.usefixtures("node", "at_work")

LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:.*\[")
DESCRIPTION = """
name: Tall flowers
organisation: A garden
subtitle: Which are tall?
description: |
  Two lengths,
  one question.
data: train.csv
evaluation: Accuracy
rules: One account each.
tags: [flowers]
judging: metric
metric: accuracy.v1
prizes: ["60", "30"]
limits: {per_day: 2, concurrent: 2, total: 9}
enrolls_at: +1h
submits_at: +2h
closes_at: +3h
dispute_window: 1h
test_set: {file: hidden.csv}
attachments: [{file: train.csv}]
"""


def invoke(arguments: Sequence[str], environment: Mapping[str, str]) -> Result:
    return CliRunner().invoke(bounty, arguments, env=environment)


@dataclass
class Terminal:
    """Where somebody types `dml bounty`."""

    url: str
    folder: Path

    async def type(self, who: Person | None, *arguments: str) -> Result:
        environment = {"DML_SERVER": self.url, "DML_EMAIL": "", "DML_PASSWORD": ""}
        environment["DML_TOKEN"] = who.token if who else ""
        return await asyncio.to_thread(invoke, arguments, environment)

    async def must(self, who: Person | None, *arguments: str) -> str:
        """Type what must go well, and return what it printed."""
        ended = await self.type(who, *arguments)
        assert ended.exit_code == 0, (ended.output, ended.exception)
        return printed(ended)

    async def refused(self, who: Person | None, *arguments: str) -> str:
        """Type what must be refused, and return in which words."""
        ended = await self.type(who, *arguments)
        assert isinstance(ended.exception, Refused), (ended.output, ended.exception)
        return str(ended.exception)

    def write(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


@pytest.fixture
async def terminal(judged: World, tmp_path: Path) -> AsyncIterator[Terminal]:
    market = Market(judged)
    await market.open()
    here = Terminal(market.url, tmp_path)
    here.write("bounty.yaml", DESCRIPTION)
    here.write("hidden.csv", tables.hidden())
    here.write("train.csv", tables.hidden(tables.rows(50, seed=3)))
    yield here
    await market.close()


def printed(ended: Result) -> str:
    """What the command printed: the server logs to the same output here."""
    lines = ended.output.splitlines(keepends=True)
    return "".join(it for it in lines if not LOGGED.match(it))


async def make_ranked(terminal: Terminal, world: World) -> tuple[str, Person]:
    """A bounty that two entered, by its ranking; and its owner."""
    owner = await world.rich("owner", "1000")
    description = str(terminal.folder / "bounty.yaml")
    made = await terminal.must(owner, "create", description, "--open")
    bounty_id = made.splitlines()[-1]
    people = [await world.person("entrant") for _ in range(2)]
    for number, person in enumerate(people):
        await terminal.must(person, "enroll", bounty_id, "--accept-rules", "--name", f"P{number}")
    await owner.post(f"/v1/bounties/{bounty_id}/start")
    for number, person in enumerate(people):
        file = terminal.write(f"{number}.csv", tables.predictions(0.9 - number / 5, seed=number))
        told = await terminal.must(person, "submit", bounty_id, file)
        assert told.startswith("on the board: 0.")
        assert "left today: 1, in all: 8" in told
    await owner.post(f"/v1/bounties/{bounty_id}/close")

    async def ranked() -> Any:
        shown = (await owner.get(f"/v1/bounties/{bounty_id}")).json()
        return shown["state"] == "disputing"

    await until(ranked)
    return bounty_id, owner


async def test_a_bounty_from_its_description_to_a_verified_result(
    judged: World, terminal: Terminal
) -> None:
    bounty_id, owner = await make_ranked(terminal, judged)

    shown = await terminal.must(None, "board", bounty_id)
    assert "Tall flowers (disputing)" in shown
    assert shown.index("P0") < shown.index("P1")
    assert (await terminal.must(None, "board", bounty_id, "--csv")).count("\n") == 3
    rows = json.loads(await terminal.must(None, "board", bounty_id, "--json"))["items"]
    assert [it["name"] for it in rows] == ["P0", "P1"]

    commitment = (await owner.get(f"/v1/bounties/{bounty_id}")).json()["test_set"]["commitment"]
    told = await terminal.must(None, "verify", bounty_id, "--commitment", commitment)
    assert "✗" not in told
    assert told.endswith("All of it holds.\n")
    verdict = json.loads(await terminal.must(None, "verify", bounty_id, "--json"))
    assert verdict["verified"] is True
    assert all(it["held"] for it in verdict["checks"])


async def test_what_was_exported_makes_the_same_bounty_again(
    judged: World, terminal: Terminal
) -> None:
    owner, copy = await judged.rich("owner", "1000"), terminal.folder / "copy"
    described, copied = (str(it / "bounty.yaml") for it in (terminal.folder, copy))
    first = (await terminal.must(owner, "create", described)).splitlines()[-1]
    await terminal.must(owner, "export", first, "--to", str(copy))
    assert (copy / "train.csv").read_bytes() == (terminal.folder / "train.csv").read_bytes()
    assert not (copy / "test-set.csv").exists()  # Nobody gets it back.
    (copy / "test-set.csv").write_bytes(tables.hidden())

    second = (await terminal.must(owner, "create", copied, "--fund")).splitlines()[-1]

    one, other = [(await owner.get(f"/v1/bounties/{it}")).json() for it in (first, second)]
    assert (one["state"], other["state"]) == ("draft", "funded")
    for key in ("name", "description", "prizes", "limits", "tags", "metric", "closes_at"):
        assert one[key] == other[key], key
    assert "prizes:" in await terminal.must(owner, "export", second)


async def test_a_bounty_may_be_named_by_the_end_of_its_id_or_by_its_name(
    judged: World, terminal: Terminal
) -> None:
    owner = await judged.rich("owner", "1000")
    name = f"Flowers of {owner.id}"
    described = terminal.write("named.yaml", DESCRIPTION.replace("Tall flowers", name))
    told = await terminal.must(owner, "create", described, "--json")
    made = json.loads(told.splitlines()[-1])  # Behind what went to standard error.
    assert (made["name"], made["state"]) == (name, "draft")
    for typed in (name, name.lower().replace(" ", "-"), made["id"][-12:], made["id"]):
        shown = json.loads(await terminal.must(owner, "show", typed, "--json"))
        assert shown["id"] == made["id"], typed
    assert "no bounty is called" in await terminal.refused(None, "show", name)  # It is a draft.
    again = await terminal.must(owner, "create", described, "--into", name, "--open")
    assert again.splitlines()[-1] == made["id"]

    entrant = await judged.person("entrant")
    entered = await terminal.must(entrant, "enroll", name, "--accept-rules", "--json")
    assert json.loads(entered)["bounty_id"] == made["id"]
    files = await terminal.must(entrant, "data", name, "--to", str(terminal.folder), "--json")
    assert json.loads(files) == [str(terminal.folder / "train.csv")]


async def test_a_draft_that_was_refused_half_way_is_gone_on_with(
    judged: World, terminal: Terminal
) -> None:
    owner = await judged.rich("owner", "10")
    terminal.write("hidden.csv", "id,target\n1,short\n1,tall\n")
    description = str(terminal.folder / "bounty.yaml")

    told = await terminal.refused(owner, "create", description, "--fund")

    assert "the test set was refused" in told
    hint, again = told.rsplit(" --into ", 1)
    assert hint.endswith(f"go on with: dml bounty create {description}")
    bounty_id, flag = again.split(" ")
    assert flag == "--fund"
    terminal.write("hidden.csv", tables.hidden())
    poor = await terminal.refused(owner, "create", description, "--fund", "--into", bounty_id)
    assert "does not cover" in poor
    assert (await owner.get(f"/v1/bounties/{bounty_id}")).json()["state"] == "draft"


async def test_an_evidence_that_lies_does_not_pass(judged: World, terminal: Terminal) -> None:
    bounty_id, _ = await make_ranked(terminal, judged)
    async with judged.parts.sessions.begin() as tx:
        ranking = await tx.get_one(Ranking, BountyId(UUID(bounty_id)))
        ranking.entries[0]["score"] += 0.01
        ranking.entries[1]["prize"] += 1
        flag_modified(ranking, "entries")
        best = (
            await tx.scalars(
                select(Enrollment).where(Enrollment.id == ranking.entries[0]["enrollment_id"])
            )
        ).one()
        best.best_score = 0.99999

    ended = await terminal.type(None, "verify", bounty_id, "--commitment", "00")

    assert ended.exit_code == 1
    wrong = [line for line in printed(ended).splitlines() if line.startswith("✗")]
    assert len(wrong) == 4, ended.stdout
    assert "4 of" in ended.stdout
    for word in ("noted", "private scores", "public scores", "prizes"):
        assert any(word in line for line in wrong), word


async def test_what_was_decided_in_public_since_is_followed_up_to_the_board(
    judged: World, terminal: Terminal
) -> None:
    bounty_id, owner = await make_ranked(terminal, judged)
    path = f"/v1/bounties/{bounty_id}"
    rows = (await owner.get(f"{path}/leaderboard")).json()["items"]
    first, second = (it["enrollment_id"] for it in rows)
    body = {"order": [second], "reason": "It is of more use."}
    assert (await owner.post(f"{path}/reorder", body)).status_code == 200
    told = await terminal.must(None, "verify", bounty_id)
    assert "the board follows from the ranking and 1 decision made in public" in told
    mia = await moderator(judged)
    out = await mia.post(f"{path}/enrollments/{second}/disqualify", {"reason": "copied"})
    assert out.status_code == 200
    assert "and 2 decisions" in await terminal.must(None, "verify", bounty_id)

    async with judged.parts.sessions.begin() as tx:
        entrant = await tx.get_one(Enrollment, EnrollmentId(UUID(first)))
        entrant.prize = MicroTokens(1)
    ended = await terminal.type(None, "verify", bounty_id)
    assert ended.exit_code == 1
    (wrong,) = [line for line in printed(ended).splitlines() if line.startswith("✗")]
    assert "the board follows" in wrong
    assert "P0" in wrong


async def test_who_was_left_out_of_the_ranking_is_missed(judged: World, terminal: Terminal) -> None:
    bounty_id, _ = await make_ranked(terminal, judged)
    async with judged.parts.sessions.begin() as tx:
        ranking = await tx.get_one(Ranking, BountyId(UUID(bounty_id)))
        left_out = ranking.entries.pop()
        flag_modified(ranking, "entries")
        entrant = await tx.get_one(Enrollment, EnrollmentId(UUID(left_out["enrollment_id"])))
        entrant.place = entrant.prize = None

    ended = await terminal.type(None, "verify", bounty_id)

    assert ended.exit_code == 1
    wrong = [line for line in printed(ended).splitlines() if line.startswith("✗")]
    assert any("all who have a public score were ranked" in it and "P1" in it for it in wrong)


async def test_what_cannot_be_done_is_told_in_a_line(judged: World, terminal: Terminal) -> None:
    owner = await judged.rich("owner", "1000")
    description = str(terminal.folder / "bounty.yaml")
    assert "DML_EMAIL" in await terminal.refused(None, "create", description)
    lost = terminal.write("lost.yaml", DESCRIPTION.replace("hidden.csv", "lost.csv"))
    told = await terminal.refused(owner, "create", lost)
    assert "cannot read" in told
    assert "draft" not in told  # Nothing was made yet.
    assert "no such bounty" in await terminal.refused(None, "board", str(UUID(int=0)))
    assert "no bounty is called" in await terminal.refused(None, "board", "../users/me")
    made = await terminal.must(owner, "create", description, "--open")
    bounty_id = made.splitlines()[-1]
    assert "final ranking" in await terminal.refused(None, "verify", bounty_id)
    entrant = await judged.person("entrant")
    ended = await terminal.type(entrant, "enroll", bounty_id)
    assert ended.exit_code == 1
    assert "One account each." in ended.output
    await terminal.must(entrant, "enroll", bounty_id, "--accept-rules")
    await owner.post(f"/v1/bounties/{bounty_id}/start")
    wrong = terminal.write("wrong.csv", "id,prediction\n1,short\n")
    told = await terminal.refused(entrant, "submit", bounty_id, wrong)
    assert "does not count" in told
    fine = terminal.write("fine.csv", tables.predictions(0.8))
    told = await terminal.must(entrant, "submit", bounty_id, fine, "--dry-run")
    assert "only checked" in told
    made = await terminal.must(entrant, "submit", bounty_id, fine, "--wait", "0", "--json")
    assert json.loads(made)["state"] == "validating"
    assert "cannot read" in await terminal.refused(entrant, "submit", bounty_id, "nothing.csv")
    away = await terminal.refused(None, "board", bounty_id, "--server", "http://127.0.0.1:9")
    assert "can't be reached" in away


async def test_somebody_can_sign_in_by_their_password(judged: World, terminal: Terminal) -> None:
    owner = await judged.rich("owner", "1000")
    environment = {"DML_SERVER": terminal.url, "DML_EMAIL": owner.email, "DML_TOKEN": ""}
    for password, code in (("a password", 0), ("another one", 1)):
        arguments = ("create", str(terminal.folder / "bounty.yaml"))
        ended = await asyncio.to_thread(invoke, arguments, environment | {"DML_PASSWORD": password})
        assert ended.exit_code == code, (ended.output, ended.exception)
