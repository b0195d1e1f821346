"""What scoring finds, keeps and shows: the same each time, and nothing of what is sealed."""

import asyncio
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import select, text

from dml.bounties import queries
from dml.bounties.models import BountyState, Enrollment, Record, Submission, SubmissionState
from dml.bounties.submissions import (
    evaluating,
    processes as submission_processes,
    queries as submission_queries,
)
from dml.bounties.submissions.evaluating import Evaluation, Work
from dml.bounties.test_sets import service as test_sets
from dml.core import worker
from dml.core.context import SYSTEM, Context
from dml.core.engine import Engine
from dml.core.worker import WorkerParts
from tests.bounties import models, tables
from tests.bounties.entries import (
    ONNX,
    Contest,
    an_id,
    end_of,
    make_contest,
    scored,
    submit,
)
from tests.bounties.factories import Entrant, moderator
from tests.worker_parts import nothing_read
from tests.world import World

NUMBER: Final = re.compile(r"(?<![\d.:])\d+\.\d+(?:e-?\d+)?")


async def split_of(world: World, parts: WorkerParts, contest: Contest) -> Mapping[int, bool]:
    """Which rows are public, found by hand from the salt that nobody knows yet."""
    async with world.parts.sessions() as tx:
        row = await submission_queries.find_test_set(tx, contest.id)
    assert row is not None
    assert row.sealed_salt is not None
    salt = parts.opener.open(row.sealed_salt, test_sets.salt_purpose(contest.id))

    def head(number: int) -> int:
        digest = hmac.new(salt, str(number).encode(), "sha256").digest()
        return int.from_bytes(digest[:8], "big")

    return {number: head(number) / 2**64 < 0.3 for number, *_ in tables.rows()}


def accuracy(told: Mapping[int, str], numbers: Iterable[int]) -> float:
    truth = {number: label for number, label, *_ in tables.rows()}
    right = [told[it] == truth[it] for it in numbers]
    return round(sum(right) / len(right), 5)  # As many digits as are shown.


async def row_of(world: World, shown: Mapping[str, Any]) -> Submission:
    async with world.parts.sessions() as tx:
        return await tx.get_one(Submission, an_id(f"/{shown['id']}"))


async def entrant_of(world: World, entrant: Entrant) -> Enrollment:
    async with world.parts.sessions() as tx:
        return await tx.get_one(Enrollment, entrant.enrollment_id)


async def work_of(world: World, shown: Mapping[str, Any]) -> Work:
    row = await row_of(world, shown)
    async with world.parts.sessions() as tx:
        test_set = await submission_queries.find_test_set(tx, row.bounty_id)
    assert test_set is not None
    assert test_set.prepared is not None
    return Work(row.bounty_id, row.id, row.sha256, row.kind, "accuracy.v1", test_set.prepared)


async def test_a_score_is_shown_only_where_it_is_truly_better(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, entrants=2)
    ada, bob = contest.entrants
    public = [it for it, shown in (await split_of(judged, at_work, contest)).items() if shown]

    def measured(right: float, seed: int) -> float:
        return accuracy(tables.guesses(tables.rows(), right, seed), public)

    first = await scored(contest, ada, tables.predictions(0.7, seed=1))
    assert (first["improved"], first["shown_score"]) == (True, measured(0.7, 1))
    # Two public rows more are right, and one fewer: better, but not truly.
    guessed, truth = tables.guesses(tables.rows(), 0.7, 1), tables.guesses(tables.rows(), 1)
    wrong = [it for it in public if guessed[it] != truth[it]]
    right = [it for it in public if guessed[it] == truth[it]]
    swapped = {wrong[0]: truth[wrong[0]], wrong[1]: truth[wrong[1]]}
    swapped[right[0]] = next(it for it in tables.CLASSES if it != truth[right[0]])
    assert accuracy(guessed | swapped, public) > first["shown_score"]
    alike = await scored(contest, ada, tables.table((guessed | swapped).items()))
    assert (alike["improved"], alike["shown_score"]) == (False, first["shown_score"])
    worse = await scored(contest, ada, tables.predictions(0.4, seed=2))
    assert (worse["improved"], worse["shown_score"]) == (False, first["shown_score"])
    better = await scored(contest, ada, tables.predictions(0.95, seed=3))
    assert (better["improved"], better["shown_score"]) == (True, measured(0.95, 3))
    rival = await scored(contest, bob, tables.predictions(0.8, seed=4))
    assert rival["improved"]

    best = await entrant_of(judged, ada)
    assert (str(best.best_submission_id), best.submissions) == (better["id"], 4)
    assert (best.best_score, best.best_key) == (better["shown_score"], -better["shown_score"])
    async with judged.parts.sessions() as tx:
        query = select(Record).where(Record.bounty_id == contest.id).order_by(Record.at)
        records = (await tx.scalars(query)).all()
    assert [it.score for it in records] == [first["shown_score"], better["shown_score"]]


async def test_scoring_twice_gives_the_same_predictions(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, entrants=2)
    ada, bob = contest.entrants
    table, model = await asyncio.gather(
        scored(contest, ada, tables.predictions(1)), scored(contest, bob, models.model(), ONNX)
    )
    # A model that is right about each row predicts what a file that is right says.
    assert table["shown_score"] == model["shown_score"] == 1
    told = {table["commitment"], model["commitment"]}
    made = set()
    for shown in (table, model):
        found = [await evaluating.evaluate(await work_of(judged, shown)) for _ in range(2)]
        told |= {it.commitment for it in found}
        row = await row_of(judged, shown)
        again = await evaluating.evaluate_again(await work_of(judged, shown))
        made.add(again)
        assert row.sealed_predictions is not None
        assert row.sealed_salt is not None
        assert await evaluating.open_predictions(row.id, row.sealed_predictions) == again
        salt = worker.parts().opener.open(row.sealed_salt, evaluating.salt_purpose(row.id))
        assert row.commitment == shown["commitment"] == evaluating.commit_to(salt, again)
        # Nobody, not even who reads the rows, can tell by a hash that a guess is right.
        assert row.predictions_sha256 is None
        assert evaluating.commit_to(b"", again) not in told
    assert len(made) == 1
    assert len(told) == 6  # Of one prediction.


async def test_a_table_is_read_once_and_kept_sealed_until_it_is_scored(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    shown = await scored(contest, ada, tables.predictions(0.8))
    row, work = await row_of(judged, shown), await work_of(judged, shown)
    checked = await evaluating.validate(replace(work, keeps=True))
    assert checked.sealed_predictions is not None
    sealed = await at_work.blobs.get(checked.sealed_predictions)
    again = await evaluating.evaluate_again(work)
    assert at_work.opener.open(sealed, evaluating.purpose(row.id)) == again
    no_file = replace(work, sha256="0" * 64, predictions=checked.sealed_predictions)
    found = await evaluating.evaluate(no_file)
    assert (found.score, found.sealed_predictions) == (
        shown["shown_score"],
        checked.sealed_predictions,
    )
    assert (await evaluating.validate(work)).sealed_predictions is None  # As of a dry run.


async def test_what_was_read_of_a_submission_goes_where_it_is_not_scored(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    async with nothing_read(at_work):
        path = await submit(contest, ada, tables.predictions(0.8))
        stored = await at_work.blobs.keep(b"what was read")
        async with judged.parts.sessions.begin() as tx:
            row = await tx.get_one(Submission, an_id(path))
            row.state, row.sealed_predictions = SubmissionState.QUEUED, stored.sha256
        assert (await ada.post(f"{path}/cancel")).json()["state"] == "cancelled"
    async with judged.parts.sessions() as tx:
        assert (await tx.get_one(Submission, an_id(path))).sealed_predictions is None


async def test_neither_a_private_score_nor_one_that_is_not_shown_is_to_be_found_anywhere(
    judged: World, node: Engine, at_work: WorkerParts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    contest = await make_contest(judged, entrants=2)
    ada, eve = contest.entrants
    split = await split_of(judged, at_work, contest)
    sent = [(0.83, 11), (0.6, 12), (0.57, 13)]
    shown = [await scored(contest, ada, tables.predictions(right, seed=it)) for right, it in sent]
    assert [it["improved"] for it in shown] == [True, False, False]
    secrets, told = set(), shown[0]["shown_score"]
    for right, seed in sent:
        guessed = tables.guesses(tables.rows(), right, seed)
        for part in (True, False):
            secrets.add(accuracy(guessed, [it for it in split if split[it] is part]))
        secrets.add(accuracy(guessed, split))
    # One of few digits, such as 0.6, may be a number of something else.
    secrets = {it for it in secrets if abs(it - told) > 1e-3 and len(str(it)) > 5}
    assert len(secrets) > 4
    places = [contest.bounty.path, contest.submissions, f"{contest.bounty.path}/test-set"]
    places += [f"{contest.bounty.path}/timeline", f"{contest.bounty.path}/enrollments"]
    for it in shown:
        path = f"{contest.submissions}/{it['id']}"
        places += [path, f"{path}/timeline", f"{path}/file", f"{path}/nothing"]
    answers = []
    for person in (ada, eve, contest.owner, await moderator(judged)):
        answers += [(await person.get(it)).text for it in places]
    bad = await submit(contest, ada, b"id,prediction\n1,tall\n")
    answers += [str(await end_of(ada, bad)), caplog.text]
    names = {contest.bounty.path.rpartition("/")[2], *(str(it["id"]) for it in shown)}
    async with judged.parts.sessions() as tx:
        for table in (
            "submissions",
            "enrollments",
            "events",
            "bounties",
            "bounty_test_sets",
            "bounty_records",
            "dbos.workflow_input",
            "dbos.workflow_output",
            "dbos.operation_outputs",
            "dbos.datasource_outputs",
        ):
            rows = await tx.scalars(text(f"SELECT CAST(it AS text) FROM {table} AS it"))
            # Of this contest: among the times in all tests' rows, some number is near by chance.
            answers += [row for row in rows if any(it in row for it in names)]
    everything = "\n".join(answers)
    numbers = {float(it) for it in NUMBER.findall(everything)}
    assert told in numbers  # What is shown is found by this search.
    near = [it for it in secrets if any(abs(it - found) < 1e-4 for found in numbers)]
    assert near == []


async def test_two_at_once_are_scored_one_after_the_other_s_best(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    first = await scored(contest, ada, tables.predictions(0.6))
    path = await submit(contest, ada, tables.predictions(0.97))
    shown = await end_of(ada, path)
    assert shown["improved"]
    # What was compared with nothing, or with the first one, is not concluded any more.
    late = await submit(contest, ada, tables.predictions(0.9, seed=8))
    late_shown = await end_of(ada, late)
    assert (late_shown["improved"], late_shown["shown_score"]) == (False, shown["shown_score"])
    async with judged.parts.sessions() as tx:
        known = await tx.get_one(Submission, an_id(late))
        known.state = SubmissionState.EVALUATING  # As it was a moment before; nothing is kept.
        await tx.flush()
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        work = await work_of(judged, first)
        work = replace(work, submission_id=known.id)
        found = Evaluation(improved=True, score=0.5, commitment="x", sealed_predictions="y")
        concluded = await submission_processes.conclude_evaluation(ctx, work, found, 0)
        assert concluded.outcome == "again"
        assert concluded.best is not None
        assert str(concluded.best.submission_id) == shown["id"]
        work = replace(work, best=concluded.best)
        done = replace(found, improved=False, score=None)
        assert (await submission_processes.conclude_evaluation(ctx, work, done, 0)).outcome == (
            "scored"
        )
        again = await submission_processes.conclude_evaluation(ctx, work, done, 0)
        assert again.outcome == "nothing to do"


async def test_all_that_come_at_once_are_counted_and_the_best_of_them_is_the_best(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    rights = (0.6, 0.98, 0.75)
    paths = await asyncio.gather(
        *(submit(contest, ada, tables.predictions(it, seed=21)) for it in rights)
    )
    shown = await asyncio.gather(*(end_of(ada, it) for it in paths))
    assert [it["state"] for it in shown] == ["scored"] * 3
    entrant = await entrant_of(judged, ada)
    assert entrant.submissions == 3
    assert str(entrant.best_submission_id) == shown[1]["id"]
    assert shown[1]["improved"]
    assert entrant.best_score == shown[1]["shown_score"] == max(it["shown_score"] for it in shown)


async def test_what_is_scored_too_late_is_cancelled(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    shown = await scored(contest, ada, tables.predictions(0.8))
    async with judged.parts.sessions() as tx:  # Nothing of this is kept.
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        bounty = await queries.lock_bounty(tx, contest.id)
        known = await tx.get_one(Submission, an_id(f"/{shown['id']}"))
        bounty.state, known.state = BountyState.DISPUTING, SubmissionState.EVALUATING
        await tx.flush()
        work = await work_of(judged, shown)
        found = Evaluation(improved=True, score=0.9, commitment="x", sealed_predictions="y")
        concluded = await submission_processes.conclude_evaluation(ctx, work, found, 0)
        assert (concluded.outcome, known.end_reason) == ("cancelled", "the bounty has ended")


async def test_the_seconds_it_took_tell_when_the_next_one_may_begin(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    shown = await scored(contest, ada, tables.predictions(0.8))
    row = await row_of(judged, shown)
    assert row.evaluation_seconds is not None
    assert 0 < row.evaluation_seconds < 10
    async with judged.parts.sessions() as tx:
        mean = await submission_queries.get_mean_seconds(tx, contest.id)
        assert mean == pytest.approx(row.evaluation_seconds)
        now = datetime.now(UTC)
        at = await submission_queries.get_expected_start(tx, row.bounty_id, 10, now)
    assert at is not None
    assert at - now == pytest.approx(timedelta(seconds=10 * mean), abs=timedelta(seconds=0.01))
