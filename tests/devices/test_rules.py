"""The law of devices, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from dml.accounts.models import DataKind
from dml.core.ids import DeviceId, UserId, new_id
from dml.devices import rules
from dml.devices.models import Device, PairingCode, Platform

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
A_MOMENT: Final = timedelta(microseconds=1)


def code(**changes: object) -> PairingCode:
    made = PairingCode(sha256=b"", owner_id=UserId(new_id()), expires_at=NOW)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def device(**changes: object) -> Device:
    made = Device(
        id=DeviceId(new_id()),
        owner_id=UserId(new_id()),
        public_key=bytes(32),
        name="Ada's phone",
        platform=Platform.ANDROID,
        memory_mib=None,
        speed=None,
        country=None,
        kinds=[],
        permitted_kinds=None,
        created_at=NOW,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("typed", ["ABCD-EFGH", "abcdefgh", " ab cd\tef gh ", "AbCd–eFgH"])
def test_a_code_is_read_however_it_was_typed(typed: str) -> None:
    assert rules.normal_code(typed) == "ABCDEFGH"


def test_a_code_is_shown_in_two_halves_of_letters_that_nobody_mistakes() -> None:
    assert rules.shown_code("ABCDEFGH") == "ABCD-EFGH"
    assert rules.normal_code(rules.CODE_ALPHABET) == rules.CODE_ALPHABET
    assert not set("0O1IL") & set(rules.CODE_ALPHABET)
    assert len(rules.CODE_ALPHABET) ** rules.CODE_LENGTH > 2**39


def test_a_code_is_open_until_its_time_and_no_longer() -> None:
    rules.require_open(code(), NOW - A_MOMENT)
    for late in (NOW, NOW + A_MOMENT):
        with pytest.raises(rules.CodeExpired):
            rules.require_open(code(), late)


def test_a_used_code_is_told_apart_from_an_old_one() -> None:
    with pytest.raises(rules.CodeUsed):
        rules.require_open(code(device_id=DeviceId(new_id())), NOW + A_MOMENT)


def test_as_many_codes_may_be_open_as_the_bound_says() -> None:
    rules.require_room(rules.CODES_MAX - 1)
    with pytest.raises(rules.TooManyCodes):
        rules.require_room(rules.CODES_MAX)


def test_a_nonce_is_fresh_until_its_time_and_no_longer() -> None:
    rules.require_fresh(NOW, NOW - A_MOMENT)
    for gone in (None, NOW, NOW - A_MOMENT):
        with pytest.raises(rules.StaleNonce):
            rules.require_fresh(gone, NOW)


def test_a_revoked_device_is_refused() -> None:
    rules.require_not_revoked(device())
    with pytest.raises(rules.Revoked):
        rules.require_not_revoked(device(revoked_at=NOW))


def test_an_edit_is_refused_if_the_device_was_changed_meanwhile() -> None:
    rules.EditedMeanwhile.require_newest(2, 2)
    rules.EditedMeanwhile.require_newest(2, None)
    with pytest.raises(rules.EditedMeanwhile):
        rules.EditedMeanwhile.require_newest(2, 1)


def test_a_visit_is_written_down_once_a_minute() -> None:
    assert rules.is_seen_anew(None, NOW)
    assert rules.is_seen_anew(NOW - rules.SEEN_AGAIN_AFTER, NOW)
    assert not rules.is_seen_anew(NOW - rules.SEEN_AGAIN_AFTER + A_MOMENT, NOW)
    assert not rules.is_seen_anew(NOW + A_MOMENT, NOW)  # Another server's clock is ahead.


@pytest.mark.parametrize(
    ("has", "permitted", "by_user", "left"),
    [
        (["photo", "text"], None, ["photo", "text", "sms"], {"photo", "text"}),
        (["photo", "text"], ["text", "sms"], ["photo", "text", "sms"], {"text"}),
        (["photo", "text"], None, ["photo"], {"photo"}),
        (["photo", "text"], ["text"], ["photo"], set()),
        (["photo", "text"], [], ["photo", "text"], set()),
        (["photo", "text"], None, [], set()),
        ([], None, ["photo"], set()),
    ],
)
def test_models_process_what_a_device_has_and_its_owner_permits_here_and_at_all(
    has: list[str], permitted: list[str] | None, by_user: list[str], left: set[str]
) -> None:
    kinds = rules.effective_kinds(has, permitted, by_user)
    assert kinds == left
    assert all(isinstance(it, DataKind) for it in kinds)


def test_what_is_named_twice_counts_once_in_its_order() -> None:
    assert rules.once_each(["b", "a", "b"]) == ["b", "a"]
