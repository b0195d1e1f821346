"""How places become prizes, and what judges, owners and entrants may do about them. Pure."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeVar
from uuid import UUID

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
    Ties,
)
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, Invalid, NotFound
from dml.core.ids import EnrollmentId, UserId
from dml.core.money import MicroTokens

ORDER_CHANGES_MAX: Final = 3
DISPUTES_MAX: Final = 5  # Of one entrant, by all its members together.
AFTER_A_CHANGE: Final = timedelta(days=2)  # How long a changed order stands open, at least.
ORDERING: Final = ("rewarded", "reordered")  # The decisions that name an order of winners.
RANKED: Final = (BountyState.DISPUTING, BountyState.FINISHED)
STANDING: Final = (
    EnrollmentState.ENROLLED,
    EnrollmentState.WINNER,
    EnrollmentState.NOT_PLACED,
)  # Those who are on the board.

Entrant = TypeVar("Entrant")  # By whatever it is identified: its id, or that as text.


class NotByHand(Conflict):
    code = "bounties.not_judged_by_hand"
    reason = "The winners of this bounty are found by its metric."
    remedy = "Wait for the ranking; while it can be disputed, its order can be changed."
    judging: Judging


class MoreWinnersThanPrizes(Invalid):
    code = "bounties.more_winners_than_prizes"
    reason = "There are more winners than prizes."
    remedy = "Name at most `prizes` winners, the first place first."
    winners: int
    prizes: int


class NamedTwice(Invalid):
    code = "bounties.named_twice"
    reason = "The same entrant is named twice."
    remedy = "Name each entrant once."


class NoCandidate(Invalid):
    code = "bounties.no_candidate"
    reason = "This is no entrant of this bounty who can win."
    remedy = "Name entrants of its leaderboard by `enrollment_id`: enrolled, with an entry."
    enrollment_id: str


class OrderIsFinal(Conflict):
    code = "bounties.order_is_final"
    reason = "The order was changed as often as it may be."
    remedy = "Ask a moderator: an entrant can still be disqualified with a reason."
    order_changes: int


class WindowClosed(Conflict):
    code = "bounties.dispute_window_closed"
    reason = "The time for disputes is over."
    remedy = "Look at `disputes_until`; what was decided by then holds."
    disputes_until: datetime | None


class NotAnEntrant(Forbidden):
    code = "bounties.not_an_entrant"
    reason = "Only those who took part may dispute the result."
    remedy = "Sign in as a member of one of its entrants."


class DisputesUsedUp(Conflict):
    code = "bounties.disputes_used_up"
    reason = "This entrant has disputed as often as it may."
    remedy = "Let the owner answer what was said; all of it is public."
    disputes: int


class NotRankedYet(Conflict):
    code = "bounties.not_ranked_yet"
    reason = "There is no final ranking yet."
    remedy = "Ask again once the bounty is `disputing`."
    state: BountyState


class NoEvidence(NotFound):
    code = "bounties.no_evidence"
    reason = "There is no such evidence."
    remedy = "Take the hashes from the bounty's `evidence`; one judged by hand has none."


class NotAModel(Invalid):
    code = "bounties.not_a_model"
    reason = "Only a submitted model can become an algorithm."
    remedy = "Choose a submission of the kind `onnx` that was scored."
    kind: SubmissionKind
    state: SubmissionState


class NotItsAuthor(Forbidden):
    code = "bounties.not_its_author"
    reason = "Only the author of a submission may publish it."
    remedy = "Sign in as its submitter, or as the captain of the team."


@dataclass(frozen=True, slots=True)
class Band:
    """Where an entrant came in: a place, and the first and last place of those tied with it."""

    place: int
    tied_from: int
    tied_to: int


def share_prizes(
    prizes: Sequence[MicroTokens], bands: Sequence[Band], ties: Ties
) -> list[MicroTokens]:
    """Return the prize of each place, in their order: 0 beyond the last prize.

    `bands` are the places 1, 2, 3 … as ranked. With `Ties.SHARE` what the places of a band would
    get is pooled and divided, rounded down; the remainder goes to the first of the band.
    """
    assert [it.place for it in bands] == list(range(1, len(bands) + 1))
    ordered = [_prize(prizes, it.place) for it in bands]
    if ties is Ties.ORDER:
        return ordered
    shared: list[MicroTokens] = []
    for _, band in groupby(bands, key=lambda it: (it.tied_from, it.tied_to)):
        size = len(list(band))
        start = len(shared)
        pool = sum(ordered[start : start + size])
        share, left = divmod(pool, size)
        shared += [MicroTokens(share + left), *[MicroTokens(share)] * (size - 1)]
    return shared


def close_ranks(bands: Sequence[Band]) -> list[Band]:
    """Return the bands of the remaining entrants, by place, without those who are out."""
    closed: list[Band] = []
    for _, band in groupby(bands, key=lambda it: (it.tied_from, it.tied_to)):
        first, size = len(closed) + 1, len(list(band))
        closed += [Band(first + it, first, first + size - 1) for it in range(size)]
    return closed


def by_order(count: int) -> list[Band]:
    """Return so many places, none of them tied."""
    return [Band(place, place, place) for place in range(1, count + 1)]


def order_now(
    ranked: Sequence[tuple[Entrant, Band]],
    orders: Sequence[Sequence[Entrant]],
    out: Container[Entrant],
    *,
    by_hand: bool,
) -> list[tuple[Entrant, Band]]:
    """Return the entrants by place: as ranked, then as ordered since (oldest order first).

    Entrants who are `out` keep their position, and have it again once they are reinstated. If the
    owner judges, only entrants whom the last order names have a place.
    """
    if not orders:
        left = [(entrant, band) for entrant, band in ranked if entrant not in out]
        bands = close_ranks([band for _, band in left])
        return [(entrant, band) for (entrant, _), band in zip(left, bands, strict=True)]
    order = [entrant for entrant, _ in ranked]
    for named in orders:
        order = [*named, *(() if by_hand else (it for it in order if it not in named))]
    kept = [it for it in order if it not in out]
    return list(zip(kept, by_order(len(kept)), strict=True))


def _prize(prizes: Sequence[MicroTokens], place: int) -> MicroTokens:
    return prizes[place - 1] if place <= len(prizes) else MicroTokens(0)


def entrant_of(entry: Mapping[str, Any]) -> EnrollmentId:
    """Return the entrant of an entry of the ranking."""
    return EnrollmentId(UUID(entry["enrollment_id"]))


def is_ranked(bounty: Bounty) -> bool:
    """Whether its winners are known to everybody."""
    return bounty.state in RANKED


def require_judge(bounty: Bounty, actor: Actor) -> None:
    """Refuse who may not judge it: the owner may, and moderators once the owner is late."""
    if not (bounty.second_chance and actor.is_moderator):
        rules.require_owner(bounty, actor)


def require_by_hand(bounty: Bounty) -> None:
    if bounty.judging is not Judging.MANUAL:
        raise NotByHand(judging=bounty.judging)


def require_ranked(bounty: Bounty) -> None:
    if not is_ranked(bounty):
        raise NotRankedYet(state=bounty.state)


def require_named(
    bounty: Bounty, named: Sequence[EnrollmentId], found: Mapping[EnrollmentId, Enrollment]
) -> list[Enrollment]:
    """Return the named entrants, or refuse: each once, of this bounty, with a submission."""
    if len(named) != len(set(named)):
        raise NamedTwice
    for it in named:
        if it not in found or not is_candidate(bounty, found[it]):
            raise NoCandidate(enrollment_id=str(it))
    return [found[it] for it in named]


def require_prizes_for(bounty: Bounty, winners: int) -> None:
    if winners > len(bounty.prizes):
        raise MoreWinnersThanPrizes(winners=winners, prizes=len(bounty.prizes))


def is_candidate(bounty: Bounty, enrollment: Enrollment) -> bool:
    """Whether this entrant may be given a place of this bounty."""
    return enrollment.bounty_id == bounty.id and enrollment.competes and enrollment.submissions > 0


def require_open_window(bounty: Bounty, now: datetime) -> None:
    """Refuse what comes after the window's end, even if its alarm is late."""
    if bounty.disputes_until is None or now >= bounty.disputes_until:
        raise WindowClosed(disputes_until=bounty.disputes_until)


def require_order_change_left(bounty: Bounty) -> None:
    if bounty.order_changes >= ORDER_CHANGES_MAX:
        raise OrderIsFinal(order_changes=bounty.order_changes)


def require_entrant(entrant: Enrollment | None) -> Enrollment:
    if entrant is None:
        raise NotAnEntrant
    return entrant


def require_dispute_left(made: int) -> None:
    if made >= DISPUTES_MAX:
        raise DisputesUsedUp(disputes=made)


def window_after_change(bounty: Bounty, now: datetime) -> datetime:
    """Return the window's end after a change of the order now: never earlier than before."""
    assert bounty.disputes_until is not None
    open_for = min(timedelta(seconds=bounty.dispute_seconds), AFTER_A_CHANGE)
    return max(bounty.disputes_until, now + open_for)


def require_author(submission: Submission, captain_id: UserId, user_id: UserId) -> None:
    if user_id not in (submission.submitter_id, captain_id):
        raise NotItsAuthor


def require_model(submission: Submission) -> None:
    if submission.kind is not SubmissionKind.ONNX or submission.state is not SubmissionState.SCORED:
        raise NotAModel(kind=submission.kind, state=submission.state)
