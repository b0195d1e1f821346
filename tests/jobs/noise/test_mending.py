"""An answer of simulated crowds: how far it is from the truth, and how sure it says that it is."""

import math
from datetime import UTC, datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dml.core.ids import JobId, new_id
from dml.jobs.models import ELSEWHERE, UNDATED, JobRelease, ReleasePart
from dml.jobs.noise import drawing, rules
from dml.jobs.noise.mending import Mended, Number, mend
from dml.jobs.noise.service import standing_out

LABELS, MONTHS, OWNERS, ITEMS, CROWDS = 10, 12, 1_000, 50, 200
NORM = rules.usual_norm(100, LABELS)
RHO = rules.rho_of(1.0) / rules.BILLION
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def released(
    part: ReleasePart, counts: list[int], scale: float, *, months: list[int], number: int = 0
) -> JobRelease:
    return JobRelease(
        job_id=JobId(new_id()),
        part=part,
        number=number,
        devices=OWNERS,
        months=months,
        counts=counts,
        scale=scale,
        reached=[],
        created_at=NOW,
    )


@cache
def crowds() -> NDArray[np.int64]:
    """What was counted in some crowds, by crowd, month and label; the last label is uncertain."""
    chance = np.random.default_rng(7)
    found = np.zeros((CROWDS, MONTHS, LABELS + 1), np.int64)
    for crowd in found:
        liked = chance.dirichlet(np.full(LABELS + 1, 0.7))
        by_label = chance.multinomial(OWNERS * ITEMS, liked)
        for label, count in enumerate(by_label):
            crowd[:, label] = chance.multinomial(count, chance.dirichlet(np.full(MONTHS, 0.5)))
    return found


def noise_of(share: float, number: int, *, norm: int = NORM) -> tuple[NDArray[np.int64], float]:
    drawn = drawing.draw([0] * number, norm=norm, rho=share * RHO)
    return np.array(drawn.counts), drawn.scale


def answers() -> list[Mended]:
    shares, months = rules.WITH_MONTHS, list(range(24_300, 24_300 + MONTHS))
    labels, label_scale = noise_of(shares.labels, CROWDS * (LABELS + 1))
    by_month, month_scale = noise_of(shares.months, CROWDS * MONTHS, norm=100)
    cells, cell_scale = noise_of(shares.cells, CROWDS * MONTHS * LABELS)
    made = []
    for number, crowd in enumerate(crowds()):
        totals = crowd.sum(axis=0) + labels.reshape(CROWDS, -1)[number]
        in_months = crowd[:, :LABELS].sum(axis=1) + by_month.reshape(CROWDS, -1)[number]
        of_months = released(ReleasePart.MONTHS, in_months.tolist(), month_scale, months=months)
        some = standing_out(of_months)
        rows = [months.index(it) for it in some]
        noisy = crowd[rows, :LABELS] + cells.reshape(CROWDS, MONTHS, LABELS)[number][rows]
        made.append(
            mend(
                [
                    released(ReleasePart.LABELS, totals.tolist(), label_scale, months=[]),
                    of_months,
                    released(ReleasePart.CELLS, noisy.ravel().tolist(), cell_scale, months=some),
                ]
            )
        )
    return made


def holds(number: Number, truth: int) -> bool:
    return bool(number.low <= truth <= number.high)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of some 22,000 labels: by chance alone the part that is held varies by 0.15 %."""
    labels, shares = [], []
    noise, scale = noise_of(rules.WITH_MONTHS.labels, 10 * CROWDS * (LABELS + 1))
    for number, drawn in enumerate(noise.reshape(-1, LABELS + 1)):
        truth = crowds()[number % CROWDS].sum(axis=0)
        told = (truth + drawn).tolist()
        answer = mend([released(ReleasePart.LABELS, told, scale, months=[])])
        assert answer.sure is not None
        labels += [holds(it, truth[place]) for place, it in enumerate(answer.sure.labels)]
        labels.append(holds(answer.sure.uncertain, truth[LABELS]))
        shares += [
            low <= truth[place] / truth.sum() <= high
            for place, (_, low, high) in enumerate(answer.sure.shares)
        ]
    assert 0.94 <= np.mean(labels) <= 0.97
    assert 0.94 <= np.mean(shares) <= 0.97


def test_shares_of_labels_are_within_half_a_point_of_the_truth_for_a_thousand_owners() -> None:
    errors = []
    for crowd, answer in zip(crowds(), answers(), strict=True):
        truth = crowd.sum(axis=0)
        assert answer.sure is not None
        errors += [
            abs(share - truth[place] / truth.sum())
            for place, (share, _, _) in enumerate(answer.sure.shares)
        ]
    assert np.mean(errors) < 0.005


def test_an_answer_adds_up_whatever_was_drawn() -> None:
    for answer in answers():
        assert answer.sure is not None
        by_label = [0] * LABELS
        for cells in answer.cells.values():
            for place, count in cells.items():
                assert count > 0
                by_label[place] += count
        assert by_label == [it.value for it in answer.sure.labels]
        assert sum(by_label) + answer.uncertain == answer.sure.items.value
        assert {it for it in answer.cells if it != ELSEWHERE} == answer.sure.months.keys()
        for number in (answer.sure.items, answer.sure.uncertain, *answer.sure.labels):
            assert 0 <= number.low <= number.value <= number.high


def test_counts_of_nothing_seldom_stand_out() -> None:
    """In 95 of 100 answers none does; so in 200 at most some 20."""
    drawn, scale = noise_of(rules.WITH_MONTHS.months, 200 * 2_400)
    seen = sum(
        bool(standing_out(released(ReleasePart.MONTHS, some, scale, months=list(range(2_400)))))
        for some in drawn.reshape(200, 2_400).tolist()
    )
    assert seen <= 30


def test_steps_add_up_until_the_whole_answer_is_told_and_then_count_no_more() -> None:
    steps = [
        released(ReleasePart.STEP, [40, 10, 5], 3.0, months=[], number=1),
        released(ReleasePart.STEP, [60, -10, 0], 4.0, months=[], number=2),
    ]
    told = mend(steps)
    assert told.cells == {ELSEWHERE: {0: 100}}
    assert told.sure is not None
    assert told.sure.labels[0] == (100, 91, 109)  # 100 ± 1.96 × 5.
    whole = mend([*steps, released(ReleasePart.LABELS, [70, 20, 10], 1.0, months=[])])
    assert (whole.cells, whole.uncertain) == ({ELSEWHERE: {0: 70, 1: 20}}, 10)


def test_how_many_results_were_clipped_is_told_with_all_and_never_as_more_than_there_are() -> None:
    steps = [released(ReleasePart.STEP, [40, 10, 5], 3.0, months=[], number=1)]
    first = mend(steps).sure
    assert first is not None
    assert first.clipped is None
    for drawn, told in ((300, (300, 242, 358)), (-9, (0, 0, 49)), (1_100, (1_000, 1_000, 1_000))):
        whole = released(ReleasePart.LABELS, [70, 20, 10], 1.0, months=[])
        whole.clipped, whole.clipped_scale = drawn, 30.0
        sure = mend([*steps, whole]).sure
        assert sure is not None
        assert sure.clipped == told


def test_all_items_of_a_job_about_one_month_are_of_that_month() -> None:
    told = mend([released(ReleasePart.LABELS, [70, 20, 10], 1.0, months=[24_310])])
    assert told.cells == {24_310: {0: 70, 1: 20}}
    assert told.sure is not None
    assert told.sure.months == {24_310: {0: (70, 69, 71), 1: (20, 19, 21)}}
    assert mend([]).cells == {}


def test_undated_items_are_told_as_a_month_of_their_own() -> None:
    labels = released(ReleasePart.LABELS, [100, 50, 0], 1.0, months=[])
    months = released(ReleasePart.MONTHS, [80, 70], 1.0, months=[UNDATED, 24_310])
    cells = released(ReleasePart.CELLS, [60, 20, 40, 30], 1.0, months=[UNDATED, 24_310])
    told = mend([labels, months, cells])
    assert told.cells == {UNDATED: {0: 60, 1: 20}, 24_310: {0: 40, 1: 30}}
    assert told.sure is not None
    assert told.sure.undated == (80, 79, 81)


def test_a_bigger_noise_than_its_share_is_never_drawn_by_mistake() -> None:
    drawn = drawing.draw([0] * 20_000, norm=100, rho=RHO)
    assert math.isclose(drawn.scale, 100 / math.sqrt(2 * RHO), rel_tol=1e-6)
    assert math.isclose(float(np.std(drawn.counts)), drawn.scale, rel_tol=0.05)
