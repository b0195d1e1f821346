"""Codes and secrets, without a database."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dml.accounts.factors import codes, rules
from dml.core.ids import UserId, new_id
from dml.core.sealing import NotSealedForUs, Opener

# RFC 6238, appendix B, for SHA-1: the last six of its eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW = datetime(2026, 11, 30, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert codes.find_step(RFC_SECRET, code, now) == seconds // 30


@pytest.mark.parametrize("late", range(-150, 151))
def test_a_code_counts_one_step_either_way_and_no_later_one_is_known(late: int) -> None:
    """`late` seconds ago the app showed it."""
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    code = pyotp.TOTP(secret).at(NOW - timedelta(seconds=late))
    step, this = codes.find_step(secret, code, NOW), rules.step_at(NOW)
    steps_late = this - rules.step_at(NOW - timedelta(seconds=late))
    if steps_late < -1:
        assert step is None  # Nobody is told when a guess will be right.
        return
    assert step == this - steps_late
    if steps_late > 1:
        with pytest.raises(rules.CodeTooOld) as told:
            rules.require_now(step, NOW)
        assert told.value.facts == {"seconds_late": 30 * steps_late}
    else:
        rules.require_now(step, NOW)


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "-12345", "+12345", "1２3456", "1.2345", "١٢٣٤٥٦"]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert codes.find_step(RFC_SECRET, typed, NOW) is None


def test_a_code_may_be_typed_with_the_space_that_apps_show() -> None:
    code = pyotp.TOTP(RFC_SECRET).at(NOW)
    assert codes.find_step(RFC_SECRET, f" {code[:3]} {code[3:]} ", NOW) == rules.step_at(NOW)


def test_apps_read_the_uri() -> None:
    told = urlsplit(
        codes.uri(RFC_SECRET, account="a+b@example.org", issuer=codes.issuer_of("http://x.org:80"))
    )
    assert (told.scheme, told.netloc) == ("otpauth", "totp")
    assert parse_qs(told.query) == {"secret": [RFC_SECRET], "issuer": ["DML Marketplace (x.org)"]}
    assert "a%2Bb%40example.org" in told.path


def test_a_secret_has_160_bits_and_a_recovery_code_120() -> None:
    assert len({codes.new_secret() for _ in range(50)}) == 50
    assert len(codes.new_secret()) * 5 == 160
    made = codes.new_recovery_codes()
    assert len(set(made)) == rules.RECOVERY_CODES
    assert all(len(it.replace("-", "")) * 5 == 120 for it in made)


def test_a_recovery_code_is_the_same_however_it_is_typed_and_anothers_is_another() -> None:
    ada, bob = UserId(new_id()), UserId(new_id())
    kept = codes.digest_of(ada, "01abcd-efghjk-mnpqrs-tvwxyz")
    assert codes.digest_of(ada, " OLABCD EFGHJK MNPQRS-tvwxyz ") == kept
    assert codes.digest_of(bob, "01abcd-efghjk-mnpqrs-tvwxyz") != kept


def test_a_secret_is_sealed_for_its_user_alone() -> None:
    ada, bob = UserId(new_id()), UserId(new_id())
    key = Opener(X25519PrivateKey.generate())
    sealed = codes.seal(key, ada, RFC_SECRET)
    assert RFC_SECRET.encode() not in sealed
    assert codes.open_secret(key, ada, sealed) == RFC_SECRET
    for wrong, whose in ((key, bob), (Opener(X25519PrivateKey.generate()), ada)):
        with pytest.raises(NotSealedForUs):
            codes.open_secret(wrong, whose, sealed)
