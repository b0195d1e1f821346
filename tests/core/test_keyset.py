"""How a cursor carries where a page ended, and what is refused in its place."""

import struct
from datetime import UTC, datetime
from typing import Final

import pytest

from dml.bounties.ranking.queries import Key, Pair
from dml.core import base64url
from dml.core.event_feed import Position
from dml.core.ids import new_id
from dml.core.keyset import Last, Place, Seen

AT: Final = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
PLACES: Final = [
    Last(new_id()),
    Seen("-closes_at", 17, new_id()),
    Key(0.5, AT, new_id()),
    Pair(new_id(), new_id()),
    Position(b"of a log", 17),
]


def named(place: Place) -> str:
    return type(place).__name__


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_a_cursor_says_where_its_page_ended(place: Place) -> None:
    assert type(place).read(place.write()) == place


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_every_other_text_is_refused_in_the_same_words(place: Place) -> None:
    good = place.write()
    for text in ("", "A", "-1", "no", "AAAA", good + "=", good + "!", "+" + good[1:], good[:20]):
        with pytest.raises(ValueError, match=r"^must be the `next_cursor` of an earlier page$"):
            type(place).read(text)


def test_every_kind_of_cursor_is_tried_here() -> None:
    # By their names: a dataclass with slots is made twice.
    assert {named(it) for it in PLACES} == {it.__name__ for it in Place.__subclasses__()}


@pytest.mark.parametrize(
    ("key", "micros"), [(float("nan"), 0), (float("inf"), 0), (0.0, 2**62), (0.0, -1), (0.0, 2**53)]
)
def test_a_key_that_orders_no_row_is_refused(key: float, micros: int) -> None:
    text = base64url.encode(struct.pack(">dq16s", key, micros, bytes(16)))
    with pytest.raises(ValueError, match="next_cursor"):
        Key.read(text)
