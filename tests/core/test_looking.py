"""Pauses of a loop that looks for work."""

from dml.core.looking import Pauses


def test_pauses_grow_where_nothing_comes_and_begin_anew_with_work() -> None:
    pauses = Pauses(0.2, 1.0)
    quiet = [pauses.after(0) for _ in range(60)]
    assert quiet[0] == 0.2
    assert quiet == sorted(quiet)
    assert quiet[-1] == 1.0
    assert 10 < sum(it for it in quiet if it < 1.0) < 30, "it takes a while until it is quiet"
    assert pauses.after(3) == 0.2
    assert pauses.after(0) == 0.2


def test_pauses_stay_as_they_are_without_a_longer_one() -> None:
    pauses = Pauses(5.0)
    assert {pauses.after(it % 2) for it in range(10)} == {5.0}
