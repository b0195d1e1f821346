"""Bounties that take submissions, and what people do with them in these tests."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx2
from sqlalchemy import text

from dml.bounties import queries
from dml.bounties.models import BountyState, Judging
from dml.bounties.submissions import queries as submission_queries
from dml.bounties.test_sets import service as test_sets
from dml.core.context import SYSTEM, Context
from dml.core.ids import BountyId
from tests.bounties import tables
from tests.bounties.factories import Entrant, MadeBounty, bring_to, enroll, make_bounty
from tests.core.engine_watch import until
from tests.world import Person, World

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
ONNX: Final = "application/onnx"
ANY: Final = "application/octet-stream"
UNDER_WAY: Final = ("validating", "queued", "evaluating")


@dataclass(frozen=True)
class Contest:
    """A bounty that takes submissions, and who takes part."""

    bounty: MadeBounty
    entrants: tuple[Entrant, ...]

    @property
    def owner(self) -> Person:
        return self.bounty.owner

    @property
    def id(self) -> BountyId:
        return BountyId(UUID(str(self.bounty.id)))

    @property
    def submissions(self) -> str:
        return f"{self.bounty.path}/submissions"


async def make_draft(world: World, **changes: Any) -> MadeBounty:
    """A draft that a metric judges: what it has as a test set nobody can open."""
    judging = changes.pop("judging", Judging.METRIC)
    return await make_bounty(world, judging=judging, state=BountyState.DRAFT, **changes)


async def make_contest(
    world: World,
    *,
    entrants: int = 1,
    hidden: bytes | None = None,
    check: Callable[[World, MadeBounty], Awaitable[None]] | None = None,
    **changes: Any,
) -> Contest:
    """A bounty with a test set that is really checked, in the state of submitting.

    A worker checks it, or where there is none, `check`.
    """
    bounty = await make_draft(world, **changes)
    if changes.get("judging", Judging.METRIC) is Judging.METRIC:
        answer = await upload_test_set(bounty.owner, bounty.path, hidden)
        assert answer.status_code == 200, answer.text
        if check is not None:
            await check(world, bounty)
        checked = await end_of_check(bounty.owner, bounty.path)
        assert checked["state"] == "checked", checked
    await bring_to(bounty, BountyState.ENROLLING)
    entered = [await enroll(world, bounty) for _ in range(entrants)]
    await bring_to(bounty, BountyState.SUBMITTING)
    return Contest(bounty, tuple(entered))


async def unscored(world: World, *, entrants: int = 1, **changes: Any) -> Contest:
    """A bounty that takes submissions where no worker is, so that they stay under way."""
    changes = {"judging": Judging.METRIC} | changes
    bounty = await make_bounty(world, state=BountyState.ENROLLING, **changes)
    entered = [await enroll(world, bounty) for _ in range(entrants)]
    await bring_to(bounty, BountyState.SUBMITTING)
    return Contest(bounty, tuple(entered))


async def check_by_hand(world: World, bounty: MadeBounty) -> None:
    """Do what the check of a test set does, and take it off the queue."""
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        bounty_id = BountyId(UUID(str(bounty.id)))
        row = await queries.lock_bounty(tx, bounty_id)
        test_set = await submission_queries.find_test_set(tx, bounty_id)
        assert test_set is not None
        wanted = test_sets.to_check(row, test_set)
        await test_sets.conclude(ctx, wanted, await test_sets.inspect(wanted))
        queued = "DELETE FROM dbos.workflow_status WHERE workflow_uuid LIKE 'check-test-set:%'"
        await tx.execute(text(queued))


async def send(person: Person, path: str, body: Any, type_: str = CSV, **query: Any) -> Any:
    """Submit a body. What yields it is sent in chunks, without a length."""
    headers = {"content-type": type_}
    return await person.ask("POST", path, content=body, headers=headers, params=query)


async def upload_test_set(
    person: Person, path: str, body: Any = None, type_: str = CSV, **query: Any
) -> httpx2.Response:
    headers = {"content-type": type_}
    content = tables.hidden() if body is None else body
    return await person.ask(
        "PUT", f"{path}/test-set", content=content, headers=headers, params=query
    )


async def end_of_check(person: Person, path: str) -> Any:
    """Wait until the test set is checked or refused; the answer is what it is then."""

    async def done() -> Any:
        shown = (await person.get(f"{path}/test-set")).json()
        return shown if shown["state"] != "uploaded" else None

    return await until(done)


async def submit(
    contest: Contest, person: Person, body: Any, type_: str = CSV, **query: Any
) -> str:
    """Submit a file that is taken; the answer is the submission's path."""
    answer = await send(person, contest.submissions, body, type_, **query)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def end_of(person: Person, path: str, *, seconds: float = 20) -> Any:
    """Wait until a submission is no longer under way; the answer is what it is then."""

    async def done() -> Any:
        shown = (await person.get(path)).json()
        return shown if shown["state"] not in UNDER_WAY else None

    return await until(done, seconds=seconds)


async def scored(contest: Contest, person: Person, body: Any, type_: str = CSV) -> Any:
    """Submit a file and wait for its score."""
    shown = await end_of(person, await submit(contest, person, body, type_))
    assert shown["state"] == "scored", shown
    return shown


async def left_of(contest: Contest, person: Entrant) -> tuple[int, int, int]:
    """What the list says is left: of the day, at once, in all."""
    told = (await person.get(contest.submissions)).json()["limits"]
    return told["today"]["remaining"], told["concurrent"]["remaining"], told["total"]["remaining"]


def codes(shown: Mapping[str, Any]) -> list[str]:
    return [it["code"] for it in shown["refusals"]]


def an_id(path: str) -> UUID:
    return UUID(path.rsplit("/", 1)[1])
