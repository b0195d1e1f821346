"""How a model that was entered becomes a version of its author's algorithm, and tells so."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from dml.bounties.models import (
    Bounty,
    BountyState,
    Enrollment,
    Judging,
    Member,
    Submission,
    SubmissionKind,
    SubmissionState,
)
from dml.core.context import Role
from dml.core.ids import new_id
from tests.algorithms.offers import GOOD, make_algorithm
from tests.bounties import boards
from tests.inference.models import IMAGE_SPEC
from tests.world import Person, World, problem

SPEC: Final = dict(IMAGE_SPEC)


async def finished(world: World, **changes: Any) -> tuple[Person, Bounty, Enrollment, str]:
    """Somebody who won a bounty with a model, that bounty, and the path of the submission."""
    ada, owner = await world.person("ada"), await world.person("owner")
    stored = await world.parts.blobs.keep(GOOD)
    now = datetime.now(UTC)
    facts = {"state": BountyState.FINISHED, "ended_at": now} | changes
    async with world.parts.sessions.begin() as tx:
        bounty = boards.make_bounty(tx, owner.id, now=now - timedelta(days=30), **facts)
        await tx.flush()
        entrant = await boards.enter(tx, bounty, ada.id, "Ada", 0.91)
        submission = await tx.get_one(Submission, entrant.best_submission_id)
        submission.kind = SubmissionKind.ONNX
        submission.sha256, submission.size = stored.sha256, stored.size
        entrant.place, entrant.private_score = 1, 0.87
        entrant.final_submission_id = submission.id
    return ada, bounty, entrant, f"/v1/bounties/{bounty.id}/submissions/{submission.id}/publish"


async def publish(person: Person, path: str, algorithm: str, **changes: Any) -> Any:
    body = {"algorithm_id": algorithm.rsplit("/", 1)[1], "input_spec": SPEC} | changes
    return await person.post(path, body)


async def test_a_winner_publishes_a_model_with_its_place_and_score(world: World) -> None:
    ada, bounty, _, path = await finished(world)
    algorithm = await make_algorithm(ada)
    answer = await publish(ada, path, algorithm)
    assert answer.status_code == 201, answer.text
    version = answer.json()
    assert (version["state"], version["number"], version["size"]) == ("uploaded", 1, len(GOOD))
    assert version["origin"] == {
        "bounty_id": str(bounty.id),
        "bounty_name": bounty.name,
        "place": 1,
        "score": 0.87,
        "metric": "roc_auc.v1",
    }
    assert answer.headers["location"] == f"{algorithm}/versions/{version['id']}"
    assert (await ada.get(answer.headers["location"])).json() == version
    again = await publish(ada, path, algorithm)
    assert again.json() == version
    listed = (await ada.get(f"{algorithm}/versions")).json()["items"]
    assert [it["origin"]["place"] for it in listed] == [1]


async def test_nobody_of_the_team_that_made_a_model_reviews_it(world: World) -> None:
    ada, bounty, entrant, path = await finished(world)
    mia = await world.person("mia", Role.MODERATOR)
    async with world.parts.sessions.begin() as tx:
        tx.add(
            Member(
                enrollment_id=entrant.id,
                user_id=mia.id,
                bounty_id=bounty.id,
                share_bps=0,
                agreed_at=datetime.now(UTC),
            )
        )
    location = (await publish(ada, path, await make_algorithm(ada))).headers["location"]
    for verb in ("approve", "reject"):
        refused = await mia.post(f"{location}/{verb}", {"reason": "mine, too"})
        problem(refused, 403, "algorithms.own_version")
    another = await world.person("moderator", Role.MODERATOR)
    early = await another.post(f"{location}/approve", {"reason": "good"})
    problem(early, 409, "algorithms.wrong_state")


async def test_what_was_not_the_final_submission_has_no_place(world: World) -> None:
    ada, _, entrant, path = await finished(world)
    async with world.parts.sessions.begin() as tx:
        (await tx.get_one(Enrollment, entrant.id)).final_submission_id = None
    origin = (await publish(ada, path, await make_algorithm(ada))).json()["origin"]
    assert (origin["place"], origin["score"]) == (None, 0.91)


async def test_one_judged_by_hand_has_a_place_without_a_score(world: World) -> None:
    ada, _, entrant, path = await finished(world, judging=Judging.MANUAL, metric=None)
    async with world.parts.sessions.begin() as tx:
        (await tx.get_one(Enrollment, entrant.id)).private_score = None
    origin = (await publish(ada, path, await make_algorithm(ada))).json()["origin"]
    assert (origin["place"], origin["score"], origin["metric"]) == (1, None, None)


@pytest.mark.parametrize("state", [BountyState.SUBMITTING, BountyState.DISPUTING])
async def test_nothing_is_published_before_the_bounty_is_finished(
    world: World, state: BountyState
) -> None:
    ada, _, _, path = await finished(world, state=state, ended_at=None)
    problem(await publish(ada, path, await make_algorithm(ada)), 409, "bounties.wrong_state")


@pytest.mark.parametrize(
    "changes",
    [{"kind": SubmissionKind.CSV}, {"state": SubmissionState.FAILED}],
    ids=["predictions", "a model that failed"],
)
async def test_only_a_model_that_was_scored_is_published(
    world: World, changes: dict[str, Any]
) -> None:
    ada, _, entrant, path = await finished(world)
    async with world.parts.sessions.begin() as tx:
        submission = await tx.get_one(Submission, entrant.best_submission_id)
        for name, value in changes.items():
            setattr(submission, name, value)
    problem(await publish(ada, path, await make_algorithm(ada)), 422, "bounties.not_a_model")


async def test_of_a_team_its_submitter_and_its_captain_publish_and_nobody_else(
    world: World,
) -> None:
    ada, bounty, entrant, path = await finished(world)
    bela, chen = await world.person("bela"), await world.person("chen")
    async with world.parts.sessions.begin() as tx:
        for it in (bela, chen):
            tx.add(
                Member(
                    enrollment_id=entrant.id,
                    user_id=it.id,
                    bounty_id=bounty.id,
                    share_bps=0,
                    agreed_at=bounty.created_at,
                )
            )
        submission = await tx.get_one(Submission, entrant.best_submission_id)
        submission.submitter_id = bela.id
    assert (await publish(bela, path, await make_algorithm(bela))).status_code == 201
    assert (await publish(ada, path, await make_algorithm(ada))).status_code == 201
    problem(await publish(chen, path, await make_algorithm(chen)), 403, "bounties.not_its_author")
    eve, mia = await world.person("eve"), await world.person("mia", Role.MODERATOR)
    for other in (eve, mia):
        refused = await publish(other, path, await make_algorithm(other))
        problem(refused, 404, "bounties.submission_not_found")
    for wrong in (path.replace(str(bounty.id), str(new_id())), f"/v1/bounties/{bounty.id}"):
        missing = wrong if wrong.endswith("publish") else f"{wrong}/submissions/{new_id()}/publish"
        assert (await publish(ada, missing, await make_algorithm(ada))).status_code == 404


async def test_it_becomes_a_version_of_ones_own_algorithm_with_a_valid_spec(world: World) -> None:
    ada, _, _, path = await finished(world)
    eve = await world.person("eve")
    own, other = await make_algorithm(ada), await make_algorithm(eve)
    problem(await publish(ada, path, other), 404, "algorithms.not_found")
    problem(await publish(ada, path, f"/{new_id()}"), 404, "algorithms.not_found")
    specs: list[Any] = [
        {},
        {"kind": "image"},
        SPEC | {"width": 0},
        SPEC | {"more": 1},
        [],
        None,
        "x",
    ]
    for wrong in specs:
        problem(await publish(ada, path, own, input_spec=wrong), 422, "http.422")
    assert (await ada.post(f"{own}/archive")).status_code == 200
    problem(await publish(ada, path, own), 409, "algorithms.archived")
