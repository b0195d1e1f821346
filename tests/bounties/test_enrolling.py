"""Who enters a bounty, alone or as a team, and who may not."""

import json
from datetime import datetime
from typing import Any

import pytest

from dml.bounties.enrollments import service as enrollments
from dml.bounties.enrollments.rules import EnrollmentNotOpen
from dml.bounties.models import BountyState
from dml.core.context import Actor, Context, Role
from dml.core.ids import new_id
from tests.bounties.factories import (
    MadeBounty,
    assert_sound,
    available,
    balance,
    bring_to,
    catch_up,
    enroll,
    make_bounty,
    moderator,
)
from tests.world import Person, World, problem

YES = {"accept_rules": True}


async def mine(bounty: MadeBounty, person: Person) -> Any:
    answer = await person.get(f"{bounty.path}/enrollments/mine")
    assert answer.status_code == 200, answer.text
    return answer.json()


def invite(*people: tuple[Person, int]) -> list[dict[str, object]]:
    return [{"user_id": str(person.id), "share_bps": share} for person, share in people]


async def test_whoever_enters_gets_a_number_and_a_name(world: World) -> None:
    bounty = await make_bounty(world)
    named, other = await enroll(world, bounty, "The Owls"), await enroll(world, bounty)
    listed = (await world.client.get(f"{bounty.path}/enrollments")).json()["items"]
    assert [(it["number"], it["name"], it["team_size"], it["state"]) for it in listed] == [
        (1, "The Owls", 1, "enrolled"),
        (2, "Entrant 2", 1, "enrolled"),
    ]
    shown = (await world.client.get(f"{bounty.path}/enrollments/{named.enrollment_id}")).json()
    assert shown == listed[0]
    assert not {"captain_id", "members", "fee"} & shown.keys()  # Who it is is not told.
    own = (await mine(bounty, other))["entry"]
    assert (own["captain_id"], own["rules_sha256"]) == (
        str(other.id),
        (await bounty.get())["rules_sha256"],
    )
    assert await mine(bounty, bounty.owner) == {"entry": None, "invitations": []}


async def test_entrants_are_listed_in_pages(world: World) -> None:
    bounty = await make_bounty(world)
    for _ in range(3):
        await enroll(world, bounty)
    page = (await world.client.get(f"{bounty.path}/enrollments?limit=2")).json()
    assert [it["number"] for it in page["items"]] == [1, 2]
    cursor = page["next_cursor"]
    rest = (await world.client.get(f"{bounty.path}/enrollments?limit=2&cursor={cursor}")).json()
    assert ([it["number"] for it in rest["items"]], rest["next_cursor"]) == ([3], None)


async def test_who_may_not_enter_is_told_why(world: World) -> None:
    bounty = await make_bounty(world)
    path = f"{bounty.path}/enrollments"
    problem(await bounty.owner.post(path, YES), 403, "bounties.owner_cannot_enter")
    person = await world.person("somebody")
    refused = await person.post(path, {"accept_rules": False})
    problem(refused, 422, "bounties.rules_not_accepted")
    assert (await person.post(path, {})).status_code == 422
    refused = await person.post(path, YES | {"rules_sha256": "0" * 64})
    told = problem(refused, 409, "bounties.rules_changed")
    assert told["rules_sha256"] == (await bounty.get())["rules_sha256"]
    read = YES | {"rules_sha256": told["rules_sha256"], "name": "Me"}
    assert (await person.post(path, read)).status_code == 201
    problem(await person.post(path, YES), 409, "bounties.enrolled_already")
    other = await world.person("other")
    for alike in ("Me", "ME", "\uff2de"):  # The last one begins with a wide M.
        problem(await other.post(path, YES | {"name": alike}), 409, "bounties.name_taken")
    problem(await other.post(path, YES | {"name": "Entrant 9"}), 409, "bounties.name_taken")
    for wrong in ("", "a\nb", "x" * 61, "half \ud800", "nul \0"):
        content = json.dumps(YES | {"name": wrong})
        headers = {"content-type": "application/json"}
        refused = await other.ask("POST", path, content=content, headers=headers)
        problem(refused, 422, "http.422")
    assert (await world.client.post(path, json=YES)).status_code == 401


async def test_nobody_enters_before_enrollment_opens_or_after_it_closed(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    person = await world.person("somebody")
    path = f"{bounty.path}/enrollments"
    told = problem(await person.post(path, YES), 409, "bounties.enrollment_not_open")
    assert told["state"] == "funded"
    await bring_to(bounty, BountyState.SUBMITTING)
    told = problem(await person.post(path, YES), 409, "bounties.enrollment_not_open")
    assert told["state"] == "submitting"
    draft = await make_bounty(world, state=BountyState.DRAFT)
    problem(await person.post(f"{draft.path}/enrollments", YES), 404, "bounties.not_found")
    nowhere = f"/v1/bounties/{new_id()}/enrollments"
    problem(await person.post(nowhere, YES), 404, "bounties.not_found")


async def test_at_the_deadline_is_late_though_the_alarm_has_not_gone_off(world: World) -> None:
    bounty = await make_bounty(world)
    person = await world.person("somebody")
    late = datetime.fromisoformat((await bounty.get())["submits_at"])
    async with world.parts.sessions() as tx:
        ctx = Context(tx, Actor(person.id), late)
        with pytest.raises(EnrollmentNotOpen) as refused:
            await enrollments.enroll(ctx, bounty.id, accept_rules=True)
        assert refused.value.facts["state"] == "enrolling"


async def test_a_team_is_who_agreed(world: World) -> None:
    bounty = await make_bounty(world, team_size_max=3)
    mate, other = await world.person("mate"), await world.person("other")
    captain = await enroll(world, bounty, "Team", team=invite((mate, 4_000), (other, 1_000)))
    path = f"{bounty.path}/enrollments/{captain.enrollment_id}"
    invited = await mine(bounty, mate)
    assert invited["entry"] is None
    (invitation,) = invited["invitations"]
    assert invitation["name"] == "Team"
    assert {it["user_id"]: (it["share_bps"], it["agreed_at"]) for it in invitation["members"]}[
        str(mate.id)
    ] == (4_000, None)

    refused = await mate.post(f"{path}/agree", {"accept_rules": False})
    problem(refused, 422, "bounties.rules_not_accepted")
    agreed = (await mate.post(f"{path}/agree", YES)).json()
    assert agreed["team_size"] == 2
    problem(await mate.post(f"{path}/agree", YES), 404, "bounties.not_invited")
    problem(await captain.post(f"{path}/agree", YES), 404, "bounties.not_invited")
    stranger = await world.person("stranger")
    problem(await stranger.post(f"{path}/agree", YES), 404, "bounties.not_invited")
    problem(await mate.post(f"{bounty.path}/enrollments", YES), 409, "bounties.enrolled_already")

    left = (await other.post(f"{path}/leave")).json()  # Declines.
    assert [(it["user_id"], it["share_bps"]) for it in left["members"]] == [
        (str(captain.id), 6_000),
        (str(mate.id), 4_000),
    ]
    assert (await other.post(f"{path}/leave")).status_code == 200  # Twice is once.
    problem(await other.post(f"{path}/agree", YES), 404, "bounties.not_invited")
    problem(await stranger.post(f"{path}/leave"), 404, "bounties.not_invited")
    problem(await captain.post(f"{path}/leave"), 409, "bounties.captain_stays")
    problem(await mate.post(f"{path}/withdraw"), 403, "bounties.not_captain")
    left = (await mate.post(f"{path}/leave")).json()
    assert [it["share_bps"] for it in left["members"]] == [10_000]
    await assert_sound(world, bounty)


async def test_who_is_in_a_team_is_in_no_other(world: World) -> None:
    bounty = await make_bounty(world, team_size_max=2)
    mate = await world.person("mate")
    first = await enroll(world, bounty, team=invite((mate, 5_000)))
    second = await enroll(world, bounty, team=invite((mate, 9_000)))
    assert len((await mine(bounty, mate))["invitations"]) == 2
    path = f"{bounty.path}/enrollments"
    assert (await mate.post(f"{path}/{first.enrollment_id}/agree", YES)).status_code == 200
    refused = await mate.post(f"{path}/{second.enrollment_id}/agree", YES)
    problem(refused, 409, "bounties.enrolled_already")
    await assert_sound(world, bounty)


async def test_a_team_that_cannot_be_is_refused(world: World) -> None:
    bounty = await make_bounty(world, team_size_max=3)
    path = f"{bounty.path}/enrollments"
    captain, mate = await world.person("captain"), await world.person("mate")
    four = [await world.person("mate") for _ in range(3)]
    for team, status, code in (
        (invite(*((it, 1) for it in four)), 422, "bounties.team_too_large"),
        (invite((mate, 1), (mate, 1)), 422, "bounties.team_out_of_order"),
        (invite((captain, 1)), 422, "bounties.team_out_of_order"),
        (invite((mate, 6_000), (four[0], 6_000)), 422, "bounties.team_out_of_order"),
        (invite((bounty.owner, 1)), 403, "bounties.owner_cannot_enter"),
        ([{"user_id": str(new_id()), "share_bps": 1}], 404, "accounts.user_not_found"),
        (invite((mate, 10_001)), 422, "http.422"),
        (invite((mate, -1)), 422, "http.422"),
        (invite(*((mate, 1) for _ in range(5))), 422, "http.422"),
    ):
        problem(await captain.post(path, YES | {"team": team}), status, code)
    assert (await bounty.get())["counts"]["entrants"] == 0
    alone = await make_bounty(world)
    refused = await captain.post(f"{alone.path}/enrollments", YES | {"team": invite((mate, 1))})
    problem(refused, 422, "bounties.team_too_large")


async def test_who_has_not_answered_when_submissions_begin_is_not_in(world: World) -> None:
    bounty = await make_bounty(world, team_size_max=4)
    mate, silent, gone = [await world.person("mate") for _ in range(3)]
    team = invite((mate, 1_000), (silent, 2_000), (gone, 3_000))
    captain = await enroll(world, bounty, team=team)
    alone = await enroll(world, bounty)
    path = f"{bounty.path}/enrollments/{captain.enrollment_id}"
    assert (await mate.post(f"{path}/agree", YES)).status_code == 200
    submits = datetime.fromisoformat((await bounty.get())["submits_at"])
    assert await catch_up(world, bounty, submits) == "start"
    entry = (await mine(bounty, captain))["entry"]
    assert [(it["user_id"], it["share_bps"]) for it in entry["members"]] == [
        (str(captain.id), 9_000),
        (str(mate.id), 1_000),
    ]
    problem(await silent.post(f"{path}/agree", YES), 404, "bounties.not_invited")
    problem(await mate.post(f"{path}/leave"), 409, "bounties.submissions_began")
    assert (await mine(bounty, silent))["invitations"] == []
    assert (await mine(bounty, alone))["entry"]
    await assert_sound(world, bounty)


async def test_a_team_that_withdraws_sets_its_members_free(world: World) -> None:
    bounty = await make_bounty(world, team_size_max=2, enrollment_fee="1")
    mate = await world.rich("mate", "10")
    captain = await enroll(world, bounty, team=invite((mate, 5_000)))
    path = f"{bounty.path}/enrollments/{captain.enrollment_id}"
    assert (await mate.post(f"{path}/agree", YES)).status_code == 200
    assert (await captain.post(f"{path}/withdraw")).status_code == 200
    assert await mine(bounty, mate) == {"entry": None, "invitations": []}
    await enroll(world, bounty, person=mate)
    assert (await available(captain), await available(mate)) == ("10", "9")
    await assert_sound(world, bounty)


async def test_one_may_enter_and_leave_five_times(world: World) -> None:
    bounty = await make_bounty(world)
    person = await world.person("undecided")
    for _ in range(5):
        entrant = await enroll(world, bounty, person=person)
        path = f"{bounty.path}/enrollments/{entrant.enrollment_id}/withdraw"
        assert (await person.post(path)).status_code == 200
    refused = await person.post(f"{bounty.path}/enrollments", YES)
    problem(refused, 409, "bounties.enrolled_too_often")


async def test_moderators_disqualify_and_reinstate_in_public(world: World) -> None:
    bounty = await make_bounty(world)
    entrant, judge = await enroll(world, bounty), await moderator(world)
    path = f"{bounty.path}/enrollments/{entrant.enrollment_id}"
    for person in (entrant, bounty.owner):
        refused = await person.post(f"{path}/disqualify", {"reason": "So."})
        problem(refused, 403, "accounts.moderators_only")
    problem(await judge.post(f"{path}/reinstate", {"reason": "?"}), 409, "bounties.wrong_state")
    assert (await judge.post(f"{path}/disqualify", {"reason": "Two accounts."})).status_code == 200
    shown = (await world.client.get(path)).json()
    assert (shown["state"], shown["state_reason"]) == ("disqualified", "Two accounts.")
    problem(await judge.post(f"{path}/disqualify", {"reason": "?"}), 409, "bounties.wrong_state")
    problem(await entrant.post(f"{path}/withdraw"), 409, "bounties.wrong_state")
    again = await entrant.post(f"{bounty.path}/enrollments", YES)
    problem(again, 409, "bounties.enrolled_already")
    assert (await judge.post(f"{path}/reinstate", {"reason": "They are twins."})).status_code == 200
    shown = (await world.client.get(path)).json()
    assert (shown["state"], shown["state_reason"]) == ("enrolled", None)
    await bounty.post("cancel", {"reason": "Enough."})
    problem(await judge.post(f"{path}/disqualify", {"reason": "?"}), 409, "bounties.wrong_state")


async def test_no_moderator_decides_about_a_bounty_of_their_own(world: World) -> None:
    judge = await moderator(world)
    admin = await world.person("admin", Role.ADMIN)
    body = {"user_id": str(judge.id), "amount": "150", "reason": "for a test"}
    assert (await admin.post("/v1/admin/credits", body)).status_code == 201
    own, other = await make_bounty(world, owner=judge), await make_bounty(world)
    entrant, rival = await enroll(world, own), await enroll(world, other)
    await enroll(world, other, person=judge)
    for bounty, whom in ((own, entrant), (other, rival)):
        path = f"{bounty.path}/enrollments/{whom.enrollment_id}/disqualify"
        refused = await judge.post(path, {"reason": "I do not like it."})
        problem(refused, 403, "bounties.not_impartial")
        assert (await admin.post(path, {"reason": "A copy."})).status_code == 200


async def test_an_entrant_of_another_bounty_is_not_there(world: World) -> None:
    bounty, other = await make_bounty(world), await make_bounty(world)
    entrant, judge = await enroll(world, other), await moderator(world)
    path = f"{bounty.path}/enrollments/{entrant.enrollment_id}"
    problem(await judge.get(path), 404, "bounties.enrollment_not_found")
    for verb, body in (
        ("agree", YES),
        ("leave", None),
        ("withdraw", None),
        ("disqualify", {"reason": "So."}),
        ("reinstate", {"reason": "So."}),
    ):
        problem(await judge.post(f"{path}/{verb}", body), 404, "bounties.enrollment_not_found")


async def test_entering_twice_under_one_key_is_entering_once(world: World) -> None:
    bounty = await make_bounty(world, enrollment_fee="1")
    person = await world.rich("somebody", "10")
    headers = {"Idempotency-Key": "enter-1"}
    first = await person.post(f"{bounty.path}/enrollments", YES, headers=headers)
    again = await person.post(f"{bounty.path}/enrollments", YES, headers=headers)
    assert (first.status_code, again.text) == (201, first.text)
    assert again.headers["location"] == first.headers["location"]
    assert (await balance(person))["available"] == "9"
