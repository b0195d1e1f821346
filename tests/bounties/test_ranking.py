"""How the final ranking comes about by itself, and that anybody can make it again."""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any

import httpx2
import numpy as np
import pytest
from sqlalchemy import text, update

from dml.bounties import models, queries
from dml.bounties.events import BountyClosed
from dml.bounties.models import BountyState, Submission, SubmissionKind, SubmissionState
from dml.bounties.ranking import service as ranking
from dml.bounties.ranking.processes import rank_closed
from dml.bounties.ranking.service import Found
from dml.bounties.rules import move_bounty
from dml.core.context import SYSTEM, Context
from dml.core.ids import SubmissionId, new_id
from dml.scoring import ranking as rankings
from dml.scoring.names import MetricName
from dml.scoring.predictions import Predictions
from dml.scoring.test_set import Ids, TestSet, split
from tests.bounties import tables
from tests.bounties.entries import Contest, make_contest, scored
from tests.bounties.factories import Entrant, balance, bring_to, catch_up, moderator
from tests.core.engine_watch import until
from tests.world import World, problem, soon

pytestmark = pytest.mark.usefixtures("node", "at_work")


async def until_ranked(contest: Contest, *, seconds: float = 60) -> Any:
    """Wait until everybody sees who won; the answer is the bounty."""

    async def ranked() -> Any:
        shown = await contest.bounty.get()
        return shown if shown["state"] == "disputing" else None

    return await until(ranked, seconds=seconds)


async def score_all(contest: Contest, files: dict[Entrant, bytes]) -> None:
    """Submit a file of each, and wait until all are scored."""
    await asyncio.gather(*(scored(contest, who, file) for who, file in files.items()))


async def board(world: World, contest: Contest) -> Any:
    return (await world.client.get(f"{contest.bounty.path}/leaderboard")).json()["items"]


async def compute(world: World, contest: Contest) -> Found:
    """Rank as the process does, without concluding anything."""
    async with world.parts.sessions() as tx:
        wanted = await ranking.plan(Context(tx, SYSTEM, datetime.now(UTC)), contest.bounty.id)
    return await ranking.compute(contest.bounty.id, wanted)


async def test_a_closed_bounty_is_ranked_by_itself_and_paid_after_the_window(
    judged: World,
) -> None:
    contest = await make_contest(judged, entrants=4)
    good, poor, copy, idle = contest.entrants
    same = tables.predictions(0.95, seed=1)
    await score_all(contest, {good: same, poor: tables.predictions(0.6, seed=2)})
    await score_all(contest, {copy: same})
    before = await board(judged, contest)
    assert len(before) == 3
    assert all(it["prize"] is None and it["tied_from"] is None for it in before)
    problem(
        await judged.client.get(f"{contest.bounty.path}/evidence"), 409, "bounties.not_ranked_yet"
    )
    await bring_to(contest.bounty, BountyState.EVALUATING)
    ended = await until_ranked(contest)

    rows = await board(judged, contest)
    assert [it["enrollment_id"] for it in rows] == [
        str(it.enrollment_id) for it in (good, copy, poor)
    ]
    assert [(it["tied_from"], it["tied_to"]) for it in rows] == [(1, 2), (1, 2), (3, 3)]
    assert [it["prize"] for it in rows] == ["75", "75", "0"]
    assert sum(it["chance_of_first"] for it in rows) == pytest.approx(1)
    assert rows[0]["score"] == rows[1]["score"] > rows[2]["score"]

    (pair,) = (
        await (await moderator(judged)).get(
            f"/v1/moderation/agreements?bounty_id={contest.bounty.id}"
        )
    ).json()["items"]
    assert {pair["first_id"], pair["second_id"]} == {str(it.enrollment_id) for it in (good, copy)}
    assert pair["agreement"] == 1
    problem(await good.get("/v1/moderation/agreements"), 403, "accounts.moderators_only")

    end = datetime.fromisoformat(ended["disputes_until"])
    assert await catch_up(judged, contest.bounty, end) == "finish"
    assert [(await balance(it))["available"] for it in contest.entrants] == ["85", "10", "85", "10"]
    assert idle.id


async def test_anybody_can_make_the_ranking_again_from_the_evidence(judged: World) -> None:
    contest = await make_contest(judged, entrants=3)
    entrants = enumerate(contest.entrants)
    await score_all(contest, {it: tables.predictions(0.7 + n / 20, n) for n, it in entrants})
    told = (await contest.bounty.get())["test_set"]["commitment"]
    await bring_to(contest.bounty, BountyState.EVALUATING)
    await until_ranked(contest)

    client = judged.client
    evidence = (await client.get(f"{contest.bounty.path}/evidence")).json()
    salt = bytes.fromhex(evidence["salt"])
    file = (await client.get(evidence["test_set"]["url"])).content
    assert file == tables.hidden()
    assert hashlib.sha256(file).hexdigest() == evidence["test_set"]["sha256"]
    assert hashlib.sha256(salt + file).hexdigest() == evidence["commitment"] == told

    await _require_made_again(client, evidence)
    shown = await board(judged, contest)
    assert [it["rank"] for it in shown] == [it["place"] for it in evidence["entries"]]
    for wrong in ("0" * 64, evidence["commitment"]):
        refused = await client.get(f"{contest.bounty.path}/evidence/{wrong}")
        problem(refused, 404, "bounties.no_evidence")
    for wrong in ("x", "A" * 64, "%2e%2e"):
        answer = await client.get(f"{contest.bounty.path}/evidence/{wrong}")
        problem(answer, 422, "http.422")


async def _require_made_again(client: httpx2.AsyncClient, evidence: Any) -> None:
    """Rank what the evidence names, and find what it tells."""
    salt = bytes.fromhex(evidence["salt"])
    made = rankings.rank(
        MetricName(evidence["metric"]),
        _test_set(salt),
        {it["enrollment_id"]: await _predictions(client, it) for it in evidence["entries"]},
        salt,
        draws=evidence["draws"],
    )
    names = ("place", "tied_from", "tied_to", "score", "chance_of_first")
    assert [[it[name] for name in ("enrollment_id", *names)] for it in evidence["entries"]] == [
        [it.entry, *(getattr(it, name) for name in names)] for it in made
    ]


def _test_set(salt: bytes) -> TestSet:
    """Read the little test set as anybody could, by the documented rules."""
    rows = tables.rows()
    ids = Ids.of([number for number, *_ in rows])
    public, blocks = split(salt, ids)
    return TestSet(
        id_column="id",
        ids=ids,
        target=np.array([tables.CLASSES.index(label) for _, label, *_ in rows], np.int32),
        classes=tables.CLASSES,
        public=public,
        blocks=blocks,
        features=np.zeros((len(rows), 0), np.float32),
        feature_names=(),
    )


async def _predictions(client: httpx2.AsyncClient, entry: Any) -> Predictions:
    content = (await client.get(entry["predictions"]["url"])).content
    assert hashlib.sha256(content).hexdigest() == entry["predictions"]["sha256"]
    return Predictions.from_bytes(content)


async def test_where_nobody_was_scored_nobody_wins_and_all_goes_back(judged: World) -> None:
    contest = await make_contest(judged, entrants=1)
    await bring_to(contest.bounty, BountyState.EVALUATING)
    ended = await until_ranked(contest)
    assert await board(judged, contest) == []
    evidence = (await judged.client.get(f"{contest.bounty.path}/evidence")).json()
    assert evidence["entries"] == []
    assert len(evidence["salt"]) == 64
    end = datetime.fromisoformat(ended["disputes_until"])
    assert await catch_up(judged, contest.bounty, end) == "finish"
    assert (await balance(contest.owner))["available"] == "1000"


async def test_what_was_chosen_is_ranked_and_not_the_best(judged: World) -> None:
    contest = await make_contest(judged, entrants=1)
    (ada,) = contest.entrants
    chosen = await scored(contest, ada, tables.predictions(0.6, seed=2))
    best = await scored(contest, ada, tables.predictions(0.95, seed=1))
    answer = await ada.post(f"{contest.submissions}/{chosen['id']}/choose")
    assert answer.status_code == 200, answer.text
    await bring_to(contest.bounty, BountyState.EVALUATING)
    await until_ranked(contest)
    evidence = (await judged.client.get(f"{contest.bounty.path}/evidence")).json()
    (entry,) = evidence["entries"]
    assert entry["submission_id"] == chosen["id"]
    assert entry["score"] < best["shown_score"]


async def test_ranking_waits_for_what_is_under_way_and_holds_no_slot(judged: World) -> None:
    contest = await make_contest(judged, entrants=1)
    (ada,) = contest.entrants
    await scored(contest, ada, tables.predictions(0.9))
    stuck = await _get_stuck(judged, contest)
    await bring_to(contest.bounty, BountyState.EVALUATING)

    async def looks_again() -> bool:
        return await _is_there(judged, f"bounty:{contest.bounty.id}:rank:1:1")

    await until(looks_again)
    assert (await contest.bounty.get())["state"] == "evaluating"
    async with judged.parts.sessions.begin() as tx:
        ended = update(Submission).where(Submission.id == stuck)
        await tx.execute(ended.values(state=SubmissionState.CANCELLED))
    await until_ranked(contest)


async def _get_stuck(world: World, contest: Contest) -> SubmissionId:
    """A submission that waits, and that no worker will come for."""
    stuck = SubmissionId(new_id())
    async with world.parts.sessions.begin() as tx:
        tx.add(
            Submission(
                id=stuck,
                bounty_id=contest.bounty.id,
                enrollment_id=contest.entrants[0].enrollment_id,
                submitter_id=contest.entrants[0].id,
                state=SubmissionState.QUEUED,
                kind=SubmissionKind.CSV,
                name="",
                dry_run=False,
                sha256="0" * 64,
                size=1,
                created_at=datetime.now(UTC),
            )
        )
    return stuck


async def test_it_is_ranked_once_however_often_it_is_told(judged: World) -> None:
    contest = await make_contest(judged, entrants=1)
    await scored(contest, contest.entrants[0], tables.predictions(0.9))
    await bring_to(contest.bounty, BountyState.EVALUATING)
    first = await until_ranked(contest)
    found = await compute(judged, contest)
    async with judged.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        assert await ranking.look(ctx, contest.bounty.id) == "over"
        entrant = contest.entrants[0].enrollment_id
        await ranking.disqualify(ctx, contest.bounty.id, [entrant], "late")
        assert await ranking.conclude(ctx, contest.bounty.id, found) == "disputing"
        await rank_closed(ctx, BountyClosed(contest.bounty.id))
    again = await contest.bounty.get()
    assert again["disputes_until"] == first["disputes_until"]
    assert len(await board(judged, contest)) == 1


async def test_who_was_disqualified_while_it_was_computed_is_out_and_it_is_computed_anew(
    judged: World,
) -> None:
    contest = await make_contest(judged, entrants=3, closes_at=soon(days=5))
    entrants = enumerate(contest.entrants)
    await score_all(contest, {it: tables.predictions(0.95 - n / 8, n) for n, it in entrants})
    found = await compute(judged, contest)
    assert [it.place for it in found.places] == [1, 2, 3]
    best = found.places[0].enrollment_id
    mia = await moderator(judged)
    path = f"{contest.bounty.path}/enrollments/{best}"
    assert (await mia.post(f"{path}/disqualify", {"reason": "copied"})).status_code == 200

    async def conclude(found: Found) -> str:
        async with judged.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            return await ranking.conclude(ctx, contest.bounty.id, found)

    async with judged.parts.sessions.begin() as tx:
        move_bounty(await queries.lock_bounty(tx, contest.bounty.id), BountyState.EVALUATING)
    without = await compute(judged, contest)
    assert (await mia.post(f"{path}/reinstate", {"reason": "not copied"})).status_code == 200
    assert await conclude(without) == "again"
    assert (await mia.post(f"{path}/disqualify", {"reason": "copied"})).status_code == 200
    assert await conclude(found) == "disputing"
    rows = await board(judged, contest)
    assert [it["rank"] for it in rows] == [1, 2]
    assert str(best) not in {it["enrollment_id"] for it in rows}
    # The chances of the others were found with it: only so can they be made again.
    evidence = (await judged.client.get(f"{contest.bounty.path}/evidence")).json()
    assert [it["place"] for it in evidence["entries"]] == [1, 2, 3]
    await _require_made_again(judged.client, evidence)
    back = await mia.post(f"{path}/reinstate", {"reason": "It was not."})
    assert back.status_code == 200, back.text
    assert [it["enrollment_id"] for it in await board(judged, contest)] == [
        it["enrollment_id"] for it in evidence["entries"]
    ]


@pytest.mark.slow
async def test_where_we_fail_it_is_ranked_a_little_later(judged: World) -> None:
    contest = await make_contest(judged, entrants=1)
    await scored(contest, contest.entrants[0], tables.predictions(0.9))
    kept = await _seal_with(judged, contest, "0" * 64)  # There is no such blob.
    await bring_to(contest.bounty, BountyState.EVALUATING)

    async def looks_again() -> bool:
        return await _is_there(judged, f"bounty:{contest.bounty.id}:rank:1:1")

    await until(looks_again)
    assert (await contest.bounty.get())["state"] == "evaluating"
    await _seal_with(judged, contest, kept)
    await until_ranked(contest)
    assert len(await board(judged, contest)) == 1


async def _seal_with(world: World, contest: Contest, sha256: str) -> str:
    """Point to another blob as the sealed test set. Return which one it was."""
    async with world.parts.sessions.begin() as tx:
        test_set = await tx.get_one(models.TestSet, contest.bounty.id)
        before, test_set.sealed = test_set.sealed, sha256
    return before


async def _is_there(world: World, process_id: str) -> bool:
    """Whether a process was started, or waits for its time."""
    async with world.parts.sessions() as tx:
        known = text("SELECT 1 FROM dbos.workflow_status WHERE workflow_uuid = :id")
        return bool(await tx.scalar(known, {"id": process_id}))
