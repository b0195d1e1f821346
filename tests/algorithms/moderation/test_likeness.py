"""How alike two versions answer: by numbers alone."""

import pytest

from dml.algorithms.moderation.likeness import (
    Answers,
    compare,
    pack_answers,
    pack_confidences,
    ranks,
    unpack_answers,
    unpack_confidences,
)

LABELS = ("cat", "dog", "owl", "elk")
MANY = tuple(it * 7 % 4 for it in range(200))
SURE = tuple(0.5 + it % 40 / 100 for it in range(200))


def answers(
    named: tuple[int, ...] = MANY, labels: tuple[str, ...] = LABELS, sure: tuple[float, ...] = SURE
) -> Answers:
    return Answers(named, sure[: len(named)], labels)


def test_a_label_is_the_same_by_its_name_in_whatever_column_it_is() -> None:
    turned = ("elk", "owl", "dog", "cat")
    found = compare(answers(), answers(tuple(3 - it for it in MANY), turned))
    assert found is not None
    assert (found.probes, found.agreement, found.confidence_difference) == (200, 1.0, 0.0)
    assert found.is_twin


def test_of_other_names_labels_are_the_same_by_their_column() -> None:
    found = compare(answers(), answers(labels=("Katze", "Hund", "Eule", "Elch")))
    assert found is not None
    assert found.agreement == 1.0


def test_of_another_number_of_labels_nothing_is_compared() -> None:
    assert compare(answers(), answers(labels=(*LABELS, "emu"))) is None


def test_only_what_both_were_asked_is_compared() -> None:
    found = compare(answers(), answers(MANY[:64]))
    assert found is not None
    assert (found.probes, found.agreeing) == (64, 64)
    few = compare(answers(), answers(MANY[:8]))
    assert few is not None
    assert not few.is_twin


@pytest.mark.parametrize(("others", "is_twin"), [(1, True), (19, True), (21, False)])
def test_a_twin_agrees_on_nine_tenths(others: int, is_twin: bool) -> None:
    changed = tuple((it + 1) % 4 for it in MANY[:others]) + MANY[others:]
    found = compare(answers(), answers(changed))
    assert found is not None
    assert found.agreement == 1 - others / 200
    assert found.is_twin is is_twin


def test_two_that_say_nearly_always_the_same_are_no_twins_for_that_alone() -> None:
    mostly = (0,) * 196
    one, other = (*mostly, 1, 1, 2, 2), (2, 2, 1, 1, *mostly)
    by_chance = compare(answers(one), answers(other, sure=tuple(1 - it for it in SURE)))
    assert by_chance is not None
    assert by_chance.agreement >= 0.9
    assert not by_chance.is_twin
    same = compare(answers(one), answers(one))
    assert same is not None
    assert same.is_twin


def test_ranks_follow_neither_from_names_nor_from_temperature() -> None:
    assert ranks([0.5, 0.9, 0.7]) == [0.0, 1.0, 0.5]
    assert ranks([0.9, 0.9, 0.1, 0.9]) == pytest.approx([2 / 3, 2 / 3, 0, 2 / 3])
    assert ranks(SURE) == ranks([it**3 for it in SURE])
    assert ranks([0.4]) == [0.0]


def test_what_is_kept_comes_back() -> None:
    assert unpack_answers(pack_answers([0, 1_023, 7])) == (0, 1_023, 7)
    assert unpack_confidences(pack_confidences([0, 1, 0.5])) == (0, 1, 0.5)
    assert unpack_confidences(pack_confidences([0.123]))[0] == pytest.approx(0.123, abs=1e-4)
