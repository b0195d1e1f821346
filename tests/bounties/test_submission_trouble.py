"""What the platform fails at: it is tried again, elsewhere where it can be, and costs nothing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text, update

from dml.bounties import rules
from dml.bounties.models import Enrollment, Submission, SubmissionState
from dml.bounties.submissions import (
    endings as submission_endings,
    processes as submission_processes,
    rules as submission_rules,
)
from dml.bounties.submissions.evaluating import Evaluation, Validation, Work
from dml.core import nodes, processes as core_processes, worker
from dml.core.context import SYSTEM, Context
from dml.core.engine import Engine
from dml.core.ids import SubmissionId
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.scoring.reader import Reader
from tests.bounties import tables
from tests.bounties.entries import (
    an_id,
    codes,
    end_of,
    make_contest,
    scored,
    submit,
    unscored,
)
from tests.core.engine_watch import until
from tests.worker_parts import make_parts, nothing_read
from tests.world import World


async def row_of(world: World, shown: Mapping[str, Any]) -> Submission:
    async with world.parts.sessions() as tx:
        return await tx.get_one(Submission, an_id(f"/{shown['id']}"))


@pytest.fixture
async def failing(
    judged: World, settings: Settings, at_work: WorkerParts, node: Engine
) -> WorkerParts:
    """A worker's parts whose reader was closed: whatever it is asked fails, through our fault."""
    closed = Reader()
    closed.close()
    return make_parts(settings, judged.parts, reader=closed, node="worker-that-fails")


async def test_what_we_fail_at_is_tried_again_and_at_last_costs_nothing(
    judged: World,
    failing: WorkerParts,
    at_work: WorkerParts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submission_processes, "ELSEWHERE_SECONDS", 0)
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    worker.provide(failing)
    path = await submit(contest, ada, tables.predictions(0.8))
    shown = await end_of(ada, path)
    assert (shown["state"], codes(shown)) == ("failed", ["platform.evaluation_failed"])
    assert shown["limits"]["today"]["remaining"] == 5
    told = (await ada.get(f"{path}/timeline")).json()["entries"]
    assert [it["action"] for it in told].count("put_back") == 2
    assert "our fault" in str([it["reason"] for it in told])
    worker.provide(at_work)
    again = await scored(contest, ada, tables.predictions(0.8))  # The same file is a new one.
    assert again["id"] != shown["id"]


async def test_a_worker_that_failed_leaves_it_to_another_one_that_lives(
    judged: World, failing: WorkerParts, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    async with judged.parts.sessions.begin() as tx:
        await nodes.renew(tx, at_work.node, "worker", {})
    worker.provide(failing)
    path = await submit(contest, ada, tables.predictions(0.8))
    submission_id = SubmissionId(an_id(path))

    async def left_to_another() -> Any:
        async with judged.parts.sessions() as tx:
            waiting = text(
                "SELECT count(*) FROM dbos.workflow_status WHERE status = 'DELAYED' "
                "AND workflow_uuid LIKE :name AND workflow_uuid NOT LIKE '%v1:1'"
            )
            return await tx.scalar(waiting, {"name": f"submission:{submission_id}:bounties.%"})

    await until(left_to_another)
    worker.provide(at_work)
    shown = await end_of(ada, path)
    assert (shown["state"], shown["improved"]) == ("scored", True)
    row = await row_of(judged, shown)
    assert row.failed_nodes == ["worker-that-fails"]
    # Nobody else there: it tries itself again.
    async with judged.parts.sessions() as tx:
        await tx.execute(text("UPDATE nodes SET seen_at = seen_at - interval '1 minute'"))
        known = await tx.get_one(Submission, submission_id)
        known.state = SubmissionState.VALIDATING
        await tx.flush()
        worker.provide(failing)
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        begun = await submission_processes.begin_validation(ctx, submission_id, 9, 0)
        assert begun.outcome == "begun"
        # And where another one lives but never comes, in the end too.
        await tx.execute(text("UPDATE nodes SET seen_at = now()"))
        begun = await submission_processes.begin_validation(ctx, submission_id, 9, 0)
        assert begun.outcome == "elsewhere"
        begun = await submission_processes.begin_validation(ctx, submission_id, 9, 30)
        assert begun.outcome == "begun"


async def test_an_evaluation_that_fails_goes_back_into_the_queue_and_at_last_ends(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    shown = await scored(contest, ada, tables.predictions(0.8))
    async with judged.parts.sessions() as tx:  # Nothing of this is kept.
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        known = await tx.get_one(Submission, an_id(f"/{shown['id']}"))
        entrant = await tx.get_one(Enrollment, known.enrollment_id)
        entrant.best_submission_id = None
        states = []
        for turn in range(3):
            known.state = SubmissionState.QUEUED
            await tx.flush()
            begun = await submission_processes.begin_evaluation(ctx, known.id, turn, 0)
            assert begun.work is not None
            trouble = Evaluation(trouble="the sandbox failed")
            done = await submission_processes.conclude_evaluation(ctx, begun.work, trouble, turn)
            states.append(done.outcome)
        assert states == ["queued", "queued", "failed"]
        assert known.attempts == 4
        assert known.refusals[0]["code"] == "platform.evaluation_failed"
        assert entrant.submissions == 1

        # What a child breaks down over is at fault itself the second time.
        known.failed_nodes, states = [], []
        reasons = [{"code": "file.crashed", "detail": "It broke down."}]
        for turn in range(10, 12):
            known.state = SubmissionState.QUEUED
            await tx.flush()
            begun = await submission_processes.begin_evaluation(ctx, known.id, turn, 0)
            assert begun.work is not None
            trouble = Evaluation(trouble="the sandbox failed", against=reasons)
            done = await submission_processes.conclude_evaluation(ctx, begun.work, trouble, turn)
            states.append(done.outcome)
        assert states == ["queued", "failed"]
        assert known.refusals == reasons

        known.state, known.failed_nodes = SubmissionState.QUEUED, []
        await tx.flush()
        begun = await submission_processes.begin_evaluation(ctx, known.id, 7, 0)
        assert begun.work is not None
        refused = Evaluation(refusals=[{"code": "model.too_slow", "detail": "Too slow."}])
        done = await submission_processes.conclude_evaluation(ctx, begun.work, refused, 7)
        assert (done.outcome, known.end_reason) == ("failed", "Too slow.")
        assert entrant.submissions == 1


async def nothing_else_is_under_way(world: World) -> None:
    """What other tests left behind waits no more."""
    async with world.parts.sessions.begin() as tx:
        left = update(Submission).where(Submission.state.in_(submission_rules.UNDER_WAY))
        await tx.execute(left.values(state=SubmissionState.CANCELLED))


async def test_what_stands_in_a_long_queue_is_not_given_up(world: World) -> None:
    await nothing_else_is_under_way(world)
    contest = await unscored(world)
    (ada,) = contest.entrants
    first, second = [
        SubmissionId(an_id(await submit(contest, ada, tables.predictions(0.8, seed))))
        for seed in range(2)
    ]
    late = datetime.now(UTC) + submission_rules.END_WITHIN
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, late)
        assert await submission_processes.fail_late(ctx, second, 0) == "waiting"
        alarm = f"{submission_endings.give_up_id(second)}:1"
        assert await core_processes.reschedule(ctx, alarm, late)
        assert await submission_processes.fail_late(ctx, first, 0) == "failed"
        found = await tx.get_one(Submission, second)
        rules.move_submission(found, SubmissionState.QUEUED)
        rules.move_submission(found, SubmissionState.EVALUATING)
        found.started_at = late
        await tx.flush()
        assert await submission_processes.fail_late(ctx, second, 1) == "waiting"
        later = replace(ctx, now=late + submission_rules.END_WITHIN)
        assert await submission_processes.fail_late(later, second, 2) == "failed"


async def test_what_no_worker_scores_is_given_up_in_time_and_costs_nothing(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    await nothing_else_is_under_way(judged)
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    async with nothing_read(worker.parts()):
        path = await submit(contest, ada, tables.predictions(0.8))
        submission_id = SubmissionId(an_id(path))
        async with judged.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            alarm = submission_endings.give_up_id(submission_id)
            assert await core_processes.reschedule(ctx, alarm, ctx.now)
        shown = await end_of(ada, path)
    assert (shown["state"], codes(shown)) == ("failed", ["platform.evaluation_failed"])
    assert shown["limits"]["today"]["remaining"] == 5
    async with judged.parts.sessions() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        submission = await tx.get_one(Submission, submission_id)
        work = Work(contest.id, submission_id, submission.sha256, submission.kind, "", "")
        late = await submission_processes.conclude_validation(ctx, work, Validation(), 0)
        assert late == "nothing to do"
