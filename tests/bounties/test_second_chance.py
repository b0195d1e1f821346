"""Who judges a bounty whose owner has let the date pass, before all the money goes back."""

from datetime import datetime

from dml.bounties.models import BountyState
from tests.bounties.entries import ANY, Contest, send
from tests.bounties.factories import bring_to, catch_up, enroll, make_bounty, moderator
from tests.bounties.test_judging import ids, places, reward
from tests.world import World, problem


async def test_a_moderator_may_judge_what_the_owner_has_let_pass(world: World) -> None:
    bounty = await make_bounty(world)
    ada = await enroll(world, bounty)
    rival = await enroll(world, bounty, person=await moderator(world))
    await bring_to(bounty, BountyState.SUBMITTING)
    contest = Contest(bounty, (ada, rival))
    for it in contest.entrants:
        assert (await send(it, contest.submissions, b"an essay", ANY)).status_code == 201
    await bring_to(bounty, BountyState.EVALUATING)

    mia = await moderator(world)
    problem(await reward(bounty, ids(ada), mia), 403, "bounties.not_owner")
    late = datetime.fromisoformat((await bounty.get())["judged_by"])
    assert await catch_up(world, bounty, late) == "try_again"
    problem(await reward(bounty, ids(ada), ada), 403, "bounties.not_owner")
    problem(await reward(bounty, ids(rival), rival), 403, "bounties.not_impartial")
    answer = await reward(bounty, ids(ada), mia)
    assert answer.status_code == 200, answer.text
    assert await places(world, bounty) == [(1, str(ada.enrollment_id), "100")]
