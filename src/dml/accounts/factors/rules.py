"""Which codes are good, and when a second factor may be added. Pure."""

from datetime import datetime, timedelta
from typing import Final

from dml.core.errors import Conflict, Forbidden, Gone, NotFound, Unauthenticated

STEP_SECONDS: Final = 30  # RFC 6238.
SKEW_STEPS: Final = 1  # Either way: clocks differ, and people type slowly.
OLD_STEPS: Final = 20  # A code up to so old is refused as too old, and not as wrong.
WRONG_MAX: Final = 100  # In a row, as NIST SP 800-63B (3.2.2) allows.
ENROLLING: Final = timedelta(minutes=10)  # From the secret to the first code.
TICKET_LASTS: Final = timedelta(minutes=5)
TICKET_TRIES: Final = 5
RECOVERY_CODES: Final = 10
TOTP: Final = "totp"  # What events call an authenticator app.


class SecondFactorNeeded(Unauthenticated):
    """The answer to a right password, or another right first factor. The ticket that it has is
    kept, though it is a refusal.
    """

    code = "accounts.second_factor_needed"
    reason = "This account has a second factor, too."
    remedy = (
        "Send `ticket` with a proof by the second factor to `POST /v1/users/authenticate/confirm`, "
        "before as many seconds have passed as `expires_in_seconds` says."
    )
    keeps_changes = True
    ticket: str
    expires_in_seconds: int


class TicketOver(Unauthenticated):
    code = "accounts.ticket_over"
    reason = "This ticket is none of ours, was used, has expired, or had too many wrong codes."
    remedy = "Sign in again from the beginning."


class CodeUsed(Forbidden):
    code = "accounts.code_used"
    reason = "This code was used already, or a later one was: each is good once."
    remedy = "Wait until your authenticator app shows the next one."


class CodeTooOld(Forbidden):
    code = "accounts.code_too_old"
    reason = "This code was right some time ago, and is not any more."
    remedy = (
        "Type the code that your app shows now; if that was it, the clock of your phone is slow by "
        "about as many seconds as `seconds_late` says: have it set by the network."
    )
    seconds_late: int


class TotpLocked(Forbidden):
    code = "accounts.totp_locked"
    reason = "There were too many wrong codes in a row."
    remedy = (
        "Use a recovery code, or choose another password by a mailed link: somebody who guesses "
        "codes knows yours."
    )


class TotpEnrolled(Conflict):
    code = "accounts.totp_enrolled"
    reason = "Your account has an authenticator app already."
    remedy = "Revoke it first (`POST /v1/users/me/totp/revoke`), to enroll another one."


class AddressUnproven(Conflict):
    code = "accounts.address_unproven"
    reason = "Your address is not confirmed, so whoever reads its mail could take the factor away."
    remedy = "Confirm the address first (`POST /v1/users/me/email-verifications`)."


class TotpNotFound(NotFound):
    code = "accounts.totp_not_found"
    reason = "Your account has no authenticator app."
    remedy = "Enroll one with `POST /v1/users/me/totp`."


class EnrollmentOver(Gone):
    code = "accounts.totp_enrollment_over"
    reason = "No authenticator app waits to be confirmed, or it has waited for too long."
    remedy = "Begin again with `POST /v1/users/me/totp`."


class WrongFirstCode(Forbidden):
    code = "accounts.wrong_first_code"
    reason = "This is not the code that an app with this secret shows now."
    remedy = (
        "Type the six digits that the app shows now. If they were right, the clock of your phone "
        "is wrong: have it set by the network."
    )


# What a proof by one of these may be refused for.
PROOF_REFUSED: Final = (CodeUsed, CodeTooOld, TotpLocked)


def step_at(now: datetime) -> int:
    """Return the number of the step whose code is shown at that moment."""
    return int(now.timestamp()) // STEP_SECONDS


def steps_looked_at(now: datetime) -> tuple[int, ...]:
    """Return the steps of which a code may be: those that count first, then those that are over.

    None that is still to come beyond the skew: to tell of a guess when it will be right is worse
    than to call it wrong.
    """
    this = step_at(now)
    near = sorted(range(this - SKEW_STEPS, this + SKEW_STEPS + 1), key=lambda it: abs(it - this))
    return (*near, *range(this - SKEW_STEPS - 1, this - OLD_STEPS - 1, -1))


def require_now(step: int, now: datetime) -> None:
    """Refuse the code of a step that is over."""
    late = step_at(now) - step
    if late > SKEW_STEPS:
        raise CodeTooOld(seconds_late=late * STEP_SECONDS)


def require_unlocked(wrong_in_a_row: int) -> None:
    if wrong_in_a_row >= WRONG_MAX:
        raise TotpLocked


def require_none(confirmed_at: datetime | None) -> None:
    if confirmed_at is not None:
        raise TotpEnrolled


def require_proven_address(
    email: str | None, verified_at: datetime | None, *, is_mail_sent: bool
) -> None:
    """Refuse a factor that a mailed link would undo: of an account whose address nobody has proven,
    a reset of its password takes all away that is not the mailbox's (docs/decisions/0045).

    Without an address, or where no mail is sent, there is no such link.
    """
    if is_mail_sent and email is not None and verified_at is None:
        raise AddressUnproven


def is_enrolling(created_at: datetime, confirmed_at: datetime | None, now: datetime) -> bool:
    """Whether an app still waits for its first code."""
    return confirmed_at is None and now < created_at + ENROLLING
