"""What takes long is cut off soon and waits among its like: it holds up no honest file."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import text

from dml.accounts import sandbox_time
from dml.accounts.models import SandboxClock
from dml.bounties.models import SubmissionKind
from dml.bounties.submissions import service as submissions
from dml.core import processes as core_processes, worker
from dml.core.context import Actor, Context
from dml.core.engine import Engine
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.scoring.reader import Reader
from tests.bounties import models, tables
from tests.bounties.entries import (
    ONNX,
    PARQUET,
    Contest,
    codes,
    end_of,
    end_of_check,
    make_contest,
    make_draft,
    submit,
    upload_test_set,
)
from tests.scoring.files import parquet
from tests.worker_parts import PLACES, make_parts
from tests.world import Person, World

LOOPERS: Final = 2
LONG: Final = "long_evaluations"


@pytest.fixture(scope="module")
def hurried_reader() -> Iterator[Reader]:
    with Reader(seconds=1, at_once=PLACES) as reader:  # So that not even all its time is long.
        yield reader


@pytest.fixture
def hurried(judged: World, settings: Settings, node: Engine, hurried_reader: Reader) -> WorkerParts:
    parts = make_parts(settings, judged.parts, reader=hurried_reader)
    worker.provide(parts)
    return parts


async def queues_of(world: World, what: str) -> dict[str, str]:
    """The processes of something that was to be checked or scored, and where each waited."""
    query = text(
        "SELECT name, queue_name FROM dbos.workflow_status WHERE workflow_uuid LIKE :what "
        "AND queue_name <> :alarms"
    )
    async with world.parts.sessions() as tx:
        found = await tx.execute(query, {"what": f"%{what}%", "alarms": core_processes.QUEUE})
        return {row.name: row.queue_name for row in found.all()}


async def timeouts_of(world: World, person: Person) -> int:
    async with world.parts.sessions() as tx:
        return (await tx.get_one(SandboxClock, person.id)).timeouts


async def race(world: World, looper: bytes) -> tuple[Contest, list[Any], Any]:
    """Loopers by so many users come first, then an honest model: what became of each."""
    contest = await make_contest(world, entrants=LOOPERS + 1)
    *loopers, ada = contest.entrants
    first = [await submit(contest, it, looper, ONNX) for it in loopers]
    last = await submit(contest, ada, models.model(), ONNX)
    honest = await end_of(ada, last, seconds=60)
    ends = zip(loopers, first, strict=True)
    slow = await asyncio.gather(*(end_of(who, path, seconds=60) for who, path in ends))
    return contest, slow, honest


async def require_held_up_nobody(
    world: World, contest: Contest, slow: list[Any], honest: Any
) -> None:
    assert (honest["state"], honest["shown_score"]) == ("scored", 1)
    assert [(it["state"], codes(it)) for it in slow] == [("failed", ["model.too_slow"])] * LOOPERS
    # Each of them had all its time, in the one place that such have, and so after the honest one.
    assert honest["ended_at"] < max(it["ended_at"] for it in slow)
    *loopers, ada = contest.entrants
    assert [await timeouts_of(world, it) for it in loopers] == [1] * LOOPERS
    assert await timeouts_of(world, ada) == 0


async def test_models_that_loop_hold_up_no_check_of_an_honest_one(
    judged: World, hurried: WorkerParts
) -> None:
    contest, slow, honest = await race(judged, models.slow())
    await require_held_up_nobody(judged, contest, slow, honest)
    for it in slow:
        assert await queues_of(judged, it["id"]) == {
            "bounties.validate_quickly.v2": "validations",
            "bounties.validate.v1": LONG,
        }
    assert await queues_of(judged, honest["id"]) == {
        "bounties.validate_quickly.v2": "validations",
        "bounties.score_quickly.v1": "scores",
    }


async def test_models_that_loop_over_hidden_rows_alone_hold_up_no_score(
    judged: World, hurried: WorkerParts
) -> None:
    contest, slow, honest = await race(judged, models.slow_where_negative())
    await require_held_up_nobody(judged, contest, slow, honest)
    for it in slow:
        assert await queues_of(judged, it["id"]) == {
            "bounties.validate_quickly.v2": "validations",
            "bounties.score_quickly.v1": "scores",
            "bounties.score.v1": LONG,
        }
        told = (await contest.owner.get(f"{contest.submissions}/{it['id']}/timeline")).json()
        moves = [(entry["action"], entry["to_state"]) for entry in told["entries"]]
        assert ("takes_long", "queued") in moves


async def test_a_model_that_is_only_slow_is_scored_with_all_its_time(
    judged: World, at_work: WorkerParts, node: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_time, "QUICK_SECONDS", 1.0)
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    path = await submit(contest, ada, models.slow_where_negative(products=1), ONNX)
    shown = await end_of(ada, path, seconds=120)
    assert (shown["state"], shown["shown_score"]) == ("scored", 1)
    assert (await queues_of(judged, shown["id"]))["bounties.score.v1"] == LONG
    assert await timeouts_of(judged, ada) == 0


async def test_a_test_set_that_takes_long_waits_among_its_like(
    judged: World, at_work: WorkerParts, node: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_time, "QUICK_SECONDS", 1.0)
    rows = 400_000  # The worker itself needs more than a second to split them.
    many = parquet({"id": range(rows), "target": ["no", "yes"] * (rows // 2)})
    draft = await make_draft(judged)
    assert (await upload_test_set(draft.owner, draft.path, many, PARQUET)).status_code == 200
    shown = await end_of_check(draft.owner, draft.path)
    assert (shown["state"], shown["rows"]) == ("checked", rows)
    found = await queues_of(judged, "check-test-set:")
    assert found["bounties.check_test_set_quickly.v1"] == "checks"
    assert found["bounties.check_test_set.v1"] == LONG
    assert await timeouts_of(judged, draft.owner) == 0


async def test_a_table_is_scored_by_the_process_that_checked_it(
    judged: World, at_work: WorkerParts, node: Engine
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    shown = await end_of(ada, await submit(contest, ada, tables.predictions(0.8)))
    assert (shown["state"], shown["improved"]) == ("scored", True)
    assert await queues_of(judged, shown["id"]) == {
        "bounties.validate_quickly.v2": "validations",
    }


@pytest.mark.parametrize("before", ["bounties.validate.v1", "bounties.validate_quickly.v1"])
async def test_a_check_of_a_process_from_before_is_still_done(
    judged: World, at_work: WorkerParts, node: Engine, before: str
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    content = tables.predictions(0.8)
    stored = await judged.parts.blobs.keep(content)
    async with judged.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
        kind = SubmissionKind.CSV
        made = await submissions.enter(
            ctx, contest.id, submissions.Submitted(kind, "mine.csv", stored, dry_run=False)
        )
        waiting = text(
            "UPDATE dbos.workflow_status SET name = :before "
            "WHERE name = 'bounties.validate_quickly.v2' AND workflow_uuid LIKE :what"
        )
        await tx.execute(waiting, {"what": f"%{made.id}%", "before": before})
    shown = await end_of(ada, f"{contest.submissions}/{made.id}")
    assert (shown["state"], shown["improved"]) == ("scored", True)
    assert await queues_of(judged, shown["id"]) == {
        before: "validations",
        "bounties.score_quickly.v1": "scores",
    }
