"""What may happen to a bounty, and who may do it. Pure: no session."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, TypeAlias

from dml.bounties.models import Bounty, BountyState, Judging, Submission, SubmissionState
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn
from dml.core.money import MAX, AmountText, MicroTokens, render
from dml.core.states import Move, Moves

AHEAD_MAX: Final = timedelta(days=2 * 365)  # How far ahead its dates may lie.
LIFE_MAX: Final = timedelta(days=3 * 365)  # From its funding until it must be judged.
JUDGED_WITHIN: Final = {Judging.METRIC: timedelta(days=2), Judging.MANUAL: timedelta(days=14)}
SECOND_CHANCE: Final = {Judging.METRIC: timedelta(days=1), Judging.MANUAL: timedelta(days=7)}
DISPUTE_SECONDS: Final = 7 * 86_400
DISPUTE_SECONDS_MAX: Final = 60 * 86_400
PAUSE_MAX: Final = timedelta(days=90)
PRIZES_MAX: Final = 100
DRAFTS_MAX: Final = 50  # Of one owner.
TICK: Final = timedelta(microseconds=1)
DATES: Final = ("enrolls_at", "submits_at", "closes_at", "judged_by")

BOUNTY_MOVES: Final = Moves(
    {
        BountyState.DRAFT: {BountyState.FUNDED, BountyState.CANCELLED},
        BountyState.FUNDED: {BountyState.ENROLLING, BountyState.CANCELLED},
        BountyState.ENROLLING: {BountyState.SUBMITTING, BountyState.CANCELLED},
        BountyState.SUBMITTING: {BountyState.EVALUATING, BountyState.CANCELLED},
        BountyState.EVALUATING: {BountyState.DISPUTING, BountyState.CANCELLED},
        BountyState.DISPUTING: {BountyState.FINISHED},
        BountyState.FINISHED: (),
        BountyState.CANCELLED: (),
    },
    lambda state, _, allowed: WrongState(state=state, allowed=allowed),
)
SUBMISSION_MOVES: Final = Moves(
    {
        SubmissionState.VALIDATING: {
            SubmissionState.QUEUED,
            SubmissionState.VALID,
            SubmissionState.FAILED,
            SubmissionState.CANCELLED,
        },
        SubmissionState.QUEUED: {
            SubmissionState.EVALUATING,
            SubmissionState.FAILED,
            SubmissionState.CANCELLED,
        },
        SubmissionState.EVALUATING: {
            SubmissionState.QUEUED,  # The platform failed: it is tried elsewhere.
            SubmissionState.SCORED,
            SubmissionState.FAILED,
            SubmissionState.CANCELLED,
        },
        SubmissionState.VALID: (),
        SubmissionState.SCORED: (),
        SubmissionState.FAILED: (),
        SubmissionState.CANCELLED: (),
    },
    lambda state, _, allowed: WrongState(state=state, allowed=allowed),
)
ENDED: Final = BOUNTY_MOVES.ended
PAUSABLE: Final = (BountyState.FUNDED, BountyState.ENROLLING, BountyState.SUBMITTING)
BEFORE_OPENING: Final = (BountyState.DRAFT, BountyState.FUNDED)


class BountyNotFound(NotFound):
    code = "bounties.not_found"
    reason = "There is no such bounty."
    remedy = "Look it up in the list of bounties."


class FileForgotten(NotFound):
    code = "bounties.file_forgotten"
    reason = "The file is gone: what came to nothing is kept for a while only."
    remedy = "Send it again, where it is still needed."


class WrongState(Conflict):
    code = "bounties.wrong_state"
    reason = "It is not in a state that allows this."
    remedy = "Look at `state`; from there it can only move to one of `allowed`."
    state: str
    allowed: Sequence[str]


class NotOwner(Forbidden):
    code = "bounties.not_owner"
    reason = "Only the owner of a bounty may do this."
    remedy = "Sign in as its owner, or make a bounty of your own."


class Paused(Conflict):
    code = "bounties.paused"
    reason = "The bounty is paused."
    remedy = "Wait until it goes on: all dates that are still ahead move with it."
    paused_at: datetime


class NotPaused(Conflict):
    code = "bounties.not_paused"
    reason = "The bounty is not paused."
    remedy = "Nothing is to be done: its dates are as they are."


class PausedEnough(Conflict):
    code = "bounties.paused_enough"
    reason = "With another pause the bounty could hold other people's money for too long."
    remedy = "Let it go on, or cancel it."


class PrizesDoNotSum(Invalid):
    code = "bounties.prizes_do_not_sum"
    pointer = "/prize_total"
    reason = "The prizes do not sum to the total that was sent with them."
    remedy = "Correct the prizes or `prize_total`: they sum to `sum`."
    sum: AmountText


class DatesOutOfOrder(Invalid):
    code = "bounties.dates_out_of_order"
    reason = "The dates are not in order, not ahead, or too far ahead."
    remedy = "Choose enrolls_at < submits_at < closes_at < judged_by; `errors` names what is wrong."


class MetricMissing(Invalid):
    code = "bounties.metric_missing"
    pointer = "/metric"
    reason = "A bounty that is judged by a metric names it, and one judged by hand names none."
    remedy = "Send `metric` with `judging: metric`, and leave it out with `judging: manual`."


class TooManyDrafts(Conflict):
    code = "bounties.too_many_drafts"
    reason = "You have as many drafts of bounties as one may have."
    remedy = "Fund or cancel one of them first."
    most: int


class TestSetNotChecked(Conflict):
    __test__ = False  # pytest: this is no test.
    code = "bounties.test_set_not_checked"
    reason = "A bounty that is judged by a metric is funded once its test set passed the check."
    remedy = "Upload a test set, and wait until its `state` is `checked`."


class TooLateToFund(Conflict):
    code = "bounties.too_late_to_fund"
    reason = "The date at which submissions begin has passed."
    remedy = "Choose later dates first."
    submits_at: datetime


def move_bounty(bounty: Bounty, to: BountyState) -> Move:
    move = BOUNTY_MOVES.move(bounty, to)
    bounty.revision += 1
    return move


def move_submission(submission: Submission, to: SubmissionState) -> Move:
    return SUBMISSION_MOVES.move(submission, to)


def require_state(bounty: Bounty, *states: BountyState) -> None:
    """Refuse in any other state than these."""
    if bounty.state not in states:
        raise BOUNTY_MOVES.refusal(bounty.state)


def require_not_ended(bounty: Bounty) -> None:
    require_state(bounty, *(set(BountyState) - ENDED))


def require_running(bounty: Bounty) -> None:
    if bounty.paused_at is not None:
        raise Paused(paused_at=bounty.paused_at)


def require_paused(bounty: Bounty) -> datetime:
    if bounty.paused_at is None:
        raise NotPaused
    return bounty.paused_at


def require_files_kept(bounty: Bounty, refused_since: datetime) -> None:
    """Refuse the files of a draft that was cancelled before that moment."""
    if is_given_up_draft(bounty) and bounty.ended_at and bounty.ended_at <= refused_since:
        raise FileForgotten


def is_given_up_draft(bounty: Bounty) -> bool:
    """Whether it was cancelled as a draft, before anybody else could see it."""
    return bounty.state is BountyState.CANCELLED and bounty.funded_at is None


def require_signed_in(actor: Actor) -> None:
    if actor.user_id is None:
        raise NotSignedIn


def require_owner(bounty: Bounty, actor: Actor) -> None:
    if actor.user_id != bounty.owner_id:
        raise NotOwner


def require_manages(bounty: Bounty, actor: Actor) -> None:
    """Refuse anybody but its owner and moderators."""
    if not manages(bounty, actor):
        raise NotOwner


def require_few_drafts(drafts: int) -> None:
    if drafts >= DRAFTS_MAX:
        raise TooManyDrafts(most=DRAFTS_MAX)


def manages(bounty: Bounty, actor: Actor) -> bool:
    """Whether the actor sees it in every state: its owner, and moderators."""
    return actor.is_moderator or actor.user_id == bounty.owner_id


def sees(bounty: Bounty, actor: Actor) -> bool:
    """Whether the actor may see it. A draft is seen by its owner and moderators only.

    That remains so if it is cancelled as a draft: it was never funded, and so never public.
    """
    return is_public(bounty) or manages(bounty, actor)


def is_public(bounty: Bounty) -> bool:
    return bounty.state is not BountyState.DRAFT and bounty.funded_at is not None


def has_opened(bounty: Bounty) -> bool:
    """Whether enrollment has ever been open: from then on the commitment is public."""
    if bounty.ended_at is not None:  # One may have been cancelled before it opened.
        return bounty.enrolls_at <= bounty.ended_at
    return bounty.state not in BEFORE_OPENING


def rules_sha256(text: str) -> str:
    """The digest of a bounty's rules, by which an entrant accepts them."""
    return hashlib.sha256(text.encode()).hexdigest()


def pool_of(prizes: Sequence[MicroTokens], total: MicroTokens | None = None) -> MicroTokens:
    """Return the sum of the prizes; refuse if it is not the total that was sent."""
    pool = sum(prizes)
    assert 0 < pool <= MAX
    if total is not None and total != pool:
        raise PrizesDoNotSum(sum=render(MicroTokens(pool)))
    return MicroTokens(pool)


def require_metric(judging: Judging, metric: str | None) -> None:
    if (judging is Judging.METRIC) != (metric is not None):
        raise MetricMissing


def require_dates(
    now: datetime, dates: Mapping[str, datetime], changed: Iterable[str] = DATES
) -> None:
    """Refuse dates out of order, and changed ones that are past or too far ahead."""
    far = [it for it in changed if not now < dates[it] <= now + AHEAD_MAX]
    swapped = [(it, later) for it, later in pairwise(DATES) if dates[it] >= dates[later]]
    errors = [
        *((it, "must lie ahead, and at most two years from now") for it in far),
        *((later, f"must be after {earlier}") for earlier, later in swapped),
    ]
    if errors:
        raise DatesOutOfOrder(errors=[{"pointer": f"/{it}", "detail": why} for it, why in errors])


def require_pausable(bounty: Bounty) -> None:
    """Refuse a pause where none is possible, or after which it could not be judged in time."""
    require_state(bounty, *PAUSABLE)
    require_running(bounty)
    assert bounty.funded_at is not None
    if bounty.judged_by + PAUSE_MAX > bounty.funded_at + LIFE_MAX:
        raise PausedEnough


def require_fundable(bounty: Bounty, now: datetime, *, test_set_is_checked: bool) -> None:
    if bounty.judging is Judging.METRIC and not test_set_is_checked:
        raise TestSetNotChecked
    if now >= bounty.submits_at:
        raise TooLateToFund(submits_at=bounty.submits_at)


def brought_forward(date: datetime, before: datetime | None, now: datetime) -> datetime:
    """Return the new date of something that begins now: never later than planned.

    Always after the date before it, since two machines' clocks may differ.
    """
    return min(date, now if before is None else max(now, before + TICK))


def put_off(bounty: Bounty, now: datetime) -> dict[str, datetime]:
    """The dates that were still ahead when the bounty was paused, later by the pause."""
    paused_at = require_paused(bounty)
    ahead = {it: getattr(bounty, it) for it in DATES if getattr(bounty, it) > paused_at}
    return {it: date + max(now - paused_at, timedelta(0)) for it, date in ahead.items()}


def second_judged_by(bounty: Bounty, now: datetime) -> datetime:
    """Return the deadline of the second chance, counted from now if we noticed late."""
    return max(bounty.judged_by, now) + SECOND_CHANCE[bounty.judging]


def disputes_until(bounty: Bounty, now: datetime) -> datetime:
    return now + timedelta(seconds=bounty.dispute_seconds)


Upcoming: TypeAlias = list[tuple[str, datetime | None]]


def upcoming(bounty: Bounty) -> Upcoming:
    """Return the coming actions, the next first, each with its time if it happens automatically."""
    if bounty.paused_at is not None:
        return [("resume", bounty.paused_at + PAUSE_MAX)]
    match bounty.state:
        case BountyState.DRAFT:
            return [("fund", None), ("cancel", bounty.submits_at)]
        case BountyState.FUNDED:
            return [("open", bounty.enrolls_at)]
        case BountyState.ENROLLING:
            return [("start", bounty.submits_at)]
        case BountyState.SUBMITTING:
            return [("close", bounty.closes_at)]
        case BountyState.EVALUATING:
            verb = "rank" if bounty.judging is Judging.METRIC else "reward"
            late = "cancel" if bounty.second_chance else "try_again"
            return [(verb, None), (late, bounty.judged_by)]
        case BountyState.DISPUTING:
            return [("finish", bounty.disputes_until)]
        case _:
            return []


def due(bounty: Bounty) -> tuple[str, datetime] | None:
    """Return the next automatic action and its time."""
    return next(((verb, at) for verb, at in upcoming(bounty) if at is not None), None)
