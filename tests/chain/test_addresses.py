"""Addresses as people write them."""

import pytest

from dml.chain.addresses import parse

RIGHT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize("text", [RIGHT, RIGHT.lower(), "0x" + RIGHT[2:].upper()])
def test_an_address_is_read_with_and_without_its_checksum(text: str) -> None:
    assert parse(text) == RIGHT


@pytest.mark.parametrize(
    "text",
    [
        RIGHT.replace("A", "a", 1),
        RIGHT[:-1] + "D",
        RIGHT[:-1],
        RIGHT + "0",
        RIGHT[2:],
        "0X" + RIGHT[2:],
        " " + RIGHT,
        RIGHT + "\n",
        "0x" + "g" * 40,
        "0x" + "٣" * 40,
        "",
        None,
        7,
        [RIGHT],
    ],
)
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"must be 0x|checksum"):
        parse(text)
