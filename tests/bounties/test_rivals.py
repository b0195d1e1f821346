"""What entrants, whatever else they are, and owners may not know of the others while it goes on."""

import hashlib
from datetime import UTC, datetime

from sqlalchemy import text

from dml.bounties.models import Agreement, BountyState, Judging
from tests.bounties.entries import ANY, Contest, an_id, submit, unscored
from tests.bounties.factories import bring_to, enroll, make_bounty, moderator
from tests.world import Person, World, problem


async def entered_by_moderator(world: World) -> Contest:
    """A bounty that takes submissions. The second of its three entrants is a moderator."""
    bounty = await make_bounty(world, state=BountyState.ENROLLING, judging=Judging.METRIC)
    boss = await moderator(world)
    entered = [await enroll(world, bounty, person=it) for it in (None, boss, None)]
    await bring_to(bounty, BountyState.SUBMITTING)
    return Contest(bounty, tuple(entered))


async def test_a_moderator_who_has_entered_sees_what_an_entrant_sees(world: World) -> None:
    contest = await entered_by_moderator(world)
    ada, mia, _ = contest.entrants
    path = await submit(contest, ada, b"the file of ada")
    boss = await moderator(world)
    assert len((await boss.get(contest.submissions)).json()["items"]) == 1
    own = await submit(contest, mia, b"the file of mia")
    for there in (path, f"{path}/file", f"{path}/timeline"):
        problem(await mia.get(there), 404, "bounties.submission_not_found")
    for query in ("", f"?enrollment_id={ada.enrollment_id}", "?state=validating"):
        items = (await mia.get(f"{contest.submissions}{query}")).json()["items"]
        assert {it["id"] for it in items} <= {str(an_id(own))}
    problem(await mia.get(f"{contest.bounty.path}/test-set"), 404, "bounties.test_set_not_found")
    assert (await mia.get(own)).json()["sha256"] is not None


async def test_the_hash_of_a_file_is_its_team_s_alone_until_others_may_read_it(
    world: World,
) -> None:
    """Else who guesses a file, of predictions say, would be told whether they are right."""
    contest = await unscored(world, judging=Judging.MANUAL)
    (ada,) = contest.entrants
    path = await submit(contest, ada, b"the file of ada", ANY)
    boss = await moderator(world)

    async def hashes(person: Person) -> list[str | None]:
        (item,) = (await person.get(contest.submissions)).json()["items"]
        return [item["sha256"], (await person.get(path)).json()["sha256"]]

    known = hashlib.sha256(b"the file of ada").hexdigest()
    assert await hashes(ada) == [known, known]
    for person in (contest.owner, boss):
        assert await hashes(person) == [None, None]
        for place in (path, f"{path}/timeline", contest.submissions, contest.bounty.path):
            assert known not in (await person.get(place)).text
    await bring_to(contest.bounty, BountyState.EVALUATING)
    assert await hashes(contest.owner) == [known, known]


async def test_a_moderator_who_left_their_team_is_none_of_its_bounty_s_either(
    world: World,
) -> None:
    contest = await entered_by_moderator(world)
    ada, mia, _ = contest.entrants
    path = await submit(contest, ada, b"the file of ada")
    async with world.parts.sessions.begin() as tx:
        left = "UPDATE enrollment_members SET left_at = now() WHERE user_id = :id"
        await tx.execute(text(left), {"id": mia.id})
    problem(await mia.get(path), 404, "bounties.submission_not_found")
    assert (await mia.get(contest.submissions)).json()["items"] == []


async def test_agreements_are_not_shown_to_a_moderator_who_has_entered(world: World) -> None:
    contest = await entered_by_moderator(world)
    first, mia, second = contest.entrants
    pair = sorted([first.enrollment_id, second.enrollment_id], key=str)
    async with world.parts.sessions.begin() as tx:
        tx.add(
            Agreement(
                bounty_id=contest.id,
                first_id=pair[0],
                second_id=pair[1],
                agreement=1.0,
                created_at=datetime.now(UTC),
            )
        )
    path = "/v1/moderation/agreements"
    for asked in (f"{path}?bounty_id={contest.bounty.id}", f"{path}?limit=1"):
        (shown,) = (await (await moderator(world)).get(asked)).json()["items"]
        assert shown["bounty_id"] == str(contest.bounty.id)
        items = (await mia.get(asked)).json()["items"]
        assert str(contest.bounty.id) not in {it["bounty_id"] for it in items}
