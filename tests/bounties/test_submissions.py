"""What an entrant does: submits, sees what is left, cancels, chooses; and who else sees it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties import queries
from dml.bounties.enrollments import queries as enrollment_queries
from dml.bounties.events import BountyFinished
from dml.bounties.models import BountyState, Judging, Submission, SubmissionKind
from dml.bounties.submissions import (
    endings as submission_endings,
    processes as submission_processes,
    queries as submission_queries,
    service as submissions,
)
from dml.core import events, worker
from dml.core.blobs import Stored
from dml.core.context import SYSTEM, Actor, Context
from dml.core.db import connect
from dml.core.engine import Engine
from dml.core.errors import DmlError
from dml.core.ids import SubmissionId, new_id
from dml.core.worker import WorkerParts
from tests.bounties import tables
from tests.bounties.entries import (
    ANY,
    CSV,
    ONNX,
    Contest,
    an_id,
    end_of,
    left_of,
    make_contest,
    scored,
    send,
    submit,
    unscored,
)
from tests.bounties.factories import bring_to, enroll, make_bounty, moderator
from tests.statements import statements_of
from tests.two_connections import after
from tests.worker_parts import nothing_read
from tests.world import World, problem


async def test_a_submission_is_checked_and_scored_and_its_entrant_sees_how(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    answer = await send(ada, contest.submissions, tables.predictions(0.9), name="first try")
    assert answer.status_code == 201, answer.text
    first = answer.json()
    assert (first["state"], first["kind"], first["name"]) == ("validating", "csv", "first try")
    assert first["limits"]["today"] | {"resets_at": None} == {
        "limit": 5,
        "remaining": 4,
        "resets_at": None,
    }
    assert first["limits"]["concurrent"] == {"limit": 3, "remaining": 2}
    assert first["limits"]["total"] == {"limit": 100, "remaining": 99}
    assert first["position"] is not None
    assert first["expected_start_at"] is not None

    shown = await end_of(ada, answer.headers["location"])
    assert (shown["state"], shown["refusals"], shown["end_reason"]) == ("scored", [], None)
    assert (shown["improved"], shown["metric"]) == (True, "accuracy.v1")
    assert 0.8 < shown["shown_score"] <= 1
    assert len(shown["commitment"]) == 64
    assert shown["limits"]["concurrent"]["remaining"] == 3
    assert (shown["position"], shown["expected_start_at"]) == (None, None)

    told = (await ada.get(f"{answer.headers['location']}/timeline")).json()
    assert [(it["action"], it["to_state"], it["actor"]) for it in told["entries"]] == [
        ("submitted", "validating", "you"),
        ("validated", "queued", "system"),
        ("started", "evaluating", "system"),
        ("scored", "scored", "system"),
    ]
    assert told["next"] == []
    listed = (await ada.get(contest.submissions)).json()
    assert [it["id"] for it in listed["items"]] == [shown["id"]]
    file = await ada.get(f"{answer.headers['location']}/file")
    assert file.content == tables.predictions(0.9)
    assert file.headers["content-disposition"].startswith("attachment;")


async def test_the_sixth_scored_one_of_a_day_is_refused_and_what_fails_does_not_count(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    for number in range(5):
        bad = await submit(contest, ada, b"id,prediction\n%d,tall\n" % number)
        assert (await end_of(ada, bad))["state"] == "failed"
        await scored(contest, ada, tables.predictions(0.7, seed=number))
    assert await left_of(contest, ada) == (0, 3, 95)
    refused = problem(
        await send(ada, contest.submissions, tables.predictions(0.7, seed=6)),
        429,
        "bounties.submissions_of_day_used",
    )
    assert refused["limits"]["today"]["remaining"] == 0
    tomorrow = datetime.fromisoformat(refused["limits"]["today"]["resets_at"])
    assert 0 < refused["retry_after_seconds"] <= 86_400
    assert tomorrow - datetime.now(UTC) <= timedelta(seconds=refused["retry_after_seconds"])
    # To check a file is free all the same.
    dry = await submit(contest, ada, tables.predictions(0.7, seed=6), dry_run=True)
    shown = await end_of(ada, dry)
    assert shown["state"] == "valid"
    assert shown["end_reason"].startswith("only checked")
    assert (shown["shown_score"], shown["commitment"]) == (None, None)
    # A file that was scored, sent again, is no new one.
    again = await send(ada, contest.submissions, tables.predictions(0.7, seed=4))
    assert again.status_code == 429


async def test_the_limits_are_those_of_the_team_and_its_members_share_all(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC, team_size_max=2)
    bob = await world.rich("bob", "10")
    team = [{"user_id": str(bob.id), "share_bps": 5_000}]
    ada = await enroll(world, bounty, team=team)
    eve = await enroll(world, bounty)
    agree = f"{bounty.path}/enrollments/{ada.enrollment_id}/agree"
    problem(await send(bob, f"{bounty.path}/submissions", b"x"), 403, "bounties.not_enrolled")
    answer = await bob.post(agree, {"accept_rules": True})
    assert answer.status_code == 200, answer.text
    await bring_to(bounty, BountyState.SUBMITTING)
    contest = Contest(bounty, (ada, eve))
    paths = [await submit(contest, it, b"%d" % number) for number, it in enumerate([ada, bob, ada])]
    answer = await send(bob, contest.submissions, b"4")
    problem(answer, 429, "bounties.too_many_concurrent_submissions")
    await submit(contest, eve, b"5")
    assert (await bob.get(f"{paths[0]}/file")).content == b"0"
    assert (await bob.post(f"{paths[0]}/cancel")).json()["state"] == "cancelled"
    told = (await ada.get(f"{paths[0]}/timeline")).json()["entries"]
    assert [(it["action"], it["actor"]) for it in told] == [
        ("submitted", "you"),
        ("cancelled", "owner"),
    ]


async def test_the_same_file_is_one_submission_while_it_is_under_way(world: World) -> None:
    contest = await unscored(world)
    (ada,) = contest.entrants
    answers = await asyncio.gather(*(send(ada, contest.submissions, b"same") for _ in range(4)))
    assert {it.status_code for it in answers} == {201}
    assert len({it.json()["id"] for it in answers}) == 1
    (path,) = {it.headers["location"] for it in answers}
    other = await submit(contest, ada, b"same", dry_run=True)
    assert other != path
    await ada.post(f"{path}/cancel")
    assert await submit(contest, ada, b"same") not in (path, other)


async def test_a_submission_is_cancelled_once_and_frees_its_place(world: World) -> None:
    contest = await unscored(world, entrants=2)
    ada, eve = contest.entrants
    path = await submit(contest, ada, b"a file")
    ahead = (await ada.get(f"{path}/timeline")).json()["next"]
    assert [it["action"] for it in ahead] == ["validate", "give_up"]
    problem(await eve.post(f"{path}/cancel"), 404, "bounties.submission_not_found")
    owner = contest.owner
    problem(await owner.post(f"{path}/cancel"), 404, "bounties.submission_not_found")
    shown = (await ada.post(f"{path}/cancel")).json()
    assert (shown["state"], shown["end_reason"]) == ("cancelled", "its submitter cancelled it")
    assert shown["limits"]["today"]["remaining"] == 5
    problem(await ada.post(f"{path}/cancel"), 409, "bounties.wrong_state")
    # A worker that was at it changes nothing.
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        submission_id = SubmissionId(an_id(path))
        begun = await submission_processes.begin_validation(ctx, submission_id, 0, 0)
        assert begun.work is None
        assert await submission_processes.fail_late(ctx, submission_id, 0) == "cancelled"


async def test_the_final_submission_is_chosen_by_its_team_while_they_submit(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, entrants=2)
    ada, eve = contest.entrants
    good = await scored(contest, ada, tables.predictions(0.95))
    other = await scored(contest, ada, tables.predictions(0.6))
    path = f"{contest.submissions}/{other['id']}"
    problem(await eve.post(f"{path}/choose"), 404, "bounties.submission_not_found")
    problem(await contest.owner.post(f"{path}/choose"), 404, "bounties.submission_not_found")
    for _ in range(2):
        assert (await ada.post(f"{path}/choose")).json()["id"] == other["id"]
    bad = await submit(contest, ada, b"nothing")
    await end_of(ada, bad)
    problem(await ada.post(f"{bad}/choose"), 409, "bounties.submission_not_scored")
    async with judged.parts.sessions() as tx:
        entrant = await enrollment_queries.find_mine(tx, ada.id, contest.id)
    assert entrant is not None
    assert str(entrant.chosen_submission_id) == other["id"]
    assert str(entrant.best_submission_id) == good["id"]
    assert entrant.submissions == 2
    await bring_to(contest.bounty, BountyState.EVALUATING)
    problem(await ada.post(f"{path}/choose"), 409, "bounties.closed_for_submissions")


async def test_others_see_neither_row_nor_file(world: World) -> None:
    contest = await unscored(world, entrants=2)
    ada, eve = contest.entrants
    path = await submit(contest, ada, b"the file of ada")
    stranger, boss = await world.person("stranger"), await moderator(world)
    for person in (eve, stranger):
        for there in (path, f"{path}/file", f"{path}/timeline"):
            problem(await person.get(there), 404, "bounties.submission_not_found")
        assert (await person.get(contest.submissions)).json()["items"] == []
    assert (await eve.get(contest.submissions)).json()["limits"] is not None
    assert (await stranger.get(contest.submissions)).json()["limits"] is None
    for person in (contest.owner, boss):
        shown = (await person.get(contest.submissions)).json()
        assert [it["id"] for it in shown["items"]] == [str(an_id(path))]
        assert (await person.get(f"{contest.submissions}?mine=true")).json()["items"] == []
        query = f"?enrollment_id={eve.enrollment_id}"
        assert (await person.get(f"{contest.submissions}{query}")).json()["items"] == []
        assert (await person.get(path)).status_code == 200
        problem(await person.get(f"{path}/file"), 409, "bounties.files_sealed")
    assert (await world.client.get(path)).status_code == 401
    assert (await world.client.get(f"{path}/file")).status_code == 401
    assert (await world.client.post(contest.submissions)).status_code == 401
    elsewhere = await unscored(world)
    beside = f"{elsewhere.submissions}/{an_id(path)}"
    problem(await elsewhere.owner.get(beside), 404, "bounties.submission_not_found")
    problem(
        await ada.get(f"{contest.submissions}/{new_id()}"), 404, "bounties.submission_not_found"
    )
    draft = await make_bounty(world, state=BountyState.DRAFT)
    problem(await ada.get(f"{draft.path}/submissions"), 404, "bounties.not_found")


async def test_the_owner_reads_files_when_people_judge_and_never_of_a_cancelled_bounty(
    world: World,
) -> None:
    by_hand = await unscored(world, judging=Judging.MANUAL)
    (ada,) = by_hand.entrants
    path = await submit(by_hand, ada, b"a story", ANY)
    problem(await by_hand.owner.get(f"{path}/file"), 409, "bounties.files_sealed")
    await bring_to(by_hand.bounty, BountyState.EVALUATING)
    for person in (ada, by_hand.owner, await moderator(world)):
        assert (await person.get(f"{path}/file")).content == b"a story"
    by_metric = await unscored(world)
    (bob,) = by_metric.entrants
    entered = await submit(by_metric, bob, b"a table")
    await bring_to(by_metric.bounty, BountyState.EVALUATING)
    problem(await by_metric.owner.get(f"{entered}/file"), 409, "bounties.files_sealed")
    for contest, there in ((by_hand, path), (by_metric, entered)):
        await contest.bounty.post("cancel", {"reason": "no use for it any more"})
        problem(await contest.owner.get(f"{there}/file"), 409, "bounties.files_sealed")
        (entrant,) = contest.entrants
        assert (await entrant.get(f"{there}/file")).status_code == 200


async def test_what_is_judged_by_hand_is_taken_as_it_is(world: World) -> None:
    contest = await unscored(world, judging=Judging.MANUAL)
    (ada,) = contest.entrants
    for type_, kind in ((ANY, "file"), (CSV, "csv"), (ONNX, "onnx")):
        answer = await send(ada, contest.submissions, b"PK\x03\x04 anything", type_)
        shown = answer.json()
        assert (shown["state"], shown["kind"]) == ("scored", kind)
        assert (shown["shown_score"], shown["improved"], shown["metric"]) == (None, None, None)
    dry = (await send(ada, contest.submissions, b"other", ANY, dry_run=True)).json()
    assert (dry["state"], dry["end_reason"]) == ("valid", "only checked: it arrived whole")
    assert await left_of(contest, ada) == (2, 3, 97)
    told = (await ada.get(f"{contest.submissions}/{shown['id']}/timeline")).json()
    assert [(it["from_state"], it["to_state"]) for it in told["entries"]] == [
        (None, "validating"),
        ("validating", "queued"),
        ("queued", "evaluating"),
        ("evaluating", "scored"),
    ]
    assert (await ada.post(f"{contest.submissions}/{shown['id']}/choose")).status_code == 200


async def test_files_are_taken_from_entrants_in_time_alone(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC)
    ada = await enroll(world, bounty)
    path = f"{bounty.path}/submissions"
    told = problem(await send(ada, path, b"x"), 409, "bounties.submissions_not_open")
    assert told["submits_at"][:19] == (await bounty.get())["submits_at"][:19]
    await bring_to(bounty, BountyState.SUBMITTING)
    for person in (bounty.owner, await world.person("eve")):
        problem(await send(person, path, b"x"), 403, "bounties.not_enrolled")
    await bounty.post("pause", {"reason": "a mistake in the data"})
    problem(await send(ada, path, b"x"), 409, "bounties.paused")
    await bounty.post("resume")
    assert (await send(ada, path, b"x")).status_code == 201
    await bring_to(bounty, BountyState.EVALUATING)
    problem(await send(ada, path, b"y"), 409, "bounties.closed_for_submissions")


async def test_nothing_enters_as_a_bounty_closes(world: World, database_url: str) -> None:
    contest = await unscored(world)
    (ada,) = contest.entrants
    engine = connect(database_url, name="test two")

    async def enter(tx: AsyncSession) -> Submission:
        ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
        stored = Stored("5" * 64, 1)
        file = submissions.Submitted(SubmissionKind.CSV, "late", stored, dry_run=False)
        return await submissions.enter(ctx, contest.id, file)

    async with world.parts.sessions() as closing, world.parts.sessions() as entering:
        bounty = await queries.lock_bounty(closing, contest.id)
        bounty.state = BountyState.EVALUATING
        await closing.flush()
        with pytest.raises(DmlError) as refused:
            await after(engine, closing, enter(entering))
    assert refused.value.code == "bounties.closed_for_submissions"
    await engine.dispose()


async def test_what_is_under_way_is_cancelled_with_its_bounty(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, entrants=2)
    senders = [*contest.entrants, contest.entrants[0]]
    async with nothing_read(worker.parts()):
        paths = [await submit(contest, it, b"%d" % number) for number, it in enumerate(senders)]
        await contest.bounty.post("cancel", {"reason": "no use for it any more"})
        for person, path in zip(senders, paths, strict=True):
            shown = await end_of(person, path)
            assert (shown["state"], shown["end_reason"]) == ("cancelled", "the bounty has ended")
    async with judged.parts.sessions.begin() as tx:  # Told once more, nothing is left to do.
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        await events.record(ctx, BountyFinished(contest.id))
        assert await submission_endings.cancel_some(ctx, contest.id) == 0


async def test_the_list_comes_in_pages_and_by_state(world: World) -> None:
    contest = await unscored(world)
    (ada,) = contest.entrants
    paths = [await submit(contest, ada, b"%d" % number) for number in range(3)]
    await ada.post(f"{paths[1]}/cancel")
    first = (await ada.get(f"{contest.submissions}?limit=2")).json()
    rest = (await ada.get(f"{contest.submissions}?limit=2&cursor={first['next_cursor']}")).json()
    listed = [it["id"] for it in first["items"] + rest["items"]]
    assert listed == [str(an_id(it)) for it in reversed(paths)]
    assert rest["next_cursor"] is None
    gone = (await ada.get(f"{contest.submissions}?state=cancelled")).json()["items"]
    assert [it["id"] for it in gone] == [str(an_id(paths[1]))]
    positions = [(await ada.get(it)).json()["position"] for it in paths]
    assert positions[0] is not None
    assert positions[1] is None
    assert positions[2] > positions[0]  # Those of other tests may stand between: turns are by user.


async def test_state_place_and_limits_of_a_submission_are_read_at_one_moment(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged)
    (ada,) = contest.entrants
    shown = await scored(contest, ada, tables.predictions(0.8))
    now = datetime.now(UTC)
    async with judged.parts.sessions() as tx:
        row = await tx.get_one(Submission, UUID(shown["id"]))
        with statements_of(judged) as sent:
            details = await submission_queries.get_details(tx, row.id, now)
        assert len(sent) == 1
        assert details.used == await submission_queries.get_used(tx, row.enrollment_id, now)
        assert details.position == await submission_queries.get_position(tx, row)
        assert (details.row.state, details.used.concurrent) == ("scored", 0)
