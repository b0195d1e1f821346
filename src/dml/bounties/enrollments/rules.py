"""The rules for entrants of a bounty, and how a team shares its prize. Pure."""

import re
import unicodedata
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Final

from dml.accounts.rules import is_impartial
from dml.bounties import rules
from dml.bounties.models import Bounty, BountyState, Enrollment, EnrollmentState, Member
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, Invalid, NotFound
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.core.states import Move, Moves

BPS: Final = 10_000
TIMES_MAX: Final = 5  # How often one may enter the same bounty, and withdraw.
INVITATIONS_MAX: Final = 100  # How many a user is shown.
_OURS: Final = re.compile(r"entrant\s*\d+", re.IGNORECASE)
OPEN_TO_MODERATION: Final = (
    BountyState.ENROLLING,
    BountyState.SUBMITTING,
    BountyState.EVALUATING,
    BountyState.DISPUTING,
)

ENROLLMENT_MOVES: Final = Moves(
    {
        EnrollmentState.ENROLLED: {
            EnrollmentState.WINNER,
            EnrollmentState.NOT_PLACED,
            EnrollmentState.WITHDRAWN,
            EnrollmentState.DISQUALIFIED,
        },
        EnrollmentState.DISQUALIFIED: {EnrollmentState.ENROLLED},  # It was explained.
        EnrollmentState.WINNER: (),
        EnrollmentState.NOT_PLACED: (),
        EnrollmentState.WITHDRAWN: (),
    },
    lambda state, _, allowed: rules.WrongState(state=state, allowed=allowed),
)


class EnrollmentNotFound(NotFound):
    code = "bounties.enrollment_not_found"
    reason = "There is no such entrant of this bounty."
    remedy = "Look it up in the list of its enrollments."


class NotEnrolled(Forbidden):
    code = "bounties.not_enrolled"
    reason = "You have not entered this bounty."
    remedy = "Enroll while enrollment is open, or agree to the team that invited you."


class NotInvited(NotFound):
    code = "bounties.not_invited"
    reason = "This entrant has not invited you, or you have answered already."
    remedy = "Ask the captain of the team, or enroll by yourself."


class NotCaptain(Forbidden):
    code = "bounties.not_captain"
    reason = "Only the captain of a team may do this."
    remedy = "Ask the captain."


class CaptainStays(Conflict):
    code = "bounties.captain_stays"
    reason = "A captain cannot leave the team."
    remedy = "Withdraw the whole entry instead."


class EnrollmentNotOpen(Conflict):
    code = "bounties.enrollment_not_open"
    reason = "Enrollment is not open: it has not begun, or it is over."
    remedy = "Enroll between `enrolls_at` and `submits_at`, or look for another bounty."
    state: BountyState
    enrolls_at: datetime
    submits_at: datetime


class SubmissionsBegan(Conflict):
    code = "bounties.submissions_began"
    reason = "Submissions have begun: who is in stays in."
    remedy = "Nobody has to submit anything."
    state: BountyState


class OwnerCannotEnter(Forbidden):
    code = "bounties.owner_cannot_enter"
    reason = "The owner of a bounty cannot enter it, nor be in a team that does."
    remedy = "Leave its owner out."


class EnrolledAlready(Conflict):
    code = "bounties.enrolled_already"
    reason = "You have entered this bounty already."
    remedy = "Use the entry that you have: `GET …/enrollments/mine`."


class EnrolledTooOften(Conflict):
    code = "bounties.enrolled_too_often"
    reason = "You have entered this bounty, and left it, as often as one may."
    remedy = "Look for another bounty."


class NotImpartial(Forbidden):
    code = "bounties.not_impartial"
    reason = "Nobody moderates a bounty that is their own, or that they have entered."
    remedy = "Ask another moderator."


class RulesNotAccepted(Invalid):
    code = "bounties.rules_not_accepted"
    pointer = "/accept_rules"
    reason = "Who enters a bounty accepts its rules."
    remedy = "Read the rules, and send `accept_rules: true`."


class RulesChanged(Conflict):
    code = "bounties.rules_changed"
    reason = "The rules are no longer those that you read."
    remedy = "Read them again, and accept them with their new `rules_sha256`."
    rules_sha256: str


class NameTaken(Conflict):
    code = "bounties.name_taken"
    reason = "Another entrant of this bounty has this name, or one that looks like it."
    remedy = "Choose another `name`, or leave it out to get one."


class TeamTooLarge(Invalid):
    code = "bounties.team_too_large"
    pointer = "/team"
    reason = "There are more people in this team than the bounty allows."
    remedy = "Invite fewer: with the captain there may be `team_size_max`."
    team_size_max: int


class TeamOutOfOrder(Invalid):
    code = "bounties.team_out_of_order"
    pointer = "/team"
    reason = "A team names each of its other members once, and shares out at most the whole prize."
    remedy = "Name each once, without yourself; the shares sum to at most 10000."


def move_enrollment(enrollment: Enrollment, to: EnrollmentState) -> Move:
    return ENROLLMENT_MOVES.move(enrollment, to)


def require_open(bounty: Bounty, now: datetime) -> None:
    """Refuse who comes too early or too late, by dates too: the state may change a moment late."""
    if bounty.state is not BountyState.ENROLLING or now >= bounty.submits_at:
        raise EnrollmentNotOpen(
            state=bounty.state,
            enrolls_at=bounty.enrolls_at,
            submits_at=bounty.submits_at,
        )
    rules.require_running(bounty)


def require_before_submissions(bounty: Bounty, now: datetime) -> None:
    """Refuse to withdraw once submissions may come in. While paused, none can."""
    over = now >= bounty.submits_at and bounty.paused_at is None
    if bounty.state is not BountyState.ENROLLING or over:
        raise SubmissionsBegan(state=bounty.state)


def require_accepted(bounty: Bounty, *, accept_rules: bool, rules_sha256: str | None) -> str:
    """Return the digest of the accepted rules, or refuse."""
    if not accept_rules:
        raise RulesNotAccepted
    current = rules.rules_sha256(bounty.rules)
    if rules_sha256 is not None and rules_sha256 != current:
        raise RulesChanged(rules_sha256=current)
    return current


def require_not_owner(interested: Container[UserId | None], *user_ids: UserId) -> None:
    """Refuse the owner; where that is an organisation, who acts for it, too, or did lately."""
    if any(it in interested for it in user_ids):
        raise OwnerCannotEnter


def require_free(entered_times: int, *, is_in: bool) -> None:
    """Refuse who has entered already, or has entered too often."""
    if is_in:
        raise EnrolledAlready
    if entered_times >= TIMES_MAX:
        raise EnrolledTooOften


def require_team(bounty: Bounty, captain_id: UserId, team: Sequence[tuple[UserId, int]]) -> int:
    """Check who is invited, each with a share; return what is left to the captain."""
    if 1 + len(team) > bounty.team_size_max:
        raise TeamTooLarge(team_size_max=bounty.team_size_max)
    people = {captain_id, *(user_id for user_id, _ in team)}
    left = BPS - sum(share for _, share in team)
    if len(people) != 1 + len(team) or left < 0:
        raise TeamOutOfOrder
    return left


def require_name(name: str | None, number: int, *, taken: bool) -> str:
    """Return an entrant's name: the chosen one, or a numbered one (which nobody may choose)."""
    if name is None:
        return f"Entrant {number}"
    if taken or _OURS.fullmatch(unicodedata.normalize("NFKC", name)):
        raise NameTaken
    return name


def require_captain(enrollment: Enrollment, user_id: UserId) -> None:
    if enrollment.captain_id != user_id:
        raise NotCaptain


def require_not_captain(enrollment: Enrollment, user_id: UserId) -> None:
    if enrollment.captain_id == user_id:
        raise CaptainStays


def require_invited(member: Member) -> None:
    """Refuse who was not invited, or has answered."""
    if member.agreed_at is not None or member.left_at is not None:
        raise NotInvited


def require_undecided(bounty: Bounty) -> None:
    """Refuse to decide about an entrant before enrollment opens, and after prizes are paid."""
    rules.require_state(bounty, *OPEN_TO_MODERATION)


def require_impartial(
    interested: Container[UserId | None], actor: Actor, mine: Enrollment | None
) -> None:
    """Refuse a moderator who has a part in the bounty."""
    if not is_impartial(actor, interested):
        raise NotImpartial
    require_no_entrant(mine)


def require_no_entrant(mine: Enrollment | None) -> None:
    """Refuse who competes in the bounty themselves."""
    if mine is not None:
        raise NotImpartial


def shares_of(
    prize: MicroTokens, captain_id: UserId, members: Sequence[tuple[UserId, int]]
) -> dict[UserId, MicroTokens]:
    """Divide a prize by the members' shares (hundredths of a percent), each rounded down.

    The remainder, and the shares of members who left, go to the captain. The amounts sum to the
    prize exactly; members who get nothing are left out.
    """
    others = {user_id: prize * share // BPS for user_id, share in members if user_id != captain_id}
    amounts = {captain_id: prize - sum(others.values()), **others}
    return {user_id: MicroTokens(amount) for user_id, amount in amounts.items() if amount > 0}
