"""One text for each content."""

import secrets

import pytest

from dml.core import base64url


@pytest.mark.parametrize("length", [0, 1, 2, 3, 16, 24, 32, 48, 64])
def test_what_is_written_is_read(length: int) -> None:
    raw = secrets.token_bytes(length)
    text = base64url.encode(raw)
    assert "=" not in text
    assert base64url.decode(text) == raw


def test_the_alphabet_is_that_of_addresses() -> None:
    assert base64url.encode(b"\xfb\xff\xfe") == "-__-"


@pytest.mark.parametrize(
    "text",
    [
        "AA==",  # padding
        "AAA=",
        "AA=",
        "A",  # of no content
        "AB",  # as "AA", but for bits that nobody reads
        "AAB",
        "+//+",  # the other alphabet
        "A A",
        "AA\n",
        "AA!!",
        "!!!!",
        "AA\0A",
        "ＡＡ",
        "AAé",
        "AA\ud800A",
    ],
)
def test_no_other_spelling_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="must be base64url"):
        base64url.decode(text)
