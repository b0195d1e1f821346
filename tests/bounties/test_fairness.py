"""What nobody may gain by: a copy, a file that runs otherwise the second time, an early look."""

import json
from collections.abc import Collection
from typing import Any, Final

import pytest
from sqlalchemy import update

from dml.bounties import queries
from dml.bounties.models import BountyState, Submission
from dml.bounties.ranking import processes as ranking_processes, service as ranking
from dml.bounties.ranking.service import OTHER_PREDICTIONS
from dml.bounties.rules import move_bounty
from dml.core import worker
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.scoring.names import MetricName
from dml.scoring.predictions import Predictions
from dml.scoring.reader import Reader, SandboxFailed
from dml.scoring.test_set import TestSet
from tests.bounties import tables
from tests.bounties.entries import Contest, make_contest, scored
from tests.bounties.factories import Entrant, InOneGo, bring_to, moderator
from tests.bounties.test_ranking import board, compute, score_all, until_ranked
from tests.worker_parts import make_parts
from tests.world import World, soon

pytestmark = pytest.mark.usefixtures("node", "at_work")

DIGITS = 8
FINAL: Final = (
    "private_score",
    "chance_of_first",
    "tied_from",
    "tied_to",
    "prize",
    "place",
    "salt",
)


async def test_a_second_run_that_differs_disqualifies_until_it_is_explained(
    judged: World,
) -> None:
    contest = await make_contest(judged, entrants=2)
    honest, odd = contest.entrants
    files = {honest: tables.predictions(0.7, seed=1), odd: tables.predictions(0.95, seed=2)}
    await score_all(contest, files)
    await _as_if_it_had_run_otherwise(judged, odd)
    await bring_to(contest.bounty, BountyState.EVALUATING)
    await until_ranked(contest)
    assert [it["enrollment_id"] for it in await board(judged, contest)] == [
        str(honest.enrollment_id)
    ]
    page = await judged.client.get(f"/bounties/{contest.bounty.id}")
    assert OTHER_PREDICTIONS in page.text

    mia = await moderator(judged)
    path = f"{contest.bounty.path}/enrollments/{odd.enrollment_id}/reinstate"
    answer = await mia.post(path, {"reason": "The file was recorded wrongly."})
    assert answer.status_code == 200, answer.text
    order = {"order": [str(odd.enrollment_id)], "reason": "It was explained."}
    answer = await contest.owner.post(f"{contest.bounty.path}/reorder", order)
    assert answer.status_code == 200, answer.text
    rows = await board(judged, contest)
    assert [(it["rank"], it["enrollment_id"], it["prize"]) for it in rows] == [
        (1, str(odd.enrollment_id), "100"),
        (2, str(honest.enrollment_id), "50"),
    ]


async def test_nobody_voids_a_contest_by_what_cannot_be_run_again(
    judged: World, settings: Settings, at_work: WorkerParts
) -> None:
    contest = await make_contest(judged, entrants=2, closes_at=soon(days=5))
    honest, odd = contest.entrants
    files = {honest: tables.predictions(0.7, seed=1), odd: tables.predictions(0.95, seed=2)}
    await score_all(contest, files)

    async with judged.parts.sessions.begin() as tx:  # Without an event: here only we rank it.
        move_bounty(await queries.lock_bounty(tx, contest.id), BountyState.EVALUATING)

    async def rank(chance: int, looks: int, *fails: Entrant) -> str | None:
        reader = Failing({files[it] for it in fails})
        worker.provide(make_parts(settings, judged.parts, reader=reader))
        with reader:
            return await ranking_processes.rank.function(InOneGo(judged), contest.id, chance, looks)

    given_up = ranking.ATTEMPTS_BEFORE_GIVING_UP
    assert await rank(1, 50, odd) == "failed"  # There is time: we may still mend it.
    assert await rank(2, given_up - 1, odd) == "failed"
    assert await rank(2, given_up, honest, odd) == "failed"  # That is our fault, and not theirs.
    assert await rank(2, given_up, odd) == "disputing"
    assert [it["enrollment_id"] for it in await board(judged, contest)] == [
        str(honest.enrollment_id)
    ]
    page = await judged.client.get(f"/bounties/{contest.bounty.id}")
    assert ranking.NOT_RUN_AGAIN in page.text


class Failing(Reader):
    """A reader that fails at some files, through no fault of theirs that can be told."""

    def __init__(self, files: Collection[bytes]) -> None:
        super().__init__()
        self._files = files

    def read_predictions(
        self,
        content: bytes,
        format: str,
        *,
        metric: MetricName,
        test_set: TestSet,
        seconds: float | None = None,
    ) -> Predictions:
        if content in self._files:
            raise SandboxFailed("It was killed, or the machine ran out of memory.")
        return super().read_predictions(
            content, format, metric=metric, test_set=test_set, seconds=seconds
        )


async def _as_if_it_had_run_otherwise(world: World, entrant: Entrant) -> None:
    """Record other predictions than the file gives: what a model that throws dice would do."""
    async with world.parts.sessions.begin() as tx:
        other = update(Submission).where(Submission.enrollment_id == entrant.enrollment_id)
        await tx.execute(other.values(commitment="0" * 64))


async def test_a_copy_is_shown_to_moderators_and_to_nobody_else(judged: World) -> None:
    contest = await make_contest(judged, entrants=4)
    *others, copycat = contest.entrants
    files = {it: tables.predictions(0.7, seed=n) for n, it in enumerate(others)}
    await score_all(contest, files | {copycat: _nearly(0)})
    await bring_to(contest.bounty, BountyState.EVALUATING)
    await until_ranked(contest)
    mia = await moderator(judged)
    path = f"/v1/moderation/agreements?bounty_id={contest.bounty.id}"
    (pair,) = (await mia.get(path)).json()["items"]
    copied = {str(contest.entrants[n].enrollment_id) for n in (0, 3)}
    assert {pair["first_id"], pair["second_id"]} == copied
    assert 0.995 <= pair["agreement"] < 1
    everywhere = (await mia.get("/v1/moderation/agreements?limit=1")).json()
    assert len(everywhere["items"]) == 1
    if everywhere["next_cursor"]:
        cursor = everywhere["next_cursor"]
        rest = await mia.get(f"/v1/moderation/agreements?limit=1&cursor={cursor}")
        assert rest.json()["items"] != everywhere["items"]
    for who in (contest.owner, contest.entrants[0]):
        assert (await who.get(path)).status_code == 403
    assert (await judged.client.get(path)).status_code == 401


def _nearly(seed: int) -> bytes:
    """The file of another entrant, with one row of 400 changed."""
    told = tables.guesses(tables.rows(), 0.7, seed)
    told[17] = tables.CLASSES[1 - tables.CLASSES.index(told[17])]
    return tables.table(told.items())


async def test_nothing_private_is_read_early_anywhere(judged: World, parts: WorkerParts) -> None:
    private = ""
    while len(private) < DIGITS:  # A score of 0.8 would be found in any page.
        contest = await make_contest(judged, entrants=2)
        ada, bela = contest.entrants
        shown = await scored(contest, ada, tables.predictions(0.8, seed=3))
        private = str(await _private_score(judged, contest, parts))[:DIGITS]
    path = contest.bounty.path
    mia = await moderator(judged)
    places = (
        path,
        f"{path}/leaderboard",
        f"{path}/leaderboard.csv",
        f"{path}/records",
        f"{path}/evidence",
        f"{path}/timeline",
        f"{path}/test-set",
        f"{path}/enrollments",
        f"{path}/submissions",
        f"{path}/submissions/{shown['id']}",
        f"{path}/submissions/{shown['id']}/timeline",
        f"/bounties/{contest.bounty.id}",
    )
    assert private != str(shown["shown_score"])[:DIGITS]
    for who in (ada, bela, contest.owner, mia, judged.client):
        for place in places:
            answer = await who.get(place)
            assert private not in answer.text, place
            for row in _rows(answer):
                assert not [name for name in FINAL if row.get(name) is not None], place


def _rows(answer: Any) -> list[dict[str, Any]]:
    if "json" not in answer.headers["content-type"]:
        return []
    told = json.loads(answer.text)
    return [it for it in told.get("items", [told]) if isinstance(it, dict)]


async def _private_score(world: World, contest: Contest, parts: WorkerParts) -> float:
    """Return what the private part will say. This test may know: it holds the worker's key."""
    worker.provide(parts)
    found = await compute(world, contest)
    return found.places[0].score
