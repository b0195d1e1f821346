"""The law of bounties and entrants, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from dml.bounties import rules
from dml.bounties.attachments import rules as attachment_rules
from dml.bounties.editing import rules as edit_rules
from dml.bounties.enrollments import rules as enrollment_rules
from dml.bounties.models import (
    Bounty,
    BountyState,
    Enrollment,
    EnrollmentState,
    Judging,
    Ties,
)
from dml.core.context import NOBODY, Actor, Role
from dml.core.errors import DmlError
from dml.core.ids import BountyId, EnrollmentId, UserId, new_id
from dml.core.money import MAX, MicroTokens

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER, OTHER = UserId(new_id()), UserId(new_id())


def a_bounty(state: BountyState = BountyState.DRAFT, **changes: Any) -> Bounty:
    columns: dict[str, Any] = {
        "id": BountyId(new_id()),
        "owner_id": OWNER,
        "state": state,
        "name": "Who will cancel?",
        "organisation": "Example Telecom",
        "subtitle": "",
        "description": "As it says.",
        "data": "",
        "evaluation": "",
        "rules": "Be fair.",
        "tags": [],
        "judging": Judging.MANUAL,
        "metric": None,
        "ties": Ties.SHARE,
        "prizes": [MicroTokens(100), MicroTokens(50)],
        "prize_pool": MicroTokens(150),
        "enrollment_fee": MicroTokens(0),
        "team_size_max": 3,
        "submissions_per_day": 5,
        "submissions_concurrent": 3,
        "submissions_total": 100,
        "enrolls_at": NOW + timedelta(days=1),
        "submits_at": NOW + timedelta(days=2),
        "closes_at": NOW + timedelta(days=3),
        "judged_by": NOW + timedelta(days=4),
        "dispute_seconds": 60,
        "created_at": NOW,
        "funded_at": None if state is BountyState.DRAFT else NOW,
    }
    return Bounty(**(columns | changes))


def an_enrollment(state: EnrollmentState = EnrollmentState.ENROLLED) -> Enrollment:
    return Enrollment(
        id=EnrollmentId(new_id()),
        bounty_id=BountyId(new_id()),
        captain_id=OTHER,
        number=1,
        name="Entrant 1",
        state=state,
        fee=MicroTokens(0),
        rules_sha256="",
        created_at=NOW,
    )


@pytest.mark.parametrize("origin", BountyState)
@pytest.mark.parametrize("to", BountyState)
def test_a_bounty_moves_as_the_table_says_and_no_other_way(
    origin: BountyState, to: BountyState
) -> None:
    bounty = a_bounty(origin)
    if to in rules.BOUNTY_MOVES[origin]:
        assert rules.move_bounty(bounty, to).origin is origin
        assert (bounty.state, bounty.revision) == (to, 2)
    else:
        with pytest.raises(rules.WrongState) as refused:
            rules.move_bounty(bounty, to)
        assert refused.value.facts["allowed"] == sorted(rules.BOUNTY_MOVES[origin])
        assert bounty.state is origin


@pytest.mark.parametrize("origin", EnrollmentState)
@pytest.mark.parametrize("to", EnrollmentState)
def test_an_entrant_moves_as_the_table_says_and_no_other_way(
    origin: EnrollmentState, to: EnrollmentState
) -> None:
    enrollment = an_enrollment(origin)
    if to in enrollment_rules.ENROLLMENT_MOVES[origin]:
        enrollment_rules.move_enrollment(enrollment, to)
        assert enrollment.state is to
    else:
        with pytest.raises(rules.WrongState):
            enrollment_rules.move_enrollment(enrollment, to)


def test_every_state_that_is_not_the_end_has_a_date_at_which_it_ends() -> None:
    for state in BountyState:
        bounty = a_bounty(state, disputes_until=NOW)
        assert (rules.due(bounty) is None) == (state in rules.ENDED), state
        if state in rules.PAUSABLE:
            bounty.paused_at = NOW
            assert rules.due(bounty) == ("resume", NOW + rules.PAUSE_MAX)


def test_only_its_owner_and_moderators_know_of_a_draft() -> None:
    moderator = Actor(OTHER, Role.MODERATOR)
    for bounty in (a_bounty(), a_bounty(BountyState.CANCELLED, funded_at=None)):
        assert [rules.sees(bounty, it) for it in (Actor(OWNER), moderator)] == [True, True]
        assert [rules.sees(bounty, it) for it in (Actor(OTHER), NOBODY)] == [False, False]
    assert rules.sees(a_bounty(BountyState.CANCELLED), NOBODY)


def dates(**days: int) -> dict[str, datetime]:
    chosen = {"enrolls_at": 1, "submits_at": 2, "closes_at": 3, "judged_by": 4} | days
    return {name: NOW + timedelta(days=it) for name, it in chosen.items()}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"enrolls_at": 0}, ["/enrolls_at"]),
        ({"enrolls_at": -1}, ["/enrolls_at"]),
        ({"enrolls_at": 2}, ["/submits_at"]),
        ({"submits_at": 3}, ["/closes_at"]),
        ({"closes_at": 5}, ["/judged_by"]),
        ({"judged_by": 731}, ["/judged_by"]),
        ({"enrolls_at": 9}, ["/submits_at"]),
        ({"closes_at": -5}, ["/closes_at", "/closes_at"]),
    ],
)
def test_a_date_that_is_out_of_order_is_named(wrong: dict[str, int], named: list[str]) -> None:
    with pytest.raises(rules.DatesOutOfOrder) as refused:
        rules.require_dates(NOW, dates(**wrong))
    errors: Any = refused.value.facts["errors"]
    assert [it["pointer"] for it in errors] == named


def test_dates_that_are_kept_may_have_passed() -> None:
    rules.require_dates(NOW, dates(enrolls_at=-1), ["closes_at"])
    rules.require_dates(NOW, dates(judged_by=730))


def test_prizes_sum_to_the_pool_and_to_the_total_if_there_is_one() -> None:
    prizes = [MicroTokens(1), MicroTokens(2)]
    assert rules.pool_of(prizes) == rules.pool_of(prizes, MicroTokens(3)) == 3
    with pytest.raises(rules.PrizesDoNotSum) as refused:
        rules.pool_of(prizes, MicroTokens(4))
    assert refused.value.facts == {"sum": "0.000003"}


@pytest.mark.parametrize("state", BountyState)
def test_what_may_be_edited_follows_the_state(state: BountyState) -> None:
    bounty = a_bounty(state)
    later = {"closes_at": bounty.closes_at + timedelta(hours=1)}
    kinds: dict[str, dict[str, Any]] = {
        "text": {"description": "x"},
        "rules": {"rules": "x"},
        "later": later,
        "prizes": {"prizes": [1]},
        "sooner": {"closes_at": NOW + timedelta(days=2)},
        "dispute": {"dispute_seconds": 59},
    }

    def may(kind: str) -> bool:
        try:
            edit_rules.require_editable(bounty, kinds[kind], NOW)
        except DmlError:
            return False
        return True

    allowed = {it for it in kinds if may(it)}
    open_ = (BountyState.ENROLLING, BountyState.SUBMITTING)
    if state is BountyState.DRAFT:
        assert allowed == kinds.keys()
    elif state is BountyState.FUNDED:
        assert allowed == kinds.keys() - {"prizes"}
    elif state in open_:
        assert allowed == {"text", "later"}
    else:
        assert allowed == (set() if state in rules.ENDED else {"text"})


def test_nobody_puts_a_bounty_off_for_ever() -> None:
    bounty = a_bounty(BountyState.SUBMITTING)
    end = NOW + rules.LIFE_MAX
    edit_rules.require_within_life(bounty, end)
    with pytest.raises(rules.DatesOutOfOrder):
        edit_rules.require_within_life(bounty, end + rules.TICK)
    edit_rules.require_within_life(a_bounty(), end + rules.TICK)  # A draft holds no money.
    bounty.judged_by = end - rules.PAUSE_MAX
    rules.require_pausable(bounty)
    bounty.judged_by += rules.TICK
    with pytest.raises(rules.PausedEnough):
        rules.require_pausable(bounty)


def test_submissions_that_have_ended_are_not_prolonged_though_the_alarm_is_late() -> None:
    bounty = a_bounty(BountyState.SUBMITTING)
    later = {"closes_at": bounty.closes_at + timedelta(days=9)}
    with pytest.raises(edit_rules.OnlyMoreTime):
        edit_rules.require_editable(bounty, later, bounty.closes_at)


def test_a_date_is_brought_forward_and_stays_after_the_one_before() -> None:
    date = NOW + timedelta(days=1)
    assert rules.brought_forward(date, None, NOW) == NOW
    assert rules.brought_forward(date, NOW, NOW) == NOW + rules.TICK
    assert rules.brought_forward(NOW, None, date) == NOW  # A late alarm does not put it off.


@given(st.integers(0, 5 * 86_400), st.integers(0, 90 * 86_400))
def test_a_pause_shifts_what_was_ahead_and_keeps_the_order(begun: int, took: int) -> None:
    bounty = a_bounty(BountyState.SUBMITTING, paused_at=NOW + timedelta(seconds=begun))
    shifted = rules.put_off(bounty, NOW + timedelta(seconds=begun + took))
    after = {it: shifted.get(it, getattr(bounty, it)) for it in rules.DATES}
    assert list(after.values()) == sorted(after.values())
    for name in rules.DATES:
        ahead = getattr(bounty, name) > bounty.paused_at
        late = timedelta(seconds=took if ahead else 0)
        assert after[name] == getattr(bounty, name) + late


SHARES = st.lists(st.integers(0, 10_000), min_size=0, max_size=4).filter(
    lambda it: sum(it) <= 10_000
)


@given(st.integers(0, MAX), SHARES)
def test_sharing_a_prize_never_makes_or_loses_a_micro_token(prize: int, shares: list[int]) -> None:
    captain = UserId(new_id())
    members = [(UserId(new_id()), share) for share in shares]
    left = 10_000 - sum(shares)
    amounts = enrollment_rules.shares_of(MicroTokens(prize), captain, [(captain, left), *members])
    assert sum(amounts.values()) == prize
    assert all(amount > 0 for amount in amounts.values())
    for user_id, share in members:
        assert amounts.get(user_id, 0) == prize * share // 10_000
    # Who left leaves the share to the captain, whatever the captain's row says.
    alone = enrollment_rules.shares_of(MicroTokens(prize), captain, [(captain, left)])
    assert alone == ({captain: prize} if prize else {})


def test_a_team_is_at_most_as_large_as_the_bounty_allows_and_names_each_once() -> None:
    bounty = a_bounty()
    people = [UserId(new_id()) for _ in range(4)]
    assert enrollment_rules.require_team(bounty, OTHER, []) == 10_000
    assert (
        enrollment_rules.require_team(bounty, OTHER, [(people[0], 2_500), (people[1], 0)]) == 7_500
    )
    assert enrollment_rules.require_team(bounty, OTHER, [(people[0], 10_000)]) == 0
    for wrong, refusal in (
        ([(it, 1) for it in people], enrollment_rules.TeamTooLarge),
        ([(people[0], 1), (people[0], 1)], enrollment_rules.TeamOutOfOrder),
        ([(OTHER, 1)], enrollment_rules.TeamOutOfOrder),
        ([(people[0], 6_000), (people[1], 6_000)], enrollment_rules.TeamOutOfOrder),
    ):
        with pytest.raises(refusal):
            enrollment_rules.require_team(bounty, OTHER, wrong)
    for entrants in ((OWNER,), (OTHER, OWNER)):
        with pytest.raises(enrollment_rules.OwnerCannotEnter):
            enrollment_rules.require_not_owner({OWNER}, *entrants)


def test_enrollment_is_open_between_its_dates_whatever_the_alarm_does() -> None:
    bounty = a_bounty(BountyState.ENROLLING)
    enrollment_rules.require_open(bounty, NOW)
    with pytest.raises(enrollment_rules.EnrollmentNotOpen):
        enrollment_rules.require_open(bounty, bounty.submits_at)  # At the deadline is late.
    bounty.paused_at = NOW
    with pytest.raises(rules.Paused):
        enrollment_rules.require_open(bounty, NOW)
    for state in set(BountyState) - {BountyState.ENROLLING}:
        with pytest.raises(enrollment_rules.EnrollmentNotOpen):
            enrollment_rules.require_open(a_bounty(state), NOW)


def test_while_it_is_paused_an_entry_can_be_taken_back() -> None:
    bounty = a_bounty(BountyState.ENROLLING)
    with pytest.raises(enrollment_rules.SubmissionsBegan):
        enrollment_rules.require_before_submissions(bounty, bounty.submits_at)
    bounty.paused_at = NOW
    enrollment_rules.require_before_submissions(bounty, bounty.submits_at)


def test_a_numbered_name_is_nobodys_choice() -> None:
    assert enrollment_rules.require_name(None, 7, taken=False) == "Entrant 7"
    assert enrollment_rules.require_name("Seven", 7, taken=False) == "Seven"
    for name in ("Entrant 8", "entrant  8", "ENTRANT8", "\uff25ntrant 8"):
        with pytest.raises(enrollment_rules.NameTaken):
            enrollment_rules.require_name(name, 7, taken=False)
    with pytest.raises(enrollment_rules.NameTaken):
        enrollment_rules.require_name("Seven", 7, taken=True)


def test_who_accepts_the_rules_says_which() -> None:
    bounty = a_bounty()
    digest = rules.rules_sha256(bounty.rules)
    assert enrollment_rules.require_accepted(bounty, accept_rules=True, rules_sha256=None) == digest
    assert (
        enrollment_rules.require_accepted(bounty, accept_rules=True, rules_sha256=digest) == digest
    )
    with pytest.raises(enrollment_rules.RulesNotAccepted):
        enrollment_rules.require_accepted(bounty, accept_rules=False, rules_sha256=digest)
    with pytest.raises(enrollment_rules.RulesChanged):
        enrollment_rules.require_accepted(bounty, accept_rules=True, rules_sha256="0" * 64)


def test_an_image_is_known_by_its_first_bytes() -> None:
    heads = {
        "image/png": b"\x89PNG\r\n\x1a\n....",
        "image/jpeg": b"\xff\xd8\xff\xe0........",
        "image/gif": b"GIF89a......",
        "image/webp": b"RIFF\n\n\n\nWEBP",
    }
    for media_type, head in heads.items():
        assert attachment_rules.require_image(head) == media_type
    for wrong in (b"<svg xmlns=''", b"<html>......", b"", b"RIFF....WAVE", b"GIF"):
        with pytest.raises(attachment_rules.NotAnImage):
            attachment_rules.require_image(wrong)


@pytest.mark.parametrize("name", ["a/b", "..", ".bash", "a\\b", "a\nb", "a\x00b", "\u202eexe.png"])
def test_a_name_that_is_a_path_or_hides_something_is_refused(name: str) -> None:
    with pytest.raises(attachment_rules.BadFileName):
        attachment_rules.require_file_name(name)
