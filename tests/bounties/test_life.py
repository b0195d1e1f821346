"""A bounty's life: created, funded, moved on by its owner and by its dates, paused, cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from dml.bounties.models import BountyState, Judging
from tests.bounties.factories import (
    MadeBounty,
    assert_sound,
    available,
    balance,
    bring_to,
    catch_up,
    enroll,
    finish,
    make_bounty,
    moderator,
    place,
    plan,
)
from tests.world import World, problem, soon


def at(bounty: Any, name: str, **later: float) -> datetime:
    return datetime.fromisoformat(bounty[name]) + timedelta(**later)


async def events_of(world: World, bounty: MadeBounty) -> list[str]:
    """The names of the processes that wait, or ran, for what was published of a bounty."""
    query = text("""
        SELECT name FROM dbos.workflow_status JOIN dbos.workflow_input AS i USING (workflow_uuid)
        WHERE i.inputs LIKE :id ORDER BY created_at""")
    async with world.parts.sessions() as tx:
        return list(await tx.scalars(query, {"id": f"%{bounty.id}%"}))


async def alarms_of(world: World, bounty: MadeBounty) -> list[tuple[str, datetime]]:
    """The alarms that wait: what they are called, and when they go off."""
    query = text("""
        SELECT workflow_uuid, delay_until_epoch_ms FROM dbos.workflow_status
        WHERE workflow_uuid LIKE :id AND status = 'DELAYED' ORDER BY created_at""")
    async with world.parts.sessions() as tx:
        rows = await tx.execute(query, {"id": f"bounty:{bounty.id}:alarm:%"})
        return [(name, datetime.fromtimestamp(due / 1e3, UTC)) for name, due in rows]


async def test_an_owner_brings_a_bounty_through_its_states(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC, state=BountyState.DRAFT)
    assert (await bounty.get())["state"] == "draft"
    assert (await world.client.get(bounty.path)).status_code == 404
    funded = await bounty.post("fund")
    assert funded["state"] == "funded"
    assert funded["escrow"] == {"prizes": "150", "fees": "0"}
    opened = await bounty.post("open")
    assert at(opened, "enrolls_at") <= datetime.now(UTC)
    entrant = await enroll(world, bounty, "The first")
    assert (await world.client.get(bounty.path)).json()["counts"]["entrants"] == 1
    assert (await bounty.post("start"))["state"] == "submitting"
    closed = await bounty.post("close")
    assert closed["state"] == "evaluating"
    assert [it["action"] for it in closed["next"]] == ["rank", "try_again"]
    await place(world, bounty, [(entrant, "100")])
    await finish(world, bounty)
    told = (await world.client.get(f"{bounty.path}/timeline")).json()
    assert [(it["action"], it["to_state"], it["actor"]) for it in told["entries"]] == [
        ("created", "draft", "owner"),
        ("funded", "funded", "owner"),
        ("opened", "enrolling", "owner"),
        ("started", "submitting", "owner"),
        ("closed", "evaluating", "owner"),
        ("ranked", "disputing", "system"),
        ("finished", "finished", "system"),
    ]
    assert told["next"] == []
    await assert_sound(world, bounty)


async def test_a_bounty_moves_by_itself_at_its_dates(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    made = await bounty.get()
    for name, done in [("enrolls_at", "open"), ("submits_at", "start"), ("closes_at", "close")]:
        due = at(made, name)
        ((_, waits_until),) = await alarms_of(world, bounty)
        assert abs(waits_until - due) < timedelta(milliseconds=2)
        assert await catch_up(world, bounty, due - timedelta(seconds=1)) == "nothing is due"
        assert await catch_up(world, bounty, due) == done
        assert await catch_up(world, bounty, due) == "nothing is due"
    after = await bounty.get()
    assert [after[it] for it in ("enrolls_at", "submits_at", "closes_at")] == [
        made[it] for it in ("enrolls_at", "submits_at", "closes_at")
    ]


async def test_an_alarm_that_comes_late_does_all_that_is_due(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    late = at(await bounty.get(), "closes_at")
    assert await catch_up(world, bounty, late) == "open, start, close"
    assert (await bounty.get())["state"] == "evaluating"


async def test_a_draft_that_is_not_funded_in_time_is_cancelled(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    due = at(await bounty.get(), "submits_at")
    assert await catch_up(world, bounty, due) == "cancel"
    ended = await bounty.get()
    assert (ended["state"], ended["funded_at"]) == ("cancelled", None)
    assert "not funded" in ended["end_reason"]
    assert (await world.client.get(bounty.path)).status_code == 404
    assert (await balance(bounty.owner))["total"] == "1000"
    await assert_sound(world, bounty)


async def test_a_bounty_that_nobody_ranks_gets_a_second_chance_and_then_ends(world: World) -> None:
    for judging, more in ((Judging.METRIC, timedelta(days=1)), (Judging.MANUAL, timedelta(days=7))):
        bounty = await make_bounty(world, judging=judging, enrollment_fee="1")
        entrant = await enroll(world, bounty)
        await bring_to(bounty, BountyState.EVALUATING)
        due = at(await bounty.get(), "judged_by")
        assert await catch_up(world, bounty, due) == "try_again"
        again = await bounty.get()
        assert (again["state"], at(again, "judged_by")) == ("evaluating", due + more)
        assert await catch_up(world, bounty, due + more - timedelta(seconds=1)) == "nothing is due"
        assert await catch_up(world, bounty, due + more) == "cancel"
        ended = await bounty.get()
        assert (ended["state"], ended["escrow"]["prizes"]) == ("cancelled", "0")
        assert "ranked in time" in ended["end_reason"]
        assert (await available(bounty.owner), await available(entrant)) == ("1000", "10")
        await assert_sound(world, bounty)


async def test_a_second_chance_counts_from_when_it_was_noticed(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC, state=BountyState.EVALUATING)
    late = at(await bounty.get(), "judged_by", days=30)
    assert await catch_up(world, bounty, late) == "try_again"
    assert at(await bounty.get(), "judged_by") == late + timedelta(days=1)


async def test_a_pause_stops_the_clock_and_shifts_the_dates_ahead(world: World) -> None:
    bounty = await make_bounty(world)
    before = await bounty.get()
    paused = await bounty.post("pause", {"reason": "The data has a hole."})
    assert (paused["state"], paused["next"][0]["action"]) == ("enrolling", "resume")
    submits = at(before, "submits_at")
    assert await catch_up(world, bounty, submits) == "nothing is due"
    stranger = await world.rich("stranger", "10")
    refused = await stranger.post(f"{bounty.path}/enrollments", {"accept_rules": True})
    problem(refused, 409, "bounties.paused")
    problem(await bounty.owner.post(f"{bounty.path}/start"), 409, "bounties.paused")
    again = await bounty.owner.post(f"{bounty.path}/pause", {"reason": "Once more."})
    problem(again, 409, "bounties.paused")

    await bounty.post("resume")
    after = await bounty.get()
    took = at(after, "submits_at") - submits
    assert timedelta(0) < took < timedelta(minutes=1)
    assert after["enrolls_at"] == before["enrolls_at"]
    for name in ("closes_at", "judged_by"):
        assert at(after, name) - at(before, name) == took
    assert after["paused_at"] is None
    problem(await bounty.owner.post(f"{bounty.path}/resume"), 409, "bounties.not_paused")


async def test_a_pause_ends_by_itself_after_ninety_days(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.SUBMITTING)
    before = await bounty.get()
    paused_at = at(await bounty.post("pause", {"reason": "Holidays."}), "paused_at")
    ends = paused_at + timedelta(days=90)
    assert await catch_up(world, bounty, ends - timedelta(seconds=1)) == "nothing is due"
    assert await catch_up(world, bounty, ends) == "resume"
    after = await bounty.get()
    assert at(after, "closes_at") == at(before, "closes_at", days=90)
    assert await catch_up(world, bounty, ends) == "nothing is due"


async def test_moderators_may_pause_and_cancel_and_others_may_not(world: World) -> None:
    bounty, other = await make_bounty(world), await world.person("other")
    for verb in ("pause", "cancel"):
        refused = await other.post(f"{bounty.path}/{verb}", {"reason": "I like it so."})
        problem(refused, 403, "bounties.not_owner")
    for verb in ("fund", "open", "start", "close", "resume"):
        problem(await other.post(f"{bounty.path}/{verb}"), 403, "bounties.not_owner")
    judge = await moderator(world)
    for verb in ("fund", "open", "start", "close"):
        problem(await judge.post(f"{bounty.path}/{verb}"), 403, "bounties.not_owner")
    assert (await judge.post(f"{bounty.path}/pause", {"reason": "Hm."})).status_code == 200
    assert (await judge.post(f"{bounty.path}/resume")).status_code == 200
    cancelled = (await judge.post(f"{bounty.path}/cancel", {"reason": "A scam."})).json()
    assert (cancelled["state"], cancelled["end_reason"]) == ("cancelled", "A scam.")
    told = (await world.client.get(f"{bounty.path}/timeline")).json()["entries"][-1]
    assert (told["actor"], told["reason"]) == ("moderator", "A scam.")


async def test_a_moderator_moves_no_bounty_that_they_have_entered(world: World) -> None:
    bounty = await make_bounty(world)
    judge = await enroll(world, bounty, person=await moderator(world))
    for verb in ("pause", "cancel"):
        refused = await judge.post(f"{bounty.path}/{verb}", {"reason": "I would lose."})
        problem(refused, 403, "bounties.not_impartial")
    await bounty.post("pause", {"reason": "Hm."})
    problem(await judge.post(f"{bounty.path}/resume"), 403, "bounties.not_impartial")


async def test_verbs_in_the_wrong_state_are_refused_with_what_is_allowed(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    for verb in ("open", "start", "close"):
        told = problem(
            await bounty.owner.post(f"{bounty.path}/{verb}"), 409, "bounties.wrong_state"
        )
        assert (told["state"], told["allowed"]) == ("draft", ["cancelled", "funded"])
    refused = await bounty.owner.post(f"{bounty.path}/pause", {"reason": "No."})
    problem(refused, 409, "bounties.wrong_state")
    await bring_to(bounty, BountyState.EVALUATING)
    await place(world, bounty)
    for verb in ("fund", "open", "start", "close"):
        problem(await bounty.owner.post(f"{bounty.path}/{verb}"), 409, "bounties.wrong_state")
    refused = await bounty.owner.post(f"{bounty.path}/cancel", {"reason": "Too late."})
    problem(refused, 409, "bounties.wrong_state")
    await finish(world, bounty)
    refused = await bounty.owner.post(f"{bounty.path}/cancel", {"reason": "Too late."})
    problem(refused, 409, "bounties.wrong_state")


async def test_closing_submissions_and_ending_are_told_to_the_other_parts(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.EVALUATING)
    await place(world, bounty)
    await finish(world, bounty)
    assert "bounties.settle_ended.v1" in await events_of(world, bounty)


async def test_an_edit_is_seen_by_everybody_once_it_is_funded(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    assert (await bounty.owner.patch(bounty.path, {"name": "A draft's"})).status_code == 200
    await bounty.post("fund")
    edited = await bounty.owner.patch(
        bounty.path, {"rules": "No clouds.", "limits": {"per_day": 9}, "organisation": "Other"}
    )
    assert edited.json()["limits"] == {"per_day": 9, "concurrent": 3, "total": 100}
    await bounty.post("open")
    later = soon(days=20)
    body = {"closes_at": later, "judged_by": soon(days=40), "reason": "More data is coming."}
    assert (await bounty.owner.patch(bounty.path, body)).status_code == 200
    changes = (await world.client.get(f"{bounty.path}/changes")).json()["items"]
    assert [sorted(it["changes"]) for it in changes] == [
        ["organisation", "rules", "submissions_per_day"],
        ["closes_at", "judged_by"],
    ]
    assert changes[0]["changes"]["rules"] == {"before": "One account each.", "after": "No clouds."}
    assert changes[1]["reason"] == "More data is coming."
    ((_, due),) = await alarms_of(world, bounty)
    assert abs(due - at(await bounty.get(), "submits_at")) < timedelta(milliseconds=2)


async def test_an_edit_needs_the_newest_etag_if_it_names_one(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    etag = (await bounty.owner.get(bounty.path)).headers["etag"]
    headers = {"If-Match": etag}
    first = await bounty.owner.patch(bounty.path, {"name": "One"}, headers=headers)
    assert first.headers["etag"] != etag
    second = await bounty.owner.patch(bounty.path, {"name": "Two"}, headers=headers)
    problem(second, 412, "bounties.edited_meanwhile")
    nothing = await bounty.owner.patch(bounty.path, {"name": "One"})
    assert nothing.headers["etag"] == first.headers["etag"]


async def test_what_people_rely_on_is_not_edited(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    prizes = {"prizes": [{"place": 1, "amount": "1"}], "enrollment_fee": "1"}
    told = problem(await bounty.owner.patch(bounty.path, prizes), 409, "bounties.fields_fixed")
    assert told["fields"] == ["enrollment_fee", "prizes"]
    await bounty.post("open")
    wrong = {"rules": "Mine.", "enrolls_at": soon(days=3), "reason": "So."}
    told = problem(await bounty.owner.patch(bounty.path, wrong), 409, "bounties.fields_fixed")
    assert told["fields"] == ["enrolls_at", "rules"]
    sooner = {"closes_at": soon(days=3), "dispute_seconds": 1, "reason": "So."}
    told = problem(await bounty.owner.patch(bounty.path, sooner), 409, "bounties.only_more_time")
    assert told["fields"] == ["closes_at", "dispute_seconds"]
    refused = await bounty.owner.patch(bounty.path, {"description": "Clearer."})
    told = problem(refused, 422, "bounties.reason_missing")
    assert told["errors"][0]["pointer"] == "/reason"
    other = await world.person("other")
    problem(await other.patch(bounty.path, {"name": "Mine"}), 403, "bounties.not_owner")
    assert (await world.client.get(f"{bounty.path}/changes")).json()["items"] == []


async def test_dates_are_not_edited_while_it_is_paused(world: World) -> None:
    bounty = await make_bounty(world)
    await bounty.post("pause", {"reason": "Wait."})
    later = {"closes_at": soon(days=11), "reason": "So."}
    problem(await bounty.owner.patch(bounty.path, later), 409, "bounties.paused")
    words = {"description": "Clearer.", "reason": "A typo."}
    assert (await bounty.owner.patch(bounty.path, words)).status_code == 200


async def test_history_cannot_be_pushed_out_by_more_of_it(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    for number in range(100):
        answer = await bounty.owner.patch(bounty.path, {"description": f"Version {number}"})
        assert answer.status_code == 200
    refused = await bounty.owner.patch(bounty.path, {"description": "One more"})
    problem(refused, 409, "bounties.too_many_edits")
    assert len((await world.client.get(f"{bounty.path}/changes")).json()["items"]) == 100


async def test_of_one_owner_there_are_at_most_fifty_drafts(world: World) -> None:
    owner = await world.person("owner")
    for _ in range(50):
        assert (await owner.post("/v1/bounties", plan())).status_code == 201
    problem(await owner.post("/v1/bounties", plan()), 409, "bounties.too_many_drafts")


async def test_of_one_that_never_opened_nothing_is_told_of_its_test_set(world: World) -> None:
    bounty = await make_bounty(world, judging=Judging.METRIC, state=BountyState.FUNDED)
    await bounty.post("cancel", {"reason": "Its data was wrong."})
    shown = (await world.client.get(bounty.path)).json()
    assert (shown["state"], shown["test_set"]) == ("cancelled", None)
    opened = await make_bounty(world, judging=Judging.METRIC)
    await opened.post("cancel", {"reason": "Its data was wrong."})
    assert (await world.client.get(opened.path)).json()["test_set"]["rows"] == 100
