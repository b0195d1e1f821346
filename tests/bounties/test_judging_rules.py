"""How places become prizes, and what becomes of places when something is decided. Pure."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from dml.bounties.judging import rules
from dml.bounties.judging.rules import Band
from dml.bounties.models import Ties
from dml.core.money import MicroTokens

amounts = st.lists(st.integers(1, 10**18).map(MicroTokens), min_size=1, max_size=100)
sizes = st.lists(st.integers(1, 7), max_size=30)


def bands_of(sizes: list[int]) -> list[Band]:
    bands = list[Band]()
    for size in sizes:
        first = len(bands) + 1
        bands += [Band(first + n, first, first + size - 1) for n in range(size)]
    return bands


@given(amounts, sizes, st.sampled_from(Ties))
def test_prizes_are_shared_out_to_the_last_micro_token(
    prizes: list[MicroTokens], sizes: list[int], ties: Ties
) -> None:
    bands = bands_of(sizes)
    shared = rules.share_prizes(prizes, bands, ties)
    assert len(shared) == len(bands)
    assert sum(shared) == sum(prizes[: len(bands)])
    assert min(shared, default=0) >= 0
    for band in bands:
        of_band = shared[band.tied_from - 1 : band.tied_to]
        if ties is Ties.SHARE:
            assert max(of_band) - min(of_band) < len(of_band)
            assert of_band == sorted(of_band, reverse=True)


@pytest.mark.parametrize(
    ("prizes", "sizes", "expected"),
    [
        ([500, 300, 200], [1, 1, 1], [500, 300, 200]),
        ([500, 300, 200], [2, 1], [400, 400, 200]),
        ([500, 300, 200], [3], [334, 333, 333]),
        ([500, 300, 200], [2, 2], [400, 400, 100, 100]),
        ([100], [3], [34, 33, 33]),
        ([1], [5], [1, 0, 0, 0, 0]),
        ([500, 300], [], []),
        ([500, 300], [1], [500]),
    ],
)
def test_tied_places_share_what_they_would_get(
    prizes: list[int], sizes: list[int], expected: list[int]
) -> None:
    amounts = [MicroTokens(it) for it in prizes]
    assert rules.share_prizes(amounts, bands_of(sizes), Ties.SHARE) == expected


@given(sizes, st.data())
def test_ranks_close_without_holes_when_some_are_out(sizes: list[int], data: Any) -> None:
    bands = bands_of(sizes)
    left = [it for it in bands if data.draw(st.booleans())]
    closed = rules.close_ranks(left)
    assert [it.place for it in closed] == list(range(1, len(left) + 1))
    for before, after in zip(left, closed, strict=True):
        together = [it for it in left if it.tied_from == before.tied_from]
        assert after.tied_to - after.tied_from + 1 == len(together)
        assert after.tied_from <= after.place <= after.tied_to


def test_places_follow_from_the_ranking_and_what_was_ordered_since() -> None:
    bands = [Band(1, 1, 2), Band(2, 1, 2), Band(3, 3, 3), Band(4, 4, 4)]
    ranked = list(zip("abcd", bands, strict=True))

    def order(*orders: str, out: str = "", by_hand: bool = False) -> str:
        found = rules.order_now([] if by_hand else ranked, orders, out, by_hand=by_hand)
        assert [it.place for _, it in found] == list(range(1, len(found) + 1))
        return "".join(it for it, _ in found)

    assert order() == "abcd"
    assert rules.order_now(ranked, [], "a", by_hand=False)[0] == ("b", Band(1, 1, 1))
    assert order("c", "da") == "dacb"
    assert order("c", "da", out="c") == "dab"  # Who comes back stands where they stood.
    assert order("ex", out="x") == "eabcd"  # Somebody who was not ranked.
    assert order("ab", "cb", by_hand=True) == "cb"
    assert order("ab", "cb", out="c", by_hand=True) == "b"
