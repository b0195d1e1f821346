"""Who wins a bounty judged by hand, what an owner may change, and what entrants may say."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dml.bounties.judging.rules import Band
from dml.bounties.models import Bounty, BountyState, Enrollment, Judging, Ranking, Ties
from dml.bounties.ranking import placing
from dml.core.ids import new_id
from tests.bounties import boards
from tests.bounties.entries import ANY, Contest, send
from tests.bounties.factories import (
    Entrant,
    MadeBounty,
    balance,
    bring_to,
    catch_up,
    enroll,
    make_bounty,
    moderator,
)
from tests.world import World, problem

REASON = "They read the data best."


async def entered(world: World, count: int = 3, **changes: Any) -> Contest:
    """A bounty judged by hand that is being judged, and those who submitted something."""
    bounty = await make_bounty(world, judging=Judging.MANUAL, **changes)
    entrants = tuple([await enroll(world, bounty) for _ in range(count)])
    await bring_to(bounty, BountyState.SUBMITTING)
    contest = Contest(bounty, entrants)
    for it in entrants:
        answer = await send(it, contest.submissions, b"an essay", ANY)
        assert answer.status_code == 201, answer.text
    await bring_to(bounty, BountyState.EVALUATING)
    return contest


def ids(*entrants: Entrant) -> list[str]:
    return [str(it.enrollment_id) for it in entrants]


async def reward(bounty: MadeBounty, winners: list[str], who: Any = None) -> Any:
    body = {"winners": winners, "reason": REASON}
    return await (who or bounty.owner).post(f"{bounty.path}/reward", body)


async def reorder(bounty: MadeBounty, order: list[str], who: Any = None) -> Any:
    body = {"order": order, "reason": "The essay was late."}
    return await (who or bounty.owner).post(f"{bounty.path}/reorder", body)


async def places(world: World, bounty: MadeBounty) -> list[tuple[int, str, str | None]]:
    shown = (await world.client.get(f"{bounty.path}/leaderboard?part=final")).json()
    return [(it["rank"], it["enrollment_id"], it["prize"]) for it in shown["items"]]


async def test_an_owner_names_winners_and_they_are_paid_after_the_window(world: World) -> None:
    contest = await entered(world)
    ada, bela, _ = contest.entrants
    answer = await reward(contest.bounty, ids(bela, ada))
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "disputing"
    (first, second) = await places(world, contest.bounty)
    assert first == (1, str(bela.enrollment_id), "100")
    assert second == (2, str(ada.enrollment_id), "50")
    (decision,) = (await world.client.get(f"{contest.bounty.path}/decisions")).json()["items"]
    assert (decision["action"], decision["reason"]) == ("rewarded", REASON)
    assert decision["winners"] == ids(bela, ada)

    end = datetime.fromisoformat(answer.json()["disputes_until"])
    assert await catch_up(world, contest.bounty, end - timedelta(seconds=1)) == "nothing is due"
    assert (await balance(bela))["available"] == "10"
    assert await catch_up(world, contest.bounty, end) == "finish"
    assert [(await balance(it))["available"] for it in contest.entrants] == ["60", "110", "10"]
    shown = await contest.bounty.get()
    assert (shown["state"], shown["escrow"]["prizes"]) == ("finished", "0")


async def test_nobody_has_to_win_and_the_owner_gets_all_back(world: World) -> None:
    contest = await entered(world, 1)
    answer = await reward(contest.bounty, [])
    assert answer.status_code == 200, answer.text
    end = datetime.fromisoformat(answer.json()["disputes_until"])
    assert await places(world, contest.bounty) == []
    assert await catch_up(world, contest.bounty, end) == "finish"
    assert (await balance(contest.owner))["available"] == "1000"
    page = await world.client.get(f"/bounties/{contest.bounty.id}")
    assert "Nobody won anything." in page.text


async def test_a_reward_is_refused_for_whom_it_cannot_be(world: World) -> None:
    contest, other = await entered(world, 3), await entered(world, 1)
    late = await make_bounty(world)
    idle = await enroll(world, late)
    one, two, three = ids(*contest.entrants)
    path = contest.bounty
    for winners, code in (
        ([one, two, one], "bounties.more_winners_than_prizes"),
        ([one, two, three], "bounties.more_winners_than_prizes"),
        ([one, one], "bounties.named_twice"),
        (ids(*other.entrants), "bounties.no_candidate"),
        ([str(new_id())], "bounties.no_candidate"),
        ([str(contest.owner.id)], "bounties.no_candidate"),
        (ids(idle), "bounties.no_candidate"),
    ):
        problem(await reward(path, winners), 422, code)
    problem(await reward(path, [one], contest.entrants[0]), 403, "bounties.not_owner")
    problem(await reward(path, [one], await moderator(world)), 403, "bounties.not_owner")
    for body in ({"winners": [one]}, {"winners": [one], "reason": " "}, {"winners": "x"}, {}):
        assert (await contest.owner.post(f"{path.path}/reward", body)).status_code == 422, body
    many = {"winners": [one] * 101, "reason": REASON}
    assert (await contest.owner.post(f"{path.path}/reward", many)).status_code == 422
    assert (await path.get())["state"] == "evaluating"
    assert (await world.client.get(f"{path.path}/decisions")).json()["items"] == []


async def test_who_did_not_submit_or_was_disqualified_cannot_win(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.MANUAL)
    idle, busy = await enroll(world, bounty), await enroll(world, bounty)
    await bring_to(bounty, BountyState.SUBMITTING)
    await send(busy, f"{bounty.path}/submissions", b"an essay", ANY)
    await bring_to(bounty, BountyState.EVALUATING)
    problem(await reward(bounty, ids(idle)), 422, "bounties.no_candidate")
    path = f"{bounty.path}/enrollments/{busy.enrollment_id}/disqualify"
    answer = await (await moderator(world)).post(path, {"reason": "It was copied."})
    assert answer.status_code == 200, answer.text
    problem(await reward(bounty, ids(busy)), 422, "bounties.no_candidate")


@pytest.mark.parametrize("state", [BountyState.ENROLLING, BountyState.SUBMITTING])
async def test_nobody_wins_before_the_submissions_close(world: World, state: BountyState) -> None:
    bounty = await make_bounty(world, judging=Judging.MANUAL)
    entrant = await enroll(world, bounty)
    if state is not BountyState.ENROLLING:
        await bring_to(bounty, state)
    refused = problem(await reward(bounty, ids(entrant)), 409, "bounties.wrong_state")
    assert refused["state"] == state
    problem(await reorder(bounty, ids(entrant)), 409, "bounties.wrong_state")
    body = {"text": "I object."}
    problem(await entrant.post(f"{bounty.path}/disputes", body), 409, "bounties.wrong_state")


async def test_one_judged_by_a_metric_is_not_judged_by_hand(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC, state=BountyState.SUBMITTING)
    problem(await reward(bounty, []), 409, "bounties.not_judged_by_hand")


async def test_of_two_rewards_at_once_one_counts(world: World) -> None:
    contest = await entered(world)
    answers = await asyncio.gather(
        *(reward(contest.bounty, ids(it)) for it in contest.entrants for _ in range(2))
    )
    codes = sorted(it.status_code for it in answers)
    assert codes == [200, 409, 409, 409, 409, 409]
    assert {it.json()["code"] for it in answers if it.status_code == 409} == {
        "bounties.wrong_state"
    }
    assert len(await places(world, contest.bounty)) == 1
    decisions = (await world.client.get(f"{contest.bounty.path}/decisions")).json()["items"]
    assert len(decisions) == 1


async def test_an_order_is_changed_in_public_three_times_and_stays_open_a_while(
    world: World,
) -> None:
    contest = await entered(world, dispute_seconds=3_600)
    ada, bela, chen = contest.entrants
    bounty = contest.bounty
    before = (await reward(bounty, ids(ada, bela))).json()["disputes_until"]
    problem(await reorder(bounty, ids(ada), ada), 403, "bounties.not_owner")
    problem(await reorder(bounty, ids(ada, bela, chen)), 422, "bounties.more_winners_than_prizes")
    problem(await reorder(bounty, ids(ada, ada)), 422, "bounties.named_twice")
    problem(await reorder(bounty, [str(new_id())]), 422, "bounties.no_candidate")
    assert (await contest.owner.post(f"{bounty.path}/reorder", {"order": []})).status_code == 422

    answer = await reorder(bounty, ids(bela, chen))
    assert answer.status_code == 200, answer.text
    assert answer.json()["disputes_until"] > before
    (first, second) = await places(world, bounty)
    assert (first[1:], second[1:]) == (
        (str(bela.enrollment_id), "100"),
        (str(chen.enrollment_id), "50"),
    )
    shown = (await world.client.get(f"{bounty.path}/leaderboard")).json()
    assert shown["order_changes"] == 1
    assert (await reorder(bounty, ids(ada))).status_code == 200
    assert (await reorder(bounty, ids(chen))).status_code == 200
    problem(await reorder(bounty, ids(ada)), 409, "bounties.order_is_final")
    decisions = (await world.client.get(f"{bounty.path}/decisions")).json()["items"]
    assert [it["action"] for it in decisions] == [*["reordered"] * 3, "rewarded"]

    end = datetime.fromisoformat((await bounty.get())["disputes_until"])
    assert await catch_up(world, bounty, end) == "finish"
    available = [(await balance(it))["available"] for it in contest.entrants]
    assert available == ["10", "10", "110"]
    assert (await balance(contest.owner))["available"] == "900"


async def test_a_moderator_can_take_a_winner_out_and_back_in(world: World) -> None:
    contest = await entered(world)
    ada, bela, _ = contest.entrants
    await reward(contest.bounty, ids(ada, bela))
    mia = await moderator(world)
    path = f"{contest.bounty.path}/enrollments/{ada.enrollment_id}"
    answer = await mia.post(f"{path}/disqualify", {"reason": "It was copied."})
    assert answer.status_code == 200, answer.text
    assert await places(world, contest.bounty) == [(1, str(bela.enrollment_id), "100")]
    assert (await mia.post(f"{path}/reinstate", {"reason": "It was not."})).status_code == 200
    assert await places(world, contest.bounty) == [
        (1, str(ada.enrollment_id), "100"),
        (2, str(bela.enrollment_id), "50"),
    ]
    assert (await reorder(contest.bounty, ids(bela))).status_code == 200
    assert (await mia.post(f"{path}/disqualify", {"reason": "It was, after all."})).is_success
    assert (await mia.post(f"{path}/reinstate", {"reason": "No."})).is_success
    assert await places(world, contest.bounty) == [(1, str(bela.enrollment_id), "100")]


async def test_those_who_took_part_dispute_in_public_five_times_at_most(world: World) -> None:
    contest = await entered(world, 2)
    ada, bela = contest.entrants
    path = f"{contest.bounty.path}/disputes"
    await reward(contest.bounty, ids(ada))
    answer = await bela.post(path, {"text": "My essay was longer."})
    assert answer.status_code == 201, answer.text
    assert answer.json()["enrollment_id"] == str(bela.enrollment_id)
    problem(await contest.owner.post(path, {"text": "No."}), 403, "bounties.not_an_entrant")
    problem(
        await (await moderator(world)).post(path, {"text": "x"}), 403, "bounties.not_an_entrant"
    )
    problem(await world.client.post(path, json={"text": "x"}), 401, "core.not_signed_in")
    for text in ("", "x" * 5_001, "\0", 7):
        assert (await bela.post(path, {"text": text})).status_code == 422
    answers = await asyncio.gather(*(bela.post(path, {"text": f"n{n}"}) for n in range(6)))
    assert sorted(it.status_code for it in answers) == [201] * 4 + [409] * 2
    problem(await bela.post(path, {"text": "again"}), 409, "bounties.disputes_used_up")
    listed = (await world.client.get(f"{path}?limit=3")).json()
    rest = (await world.client.get(f"{path}?cursor={listed['next_cursor']}")).json()
    assert len(listed["items"] + rest["items"]) == 5
    assert rest["items"][-1]["text"] == "My essay was longer."
    assert "author_id" not in rest["items"][0]
    history = (await world.client.get(f"{contest.bounty.path}/timeline")).json()["entries"]
    assert "moderator" not in {it["actor"] for it in history}  # None did anything.


async def test_after_the_window_nothing_is_changed_even_before_its_alarm(world: World) -> None:
    contest = await entered(world, 1, dispute_seconds=0)
    (ada,) = contest.entrants
    await reward(contest.bounty, ids(ada))
    problem(await reorder(contest.bounty, ids(ada)), 409, "bounties.dispute_window_closed")
    answer = await ada.post(f"{contest.bounty.path}/disputes", {"text": "I object."})
    problem(answer, 409, "bounties.dispute_window_closed")
    assert await catch_up(world, contest.bounty, datetime.now(UTC)) == "finish"
    problem(await reorder(contest.bounty, ids(ada)), 409, "bounties.wrong_state")


async def test_of_other_peoples_drafts_nothing_is_told(world: World) -> None:
    draft = await make_bounty(world, state=BountyState.DRAFT)
    eve = await world.person("eve")
    for path in (draft.path, f"/v1/bounties/{new_id()}"):
        problem(await eve.post(f"{path}/reward", {"winners": [], "reason": "x"}), 404, NOT_FOUND)
        problem(await eve.post(f"{path}/disputes", {"text": "x"}), 404, NOT_FOUND)
        for listed in ("decisions", "disputes"):
            problem(await eve.get(f"{path}/{listed}"), 404, NOT_FOUND)


NOT_FOUND = "bounties.not_found"


async def test_after_a_ranking_an_owner_moves_some_and_the_others_follow(world: World) -> None:
    owner = await world.person("owner")
    people = [await world.person() for _ in range(4)]
    now = datetime.now(UTC)
    async with world.parts.sessions.begin() as tx:
        bounty = boards.make_bounty(
            tx,
            owner.id,
            state=BountyState.DISPUTING,
            closes_at=now - timedelta(days=1),
            disputes_until=now + timedelta(days=1),
            prizes=(500, 300, 200),
        )
        await tx.flush()
        entrants = [
            await boards.enter(tx, bounty, who.id, f"n{n}", 0.9) for n, who in enumerate(people)
        ]
        bands = [Band(1, 1, 2), Band(2, 1, 2), Band(3, 3, 4), Band(4, 3, 4)]
        placing.give_places(bounty, entrants, bands, Ties.SHARE)
        tx.add(_ranking(bounty, entrants))
    made = MadeBounty(bounty.id, owner)
    assert [it[2] for it in await places(world, made)] == ["400", "400", "100", "100"]

    out = f"{made.path}/enrollments/{entrants[0].id}"
    mia = await moderator(world)
    assert (await mia.post(f"{out}/disqualify", {"reason": "copied"})).status_code == 200
    assert await places(world, made) == [
        (1, str(entrants[1].id), "500"),
        (2, str(entrants[2].id), "250"),
        (3, str(entrants[3].id), "250"),
    ]
    assert (await mia.post(f"{out}/reinstate", {"reason": "explained"})).status_code == 200
    assert [it[2] for it in await places(world, made)] == ["400", "400", "100", "100"]

    answer = await reorder(made, [str(entrants[3].id)])
    assert answer.status_code == 200, answer.text
    assert answer.json()["disputes_until"] >= (now + timedelta(days=2)).isoformat()[:19]
    shown = await places(world, made)
    assert [it[2] for it in shown] == ["500", "300", "200", "0"]
    assert [it[1] for it in shown] == [str(entrants[n].id) for n in (3, 0, 1, 2)]

    # Taken out wrongly and back in: nobody is harmed by it, though the owner ordered it otherwise.
    last = f"{made.path}/enrollments/{entrants[3].id}"
    assert (await mia.post(f"{last}/disqualify", {"reason": "copied"})).is_success
    assert [it[1] for it in await places(world, made)] == [str(entrants[n].id) for n in (0, 1, 2)]
    assert (await mia.post(f"{last}/reinstate", {"reason": "explained"})).is_success
    assert await places(world, made) == shown


def _ranking(bounty: Bounty, entrants: list[Enrollment]) -> Ranking:
    entries = [
        {
            "enrollment_id": str(it.id),
            "place": it.place,
            "tied_from": it.tied_from,
            "tied_to": it.tied_to,
        }
        for it in entrants
    ]
    return Ranking(
        bounty_id=bounty.id,
        metric="roc_auc.v1",
        draws=1,
        entries=entries,
        created_at=bounty.closes_at,
    )
