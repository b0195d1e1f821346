"""The law of accounts, without a database."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest

from dml.accounts import rules
from dml.accounts.models import RefreshToken, Session
from dml.core.context import NOBODY, SYSTEM, Actor, Role
from dml.core.ids import SessionId, UserId, new_id

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
A_MOMENT: Final = timedelta(microseconds=1)
GRACE_SECONDS: Final = 30
ME: Final = UserId(new_id())


def session(*, ends_in: timedelta, ended: bool = False) -> Session:
    made = Session(
        id=SessionId(new_id()),
        user_id=ME,
        created_at=NOW - timedelta(days=1),
        expires_at=NOW + ends_in,
    )
    made.ended_at = NOW - timedelta(hours=1) if ended else None
    return made


def token(*, used_ago: timedelta | None, salt: bytes | None = b"salt") -> RefreshToken:
    made = RefreshToken(sha256=b"", session_id=SessionId(new_id()), created_at=NOW)
    made.used_at = None if used_ago is None else NOW - used_ago
    made.successor_salt = None if used_ago is None else salt
    return made


@pytest.mark.parametrize(
    ("role", "moderates", "administers"),
    [(Role.MEMBER, False, False), (Role.MODERATOR, True, False), (Role.ADMIN, True, True)],
)
def test_each_role_may_do_what_those_below_it_may(
    role: Role, moderates: bool, administers: bool
) -> None:
    actor = Actor(ME, role)
    if moderates:
        rules.require_moderator(actor)
    else:
        with pytest.raises(rules.ModeratorsOnly):
            rules.require_moderator(actor)
    if administers:
        rules.require_admin(actor)
    else:
        with pytest.raises(rules.AdminsOnly):
            rules.require_admin(actor)


def test_the_system_may_do_all_and_a_stranger_nothing() -> None:
    rules.require_admin(SYSTEM)
    with pytest.raises(rules.ModeratorsOnly):
        rules.require_moderator(NOBODY)


@pytest.mark.parametrize("role", Role)
def test_nobody_judges_what_is_their_own_whatever_their_role(role: Role) -> None:
    assert not rules.is_impartial(Actor(ME, role), {ME})
    assert rules.is_impartial(Actor(ME, role), {UserId(new_id()), None})
    assert rules.is_impartial(SYSTEM, {ME, None})


def test_who_is_no_admin_any_more_is_refused_and_the_system_never() -> None:
    rules.require_still_admin(Actor(ME, Role.ADMIN), {ME})
    rules.require_still_admin(SYSTEM, set())
    with pytest.raises(rules.AdminsOnly):
        rules.require_still_admin(Actor(ME, Role.ADMIN), {UserId(new_id())})


def test_the_last_admin_stays_one() -> None:
    rules.require_another_admin(1)
    with pytest.raises(rules.LastAdmin):
        rules.require_another_admin(0)


def test_people_were_born_before_today() -> None:
    rules.require_old_enough(None, NOW)
    for born in (NOW.date(), NOW.date() + timedelta(days=1)):
        with pytest.raises(rules.BornInTheFuture):
            rules.require_old_enough(born, NOW)


@pytest.mark.parametrize(
    ("born", "today", "is_old_enough"),
    [
        ("2010-06-15", "2026-06-15", True),
        ("2010-06-16", "2026-06-15", False),
        ("2010-12-31", "2026-06-15", False),
        ("2008-02-29", "2024-02-28", False),
        ("2008-02-29", "2024-02-29", True),
        ("2012-02-29", "2028-02-28", False),
        ("1900-01-01", "2026-06-15", True),
    ],
)
def test_who_uses_it_is_sixteen(born: str, today: str, is_old_enough: bool) -> None:
    now = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    if is_old_enough:
        rules.require_old_enough(date.fromisoformat(born), now)
        return
    with pytest.raises(rules.TooYoung):
        rules.require_old_enough(date.fromisoformat(born), now)


def test_whoever_was_born_in_a_leap_year_is_older_on_the_first_of_march() -> None:
    born = date(2008, 2, 29)
    assert rules.age_on(date(2025, 2, 28), born) == 16
    assert rules.age_on(date(2025, 3, 1), born) == 17


@pytest.mark.parametrize(("expected", "is_good"), [(None, True), (3, True), (2, False), (4, False)])
def test_a_change_of_what_was_changed_meanwhile_is_refused(
    expected: int | None, is_good: bool
) -> None:
    if is_good:
        rules.EditedMeanwhile.require_newest(3, expected)
    else:
        with pytest.raises(rules.EditedMeanwhile):
            rules.EditedMeanwhile.require_newest(3, expected)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("ends_in", [-A_MOMENT, timedelta(0), A_MOMENT])
def test_a_session_lives_until_it_is_ended_or_expires(ends_in: timedelta, ended: bool) -> None:
    if ends_in > timedelta(0) and not ended:
        rules.require_live(session(ends_in=ends_in), NOW)
    else:
        with pytest.raises(rules.BadRefreshToken):
            rules.require_live(session(ends_in=ends_in, ended=ended), NOW)


@pytest.mark.parametrize(
    ("used_ago", "salt", "is_used", "is_repeated"),
    [
        (None, None, False, False),
        (timedelta(0), b"salt", True, True),
        (timedelta(seconds=GRACE_SECONDS) - A_MOMENT, b"salt", True, True),
        (timedelta(seconds=GRACE_SECONDS), b"salt", True, False),  # At the deadline is late.
        (timedelta(0), None, True, False),  # Its successor was used.
    ],
)
def test_a_used_token_is_repeated_within_the_grace_and_before_its_successor_is_used(
    used_ago: timedelta | None, salt: bytes | None, is_used: bool, is_repeated: bool
) -> None:
    made = token(used_ago=used_ago, salt=salt)
    assert rules.is_reused(made) is is_used
    assert rules.is_repeated(made, NOW, GRACE_SECONDS) is is_repeated
