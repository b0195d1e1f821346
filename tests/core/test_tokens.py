"""A token is read once, and judged each time that it is shown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dml.core.tokens import BadToken, Keys

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load(tmp_path / "keys.json")


def test_a_token_that_was_read_before_is_still_refused_when_it_is_no_longer_good(
    keys: Keys,
) -> None:
    token = keys.sign(audience="users", now=NOW, seconds=60, sub="somebody")
    for _ in range(2):
        assert keys.verify(token, audience="users", now=NOW)["sub"] == "somebody"
        with pytest.raises(BadToken):
            keys.verify(token, audience="device", now=NOW)
        with pytest.raises(BadToken):
            keys.verify(token, audience="users", now=NOW + timedelta(seconds=60))


def test_what_nobody_signed_is_refused_however_often_it_is_shown(keys: Keys) -> None:
    signed = keys.sign(audience="users", now=NOW, seconds=60, sub="somebody")
    head, claims, signature = signed.split(".")
    other = keys.sign(audience="users", now=NOW, seconds=60, sub="else").split(".")[1]
    for token in ("", "a.b.c", f"{head}.{other}.{signature}", f"{head}.{claims}.", "x" * 10_000):
        for _ in range(2):
            with pytest.raises(BadToken):
                keys.verify(token, audience="users", now=NOW)
