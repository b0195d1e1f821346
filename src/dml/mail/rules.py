"""To whom mail can go, how often it is tried, and how long it is kept. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dml.core.deferred import deferred
from dml.core.errors import Conflict
from dml.core.pauses import pause_after
from dml.core.states import Moves
from dml.mail.states import MailState

if TYPE_CHECKING:
    import email_validator
else:
    email_validator = deferred("email_validator")

USEFUL: Final = timedelta(days=2)  # What is later than that is not sent: by then others were.
KEPT: Final = timedelta(days=30)  # What was sent when to whom, without what it said.
SEND_SECONDS: Final = 60.0
LEASE: Final = timedelta(seconds=2 * SEND_SECONDS)
ERROR_MAX: Final = 300  # Characters of what a server said.
DELAYS: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
)


class MailMoveRefused(Conflict):
    code = "mail.move_refused"
    reason = "This mail cannot go from its state to that one."
    remedy = "Read it again."
    state: MailState


def _refuse(state: Any, _: Any, __: Sequence[Any]) -> MailMoveRefused:
    return MailMoveRefused(state=state)


MOVES: Final = Moves(
    {
        MailState.WAITING: {MailState.SENT, MailState.FAILED},
        MailState.SENT: set(),
        MailState.FAILED: set(),
    },
    _refuse,
)


def delay_after(attempts: int, draw: float) -> timedelta:
    """Return the wait after that many attempts, by a random number from 0 to 1. The last one comes
    again and again: mail is tried for as long as it is of use.
    """
    return pause_after(attempts, DELAYS, draw)


def envelope_address(address: str) -> str:
    """Return an address as servers are told it: in ASCII where it can be, its domain by IDNA.

    ValueError where it is none, as with a line break in it.
    """
    try:
        checked = email_validator.validate_email(address, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return checked.ascii_email or checked.normalized
