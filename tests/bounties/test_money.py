"""The money of bounties: none is made or lost, and all of it leaves the escrow in the end."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from dml.bounties import escrow, lifecycle, queries
from dml.bounties.models import BountyState
from dml.core.context import SYSTEM, Context
from tests.bounties.factories import (
    Entrant,
    MadeBounty,
    assert_sound,
    available,
    balance,
    bring_to,
    enroll,
    finish,
    held,
    make_bounty,
    moderator,
    place,
    settle,
)
from tests.world import Person, World, problem


async def join(bounty: MadeBounty, entrant: Entrant, person: Person) -> None:
    path = f"{bounty.path}/enrollments/{entrant.enrollment_id}/agree"
    answer = await person.post(path, {"accept_rules": True})
    assert answer.status_code == 200, answer.text


async def state_of(bounty: MadeBounty, entrant: Entrant) -> str:
    answer = await bounty.owner.get(f"{bounty.path}/enrollments/{entrant.enrollment_id}")
    return str(answer.json()["state"])


async def transfers(world: World, reference: str) -> list[tuple[str, int]]:
    query = text("SELECT code, amount FROM ledger_transfers WHERE reference = :it ORDER BY id")
    async with world.parts.sessions() as tx:
        return [(code, amount) for code, amount in await tx.execute(query, {"it": reference})]


async def test_winners_are_paid_fees_are_the_owners_and_nobody_is_paid_twice(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="2.5")
    first, second, third = [await enroll(world, bounty) for _ in range(3)]
    assert await held(world, f"escrow:bounty:{bounty.id}:fees") == "7.5"
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty, [(first, "100"), (second, "50"), (third, "0")])
    assert (await balance(bounty.owner))["reserved"] == "150"
    await finish(world, bounty)
    assert [await available(it) for it in (first, second, third)] == ["107.5", "57.5", "7.5"]
    assert await available(bounty.owner) == "857.5"
    assert (await balance(bounty.owner))["reserved"] == "0"
    assert [await state_of(bounty, it) for it in (first, second, third)] == [
        "winner",
        "winner",
        "not_placed",
    ]
    for _ in range(2):
        await settle(world, bounty)
    assert await available(first) == "107.5"
    await assert_sound(world, bounty)


async def test_a_team_shares_its_prize_by_what_it_agreed_to_the_last_micro_token(
    world: World,
) -> None:
    bounty = await make_bounty(
        world, team_size_max=3, prizes=[{"place": 1, "amount": "100.000001"}]
    )
    mate, silent = await world.person("mate"), await world.person("silent")
    team = [
        {"user_id": str(mate.id), "share_bps": 3_333},
        {"user_id": str(silent.id), "share_bps": 3_333},
    ]
    captain = await enroll(world, bounty, team=team)
    await join(bounty, captain, mate)
    await bring_to(bounty, BountyState.EVALUATING)
    mine = (await captain.get(f"{bounty.path}/enrollments/mine")).json()["entry"]
    assert [(it["is_captain"], it["share_bps"]) for it in mine["members"]] == [
        (True, 6_667),
        (False, 3_333),
    ]
    await place(world, bounty, [(captain, "100.000001")])
    await finish(world, bounty)
    assert await available(mate) == "33.33"
    assert await available(captain) == "76.670001"
    assert await available(silent) == "0"
    await assert_sound(world, bounty)


async def test_what_nobody_won_goes_back_and_fees_go_back_if_nobody_won_anything(
    world: World,
) -> None:
    bounty = await make_bounty(world, enrollment_fee="1")
    honest, cheat = await enroll(world, bounty), await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    path = f"{bounty.path}/enrollments/{cheat.enrollment_id}/disqualify"
    judge = await moderator(world)
    assert (await judge.post(path, {"reason": "A copy."})).status_code == 200
    await place(world, bounty)
    await finish(world, bounty)
    assert await available(honest) == "10"
    assert await available(cheat) == "9"  # Not returned to who was disqualified:
    assert await available(bounty.owner) == "1001"  # it is the owner's.
    assert await state_of(bounty, honest) == "not_placed"
    assert await state_of(bounty, cheat) == "disqualified"
    await assert_sound(world, bounty)


async def test_fewer_winners_than_prizes_never_block_it(world: World) -> None:
    bounty = await make_bounty(world)
    only = await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty, [(only, "100")])
    await finish(world, bounty)
    assert (await available(only), await available(bounty.owner)) == ("110", "900")
    assert (await bounty.get())["escrow"] == {"prizes": "0", "fees": "0"}
    await assert_sound(world, bounty)


async def test_nobody_entered_and_all_goes_back(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.EVALUATING)
    await place(world, bounty)
    await finish(world, bounty)
    assert await available(bounty.owner) == "1000"
    await assert_sound(world, bounty)


@pytest.mark.parametrize(
    "state",
    [
        BountyState.DRAFT,
        BountyState.FUNDED,
        BountyState.ENROLLING,
        BountyState.SUBMITTING,
        BountyState.EVALUATING,
    ],
)
async def test_a_bounty_can_be_cancelled_before_it_is_ranked_and_all_money_goes_back(
    world: World, state: BountyState
) -> None:
    entering = state not in (BountyState.DRAFT, BountyState.FUNDED)
    bounty = await make_bounty(
        world, enrollment_fee="3", state=BountyState.ENROLLING if entering else state
    )
    entrants = [await enroll(world, bounty) for _ in range(3)] if entering else []
    if entering:
        judge = await moderator(world)
        path = f"{bounty.path}/enrollments/{entrants[0].enrollment_id}/disqualify"
        assert (await judge.post(path, {"reason": "Rude."})).status_code == 200
        await bring_to(bounty, state)
    ended = await bounty.post("cancel", {"reason": "Our data was wrong."})
    assert (ended["state"], ended["end_reason"]) == ("cancelled", "Our data was wrong.")
    await settle(world, bounty)
    assert [await available(it) for it in entrants] == ["10"] * len(entrants)
    assert (await balance(bounty.owner))["total"] == "1000"
    assert [await state_of(bounty, it) for it in entrants[1:]] == ["not_placed"] * 2 * entering
    await assert_sound(world, bounty)
    problem(
        await bounty.owner.post(f"{bounty.path}/cancel", {"reason": "Again."}),
        409,
        "bounties.wrong_state",
    )


async def test_a_paused_bounty_can_be_cancelled(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.SUBMITTING)
    await bounty.post("pause", {"reason": "Wait."})
    assert (await bounty.post("cancel", {"reason": "No."}))["paused_at"] is None
    await assert_sound(world, bounty)


async def test_one_micro_token_short_is_short_and_moves_nothing(world: World) -> None:
    poor = await world.rich("owner", "149.999999")
    bounty = await make_bounty(world, state=BountyState.DRAFT, owner=poor)
    refused = await poor.post(f"{bounty.path}/fund")
    assert problem(refused, 409, "payments.insufficient_funds")["missing"] == "0.000001"
    assert (await bounty.get())["state"] == "draft"
    assert (await balance(poor))["available"] == "149.999999"
    exact = await world.rich("owner", "150")
    bounty = await make_bounty(world, state=BountyState.FUNDED, owner=exact)
    assert (await balance(exact))["available"] == "0"
    await assert_sound(world, bounty)


async def test_an_enrollment_fee_that_is_not_there_is_refused(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="5")
    poor = await world.rich("poor", "4.999999")
    refused = await poor.post(f"{bounty.path}/enrollments", {"accept_rules": True})
    problem(refused, 409, "payments.insufficient_funds")
    assert (await bounty.get())["counts"]["entrants"] == 0
    assert (await enroll(world, bounty)).enrollment_id
    await assert_sound(world, bounty)


async def test_withdrawing_gives_the_fee_back_and_one_may_come_again(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="4")
    entrant = await enroll(world, bounty, "Once")
    path = f"{bounty.path}/enrollments/{entrant.enrollment_id}/withdraw"
    gone = (await entrant.post(path)).json()
    assert (gone["state"], gone["members"]) == ("withdrawn", [])
    assert await available(entrant) == "10"
    problem(await entrant.post(path), 409, "bounties.wrong_state")
    again = await enroll(world, bounty, "Twice", person=entrant)
    assert await available(again) == "6"
    assert (await bounty.get())["counts"]["entrants"] == 1
    await assert_sound(world, bounty)
    await bring_to(bounty, BountyState.SUBMITTING)
    path = f"{bounty.path}/enrollments/{again.enrollment_id}/withdraw"
    problem(await again.post(path), 409, "bounties.submissions_began")


async def test_thousands_of_entrants_are_paid_in_chunks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With chunks of two, so that seven entrants are as good as thousands."""
    monkeypatch.setattr(escrow, "WINNERS_AT_ONCE", 2)
    monkeypatch.setattr(escrow, "FEES_AT_ONCE", 2)
    won = await make_bounty(world, enrollment_fee="1")
    winners = [await enroll(world, won) for _ in range(7)]
    await bring_to(won, BountyState.EVALUATING)
    await place(world, won, [(it, "20") for it in winners])
    await finish(world, won)
    assert {await available(it) for it in winners} == {"29"}
    assert await available(won.owner) == "867"
    await assert_sound(world, won)

    cancelled = await make_bounty(world, enrollment_fee="1")
    entrants = [await enroll(world, cancelled) for _ in range(5)]
    await cancelled.post("cancel", {"reason": "Sorry."})
    assert sorted([await available(it) for it in entrants]) == ["10", "10", "9", "9", "9"]
    assert await settle(world, cancelled) == "0 chunks of prizes, 3 fees"
    assert {await available(it) for it in entrants} == {"10"}
    await assert_sound(world, cancelled)

    nobody = await make_bounty(world, enrollment_fee="1")
    entrants = [await enroll(world, nobody) for _ in range(5)]
    await bring_to(nobody, BountyState.EVALUATING)
    await place(world, nobody)
    await finish(world, nobody)
    assert {await available(it) for it in entrants} == {"10"}
    await assert_sound(world, nobody)


async def test_paying_again_from_the_top_moves_nothing(world: World) -> None:
    """What a worker does that was killed after its commit and before its checkpoint."""
    bounty = await make_bounty(world, enrollment_fee="1")
    entrant = await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty, [(entrant, "100")])
    await finish(world, bounty)
    before = await transfers(world, entrant.enrollment_reference)
    for _ in range(3):
        async with world.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            row = await queries.lock_bounty(tx, bounty.id)
            assert await escrow.pay_prizes(ctx, row, None) == entrant.enrollment_id
            assert await escrow.return_fees(ctx, row) == 0
            assert await lifecycle.catch_up(ctx, bounty.id) == "nothing is due"
    assert await transfers(world, entrant.enrollment_reference) == before


async def test_an_escrow_that_does_not_hold_the_pool_pays_nobody(world: World) -> None:
    bounty = await make_bounty(world)
    entrant = await enroll(world, bounty)
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty, [(entrant, "100")])
    async with world.parts.sessions() as tx:
        await tx.execute(
            text("UPDATE ledger_accounts SET balance = balance - 1 WHERE code = :it"),
            {"it": f"escrow:bounty:{bounty.id}"},
        )
        row = await queries.lock_bounty(tx, bounty.id)
        with pytest.raises(AssertionError, match="holds 149999999, not 150000000"):
            await escrow.pay_out(Context(tx, SYSTEM, datetime.now(UTC)), row)
        await tx.rollback()
    async with world.parts.sessions() as tx:
        await tx.execute(
            text("UPDATE enrollments SET prize = 150000001 WHERE bounty_id = :it"),
            {"it": bounty.id},
        )
        row = await queries.lock_bounty(tx, bounty.id)
        with pytest.raises(AssertionError, match="has prizes of 150000001"):
            await escrow.pay_out(Context(tx, SYSTEM, datetime.now(UTC)), row)
        await tx.rollback()


async def test_the_highest_prize_that_can_exist_is_taken_and_paid(world: World) -> None:
    bounty = await make_bounty(
        world,
        state=BountyState.DRAFT,
        prizes=[{"place": 1, "amount": "9223372036854.775807"}],
    )
    refused = await bounty.owner.post(f"{bounty.path}/fund")
    problem(refused, 409, "payments.insufficient_funds")
