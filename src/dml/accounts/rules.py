"""What may happen to an account, and who may do it. Pure: no session, no clock, no await."""

from collections.abc import Container, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from dml.accounts.models import RefreshToken, Session, User, UserKind
from dml.core.context import Actor
from dml.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
    Unauthenticated,
    Unavailable,
)
from dml.core.ids import UserId

AGE_MIN: Final = 16  # Years.
YOUNG: Final = timedelta(hours=1)  # Whoever opens an account signs in to it soon.


class WrongCredentials(Unauthenticated):
    code = "accounts.wrong_credentials"
    reason = "No account has this e-mail address with this password."
    remedy = "Check both, or register."


class TooManyPasswords(Unavailable):
    """Looked at by nobody: it counts as no try."""

    code = "accounts.too_many_passwords"
    reason = "Too many passwords wait to be checked, or too many from your address."
    remedy = "Send it again in as many seconds as `retry_after_seconds` says."


class WeakPassword(Invalid):
    code = "accounts.weak_password"
    pointer = "/password"
    reason = "This password is among the first that somebody would guess."
    remedy = "Choose another one; `suggestions` says how."
    suggestions: Sequence[str]


class EmailTaken(Conflict):
    code = "accounts.email_taken"
    reason = "There is an account with this e-mail address already."
    remedy = "Sign in, or register with another address."


class BadRefreshToken(Unauthenticated):
    code = "accounts.bad_refresh_token"
    reason = "This refresh token is not valid, or its session has ended."
    remedy = "Sign in again."


class SessionNotFound(NotFound):
    code = "accounts.session_not_found"
    reason = "You have no such session, or it has ended."
    remedy = "List your sessions (`GET /v1/users/me/sessions`)."


class RefreshTokenReused(Unauthenticated):
    """Ends the session, which must outlast the refusal: thief and owner can't be told apart."""

    code = "accounts.refresh_token_reused"
    reason = "This refresh token was used before, so its session was ended for safety."
    remedy = "Sign in again, and use each refresh token once."
    keeps_changes = True


class ModeratorsOnly(Forbidden):
    code = "accounts.moderators_only"
    reason = "Only a moderator may do this."
    remedy = "Ask a moderator."


class AdminsOnly(Forbidden):
    code = "accounts.admins_only"
    reason = "Only an admin may do this."
    remedy = "Ask an admin."


class LastAdmin(Conflict):
    code = "accounts.last_admin"
    reason = "This is the only admin, and a marketplace needs one."
    remedy = "Make somebody else an admin first."


class Suspended(Forbidden):
    """Told to nobody but who has proven that the account is theirs."""

    code = "accounts.suspended"
    reason = "Your account is suspended."
    remedy = "Read `why`, and write to whoever runs this marketplace."
    why: str


class NoPerson(Conflict):
    code = "accounts.no_person"
    reason = "This is an organisation, and what was asked for is of persons alone."
    remedy = "Name one who acts for it."


class NotYourself(Forbidden):
    code = "accounts.not_yourself"
    reason = "Nobody suspends themselves."
    remedy = "Ask another admin."


class AlreadySuspended(Conflict):
    code = "accounts.already_suspended"
    reason = "This user is suspended already."
    remedy = "Restore them first, to suspend them for another reason."


class NotSuspended(Conflict):
    code = "accounts.not_suspended"
    reason = "This user is not suspended."
    remedy = "Check the id."


class BornInTheFuture(Invalid):
    code = "accounts.born_in_the_future"
    pointer = "/date_of_birth"
    reason = "A date of birth lies in the past."
    remedy = "Correct `date_of_birth`."


class TooYoung(Invalid):
    code = "accounts.too_young"
    pointer = "/date_of_birth"
    reason = f"Who uses this marketplace is {AGE_MIN} or older."
    remedy = "Correct `date_of_birth` if it is wrong; else come back on your birthday."


class EditedMeanwhile(Stale):
    code = "accounts.edited_meanwhile"
    reason = "The profile was changed since you read it."


def require_moderator(actor: Actor) -> None:
    if not actor.is_moderator:
        raise ModeratorsOnly


def require_admin(actor: Actor) -> None:
    if not actor.is_admin:
        raise AdminsOnly


def is_impartial(actor: Actor, interested: Container[UserId | None]) -> bool:
    """Whether the actor may approve or judge what is of interest to these: none of their own."""
    return actor.user_id is None or actor.user_id not in interested


def require_person(user: User) -> None:
    """Refuse an organisation where somebody is asked for who signs in."""
    if user.kind is not UserKind.PERSON:
        raise NoPerson


def require_still_admin(actor: Actor, admins: Container[UserId | None]) -> None:
    """Refuse who was an admin when they asked, and is none any more."""
    if actor.user_id is not None and actor.user_id not in admins:
        raise AdminsOnly


def require_old_enough(born: date | None, now: datetime) -> None:
    """Refuse a date of birth that is none yet, or of somebody who is too young today, in UTC."""
    if born is None:
        return
    if born >= now.date():
        raise BornInTheFuture
    if age_on(now.date(), born) < AGE_MIN:
        raise TooYoung


def age_on(day: date, born: date) -> int:
    """Return how old somebody is on a day. Whoever was born on 29 February is a year older on 1
    March, where that year has none.
    """
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def require_another_admin(admins_left: int) -> None:
    if admins_left == 0:
        raise LastAdmin


def require_somebody_else(actor: Actor, user: User) -> None:
    if user.id == actor.user_id:
        raise NotYourself


def require_active(user: User) -> None:
    if user.suspended_at is not None:
        raise AlreadySuspended


def require_suspended(user: User) -> None:
    if user.suspended_at is None:
        raise NotSuspended


def require_admitted(user: User) -> None:
    """Refuse a suspended user, and say why."""
    if user.suspension_reason is not None:
        raise Suspended(why=user.suspension_reason)


def is_young(created_at: datetime, now: datetime) -> bool:
    """Whether an account was opened a moment ago."""
    return now < created_at + YOUNG


def require_live(session: Session, now: datetime) -> None:
    """Refuse a session that was ended, or has expired."""
    if session.ended_at is not None or session.expires_at <= now:
        raise BadRefreshToken


def expiry(created_at: datetime, now: datetime, *, days: int, days_in_all: int) -> datetime:
    """Return when a session expires that is used now: `days` later, and never later than that many
    `days_in_all` after it was opened.
    """
    return min(now + timedelta(days=days), created_at + timedelta(days=days_in_all))


def is_reused(token: RefreshToken) -> bool:
    return token.used_at is not None


def is_repeated(token: RefreshToken, now: datetime, grace_seconds: int) -> bool:
    """Whether a used token is sent again as its answer was lost: soon, and before the next one."""
    if token.used_at is None or token.successor_salt is None:
        return False
    return now < token.used_at + timedelta(seconds=grace_seconds)
