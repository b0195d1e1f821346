"""The limits and who may read what: rules without a database, then the limits through the API."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import inspect, text

from dml.bounties import rules
from dml.bounties.models import (
    Bounty,
    BountyState,
    Enrollment,
    EnrollmentState,
    Judging,
    Submission,
    SubmissionKind,
    SubmissionState,
    TestSet,
    TestSetState,
)
from dml.bounties.submissions import rules as submission_rules, service as submissions
from dml.bounties.submissions.rules import Used
from dml.core.blobs import Stored
from dml.core.context import Actor, Context, Role
from dml.core.errors import DmlError
from dml.core.ids import UserId, new_id
from tests.bounties import tables
from tests.bounties.entries import an_id, left_of, send, submit, unscored
from tests.world import World, problem

NOW = datetime(2026, 5, 1, 22, 30, tzinfo=UTC)
OWNER = UserId(UUID(int=1))


def bounty(**changes: Any) -> Bounty:
    """A bounty as far as these rules look at it."""
    fields: dict[str, Any] = {
        "state": BountyState.SUBMITTING,
        "judging": Judging.METRIC,
        "metric": "accuracy.v1",
        "owner_id": OWNER,
        "submissions_per_day": 5,
        "submissions_concurrent": 3,
        "submissions_total": 100,
        "submits_at": NOW - timedelta(days=1),
        "closes_at": NOW + timedelta(days=1),
        "paused_at": None,
        "funded_at": NOW,
    }
    return Bounty(**_all_of(Bounty, fields | changes))


def _all_of(row: type[Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Add what a row must have and these rules never read."""
    columns = inspect(row).column_attrs
    required = [it.key for it in columns if it.columns[0].default is None]
    return {name: None for name in required if name not in fields} | fields


def refused(code: str, act: Any, *args: Any, **kwargs: Any) -> DmlError:
    with pytest.raises(DmlError) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


@given(
    st.integers(1, 10),
    st.integers(1, 10),
    st.integers(1, 30),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(0, 35),
    st.integers(0, 201),
    st.booleans(),
)
def test_there_is_room_exactly_while_all_that_count_have_something_left(
    per_day: int, concurrent: int, total: int, day: int, now: int, all_: int, files: int, dry: bool
) -> None:
    it = bounty(
        submissions_per_day=per_day,
        submissions_concurrent=concurrent,
        submissions_total=total,
    )
    used = Used(day=day, total=max(all_, day), concurrent=now, files=files)
    told = submission_rules.limits(it, used, NOW)
    assert told.today.remaining == max(0, min(per_day - day, total - used.total))
    assert told.concurrent.remaining == max(0, concurrent - now)
    assert told.total.remaining == max(0, total - used.total)
    counts = dry or (day < per_day and used.total < total)
    room = counts and now < concurrent and files < submission_rules.FILES_A_DAY
    if room:
        submission_rules.require_room(it, used, NOW, dry_run=dry)
        return
    with pytest.raises(DmlError) as caught:
        submission_rules.require_room(it, used, NOW, dry_run=dry)
    assert caught.value.facts["limits"] == told


@pytest.mark.parametrize(
    ("used", "dry_run", "code", "seconds"),
    [
        (Used(5, 5, 0, 5), False, "submissions_of_day_used", 5_400),
        (Used(0, 100, 0, 0), False, "submissions_used_up", None),
        (Used(5, 100, 3, 5), False, "submissions_used_up", None),
        (Used(3, 3, 3, 3), False, "too_many_concurrent_submissions", 5),
        (Used(5, 100, 3, 5), True, "too_many_concurrent_submissions", 5),
        (Used(0, 0, 0, 200), True, "files_of_day_used", 5_400),
        (Used(0, 0, 0, 41, size=10 << 30), True, "files_of_day_used", 5_400),
    ],
)
def test_a_refusal_says_what_is_used_up_and_when_to_come_back(
    used: Used, dry_run: bool, code: str, seconds: int | None
) -> None:
    told = refused(
        f"bounties.{code}", submission_rules.require_room, bounty(), used, NOW, dry_run=dry_run
    )
    assert told.facts.get("retry_after_seconds") == seconds


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-05-01T00:00:00+00:00", "2026-05-01"),
        ("2026-05-01T23:59:59.999999+00:00", "2026-05-01"),
        ("2026-05-02T01:00:00+02:00", "2026-05-01"),
        ("2026-05-01T23:00:00-03:00", "2026-05-02"),
    ],
)
def test_a_day_is_one_of_utc(moment: str, day: str) -> None:
    began = submission_rules.day_of(datetime.fromisoformat(moment))
    assert began == datetime.fromisoformat(f"{day}T00:00:00+00:00")


def test_the_last_moment_of_a_day_says_to_come_back_after_a_second() -> None:
    late = datetime(2026, 5, 1, 23, 59, 59, 999_999, tzinfo=UTC)
    told = refused(
        "bounties.submissions_of_day_used",
        submission_rules.require_room,
        bounty(),
        Used(5, 5, 0, 5),
        late,
        dry_run=False,
    )
    assert told.facts["retry_after_seconds"] == 1


@pytest.mark.parametrize("state", BountyState)
def test_submissions_are_taken_in_one_state_alone(state: BountyState) -> None:
    it = bounty(state=state)
    after = (BountyState.EVALUATING, BountyState.DISPUTING, BountyState.FINISHED)
    if state is BountyState.SUBMITTING:
        submission_rules.require_takes_submissions(it, NOW)
        submission_rules.require_takes_submissions(it, it.closes_at - timedelta(microseconds=1))
    else:
        before = (BountyState.DRAFT, BountyState.FUNDED, BountyState.ENROLLING)
        code = "submissions_not_open" if state in before else "wrong_state"
        code = "closed_for_submissions" if state in after else code
        refused(f"bounties.{code}", submission_rules.require_takes_submissions, it, NOW)


@pytest.mark.parametrize("state", BountyState)
def test_a_score_changes_no_board_that_was_ranked(state: BountyState) -> None:
    counts = state in (BountyState.SUBMITTING, BountyState.EVALUATING)
    assert submission_rules.still_counts(bounty(state=state)) == counts


def test_at_the_deadline_is_late_though_the_state_has_not_moved() -> None:
    it = bounty()
    code = "bounties.closed_for_submissions"
    refused(code, submission_rules.require_takes_submissions, it, it.closes_at)


def test_a_paused_bounty_takes_nothing() -> None:
    it = bounty(paused_at=NOW)
    refused("bounties.paused", submission_rules.require_takes_submissions, it, NOW)


@pytest.mark.parametrize("state", EnrollmentState)
def test_only_who_still_takes_part_submits(state: EnrollmentState) -> None:
    it = Enrollment(**_all_of(Enrollment, {"state": state}))
    if state is EnrollmentState.ENROLLED:
        submission_rules.require_competing(it)
    else:
        refused("bounties.not_competing", submission_rules.require_competing, it)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/csv", SubmissionKind.CSV),
        ("Text/CSV; charset=utf-8", SubmissionKind.CSV),
        ("application/vnd.apache.parquet", SubmissionKind.PARQUET),
        ("application/onnx", SubmissionKind.ONNX),
        ("application/octet-stream", SubmissionKind.FILE),
        ("application/zip", None),
        ("application/json", None),
        ("text/csvx", None),
        ("", None),
        (";", None),
        ("text / csv", None),
    ],
)
def test_the_content_type_says_what_a_file_is(
    content_type: str, kind: SubmissionKind | None
) -> None:
    assert submission_rules.kind_of(content_type, *SubmissionKind) is kind
    manual, metric = bounty(judging=Judging.MANUAL, metric=None), bounty()
    taken = submission_rules.kinds_taken(manual)
    assert submission_rules.kind_of(content_type, *taken) is kind
    taken = submission_rules.kinds_taken(metric)
    alike = None if kind is SubmissionKind.FILE else kind
    assert submission_rules.kind_of(content_type, *taken) is alike


@pytest.mark.parametrize(("state", "judging"), [*product(BountyState, Judging)])
def test_the_owner_reads_files_only_once_nobody_can_gain_by_it(
    state: BountyState, judging: Judging
) -> None:
    it = bounty(state=state, judging=judging)
    readable = state in (BountyState.DISPUTING, BountyState.FINISHED) or (
        judging is Judging.MANUAL and state is BountyState.EVALUATING
    )
    if readable:
        submission_rules.require_readable(it)
    else:
        refused("bounties.files_sealed", submission_rules.require_readable, it)


@pytest.mark.parametrize(
    ("judging", "features", "taken"),
    [
        (Judging.METRIC, ["x"], True),
        (Judging.METRIC, [], False),
        (Judging.METRIC, None, False),
        (Judging.MANUAL, None, True),
    ],
)
def test_a_model_is_taken_where_it_can_be_run_or_looked_at(
    judging: Judging, features: list[str] | None, taken: bool
) -> None:
    test_set = TestSet(**_all_of(TestSet, {"features": features}))
    it = bounty(judging=judging)
    if taken:
        submission_rules.require_takes_models(it, test_set)
    else:
        code = "bounties.models_not_taken"
        refused(code, submission_rules.require_takes_models, it, test_set)
        refused(code, submission_rules.require_takes_models, it, None)


@pytest.mark.parametrize(("state", "to"), [*product(TestSetState, TestSetState)])
def test_a_test_set_moves_as_the_table_says(state: TestSetState, to: TestSetState) -> None:
    test_set = TestSet(**_all_of(TestSet, {"state": state}))
    if to in submission_rules.TEST_SET_MOVES[state]:
        move = submission_rules.move_test_set(test_set, to)
        assert (move.origin, move.to, test_set.state) == (state, to, to)
    else:
        told = refused("bounties.wrong_state", submission_rules.move_test_set, test_set, to)
        assert told.facts["state"] == state


@pytest.mark.parametrize("state", SubmissionState)
def test_whatever_is_under_way_has_an_end_in_sight(state: SubmissionState) -> None:
    it = Submission(**_all_of(Submission, {"state": state, "created_at": NOW}))
    ahead = dict(submission_rules.upcoming(it, NOW))
    assert submission_rules.is_under_way(it) == ("give_up" in ahead)
    ended = not rules.SUBMISSION_MOVES[state]
    assert ended == (ahead == {}) == (not submission_rules.is_under_way(it))


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        (Actor(OWNER), True),
        (Actor(UserId(new_id())), False),
        (Actor(UserId(new_id()), Role.MODERATOR), True),
        (Actor(UserId(new_id()), Role.ADMIN), True),
    ],
)
def test_the_owner_and_moderators_see_that_there_are_submissions(actor: Actor, sees: bool) -> None:
    assert submission_rules.manages_submissions(bounty(), actor, has_entered=False) == sees
    assert not submission_rules.manages_submissions(bounty(), actor, has_entered=True)
    if actor.user_id == OWNER:
        refused(
            "bounties.judged_by_hand",
            submission_rules.require_judged_by_metric,
            bounty(metric=None),
        )


@pytest.mark.parametrize("state", SubmissionState)
def test_only_a_scored_submission_can_be_the_final_one(state: SubmissionState) -> None:
    it = Submission(**_all_of(Submission, {"state": state}))
    if state is SubmissionState.SCORED:
        submission_rules.require_scored(it)
    else:
        refused("bounties.submission_not_scored", submission_rules.require_scored, it)


async def test_of_ten_at_once_three_are_taken(world: World) -> None:
    contest = await unscored(world)
    (ada,) = contest.entrants
    answers = await asyncio.gather(
        *(send(ada, contest.submissions, tables.predictions(0.5, seed=it)) for it in range(10))
    )
    assert sorted(it.status_code for it in answers) == [201] * 3 + [429] * 7
    refused = next(it for it in answers if it.status_code == 429)
    told = problem(refused, 429, "bounties.too_many_concurrent_submissions")
    assert refused.headers["retry-after"] == str(told["retry_after_seconds"])
    assert len((await ada.get(contest.submissions)).json()["items"]) == 3
    assert await left_of(contest, ada) == (2, 0, 97)


async def test_all_limits_hold_by_utc_days_and_in_all(world: World) -> None:
    limits = {"per_day": 2, "concurrent": 20, "total": 3}
    contest = await unscored(world, limits=limits)
    (ada,) = contest.entrants
    today = datetime.now(UTC).replace(hour=23, minute=59, second=59, microsecond=999_999)
    number = 0

    async def enter(now: datetime, *, dry_run: bool = False) -> str:
        nonlocal number
        number += 1
        try:
            async with world.parts.sessions.begin() as tx:
                ctx = Context(tx, Actor(ada.id), now)
                stored = Stored(f"{number:064x}", 1)
                file = submissions.Submitted(SubmissionKind.CSV, "a file", stored, dry_run=dry_run)
                await submissions.enter(ctx, contest.id, file)
        except DmlError as refusal:
            return refusal.code
        return "taken"

    assert [await enter(today) for _ in range(3)] == [
        "taken",
        "taken",
        "bounties.submissions_of_day_used",
    ]
    tomorrow = today + timedelta(microseconds=1)
    assert [await enter(tomorrow) for _ in range(2)] == [
        "taken",
        "bounties.submissions_used_up",
    ]
    assert await enter(tomorrow, dry_run=True) == "taken"
    assert await enter(tomorrow + timedelta(days=1)) == "bounties.submissions_used_up"
    answer = await send(ada, contest.submissions, b"one more")
    told = problem(answer, 409, "bounties.submissions_used_up")
    assert told["limits"]["total"] == {"limit": 3, "remaining": 0}


async def test_nothing_more_than_200_files_a_day_is_looked_at(world: World) -> None:
    contest = await unscored(world)
    (ada,) = contest.entrants
    path = await submit(contest, ada, b"a file", dry_run=True)
    await ada.post(f"{path}/cancel")
    async with world.parts.sessions.begin() as tx:
        copied = ", ".join(it.name for it in Submission.__table__.columns if it.name != "id")
        copy = text(
            f"INSERT INTO submissions (id, {copied}) SELECT gen_random_uuid(), {copied} "
            "FROM submissions, generate_series(1, 199) WHERE id = :id"
        )
        await tx.execute(copy, {"id": an_id(path)})
    for dry_run in (True, False):
        answer = await send(ada, contest.submissions, b"another", dry_run=dry_run)
        problem(answer, 429, "bounties.files_of_day_used")
