"""How far shares of labels are from the truth, beside what a plain Laplace histogram would give.

The truth is what all owners have, before any of it is clipped. Without `--norm` it is bounded as a
job that does not say; with `--norm 100`, by the number of items alone.

python -m benchmarks.noise
"""

import argparse
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dml.jobs.noise import drawing, rules

LABELS: Final = 10
ITEMS: Final = 50
MAX_ITEMS: Final = 100
Counts = NDArray[np.int64]


def crowd(chance: np.random.Generator, owners: int) -> Counts:
    """What each owner of a crowd has of each label: they differ, and have some 50 items each."""
    liked = chance.dirichlet(np.full(LABELS, 1.0))
    each = chance.dirichlet(20 * liked + 1e-3, size=owners)
    items = np.minimum(chance.poisson(ITEMS, owners), MAX_ITEMS)
    return np.asarray(chance.multinomial(items, each))


def clipped(chance: np.random.Generator, each: Counts, norm: int) -> Counts:
    """What devices count of that, as `dml.inference.counting.within` does: item by item, in an
    order by chance, until one would make the norm larger.
    """
    found = each.copy()
    for owner in np.flatnonzero((each**2).sum(axis=1) > norm**2):
        labels = chance.permutation(np.repeat(np.arange(LABELS), each[owner]))
        reached = (np.eye(LABELS, dtype=np.int64)[labels].cumsum(axis=0) ** 2).sum(axis=1)
        fit = int(np.searchsorted(reached, norm**2, side="right"))
        found[owner] = np.bincount(labels[:fit], minlength=LABELS)
    return found


def errors(owners: int, crowds: int, epsilon: float, norm: int) -> dict[str, Sequence[float]]:
    """Mean and worst error of a label's share in percentage points, and the mean of owners that
    were clipped in per cent.
    """
    chance, rho = np.random.default_rng(1), rules.rho_of(epsilon) / rules.BILLION
    share = rules.WITH_MONTHS.labels
    drawn = drawing.draw([0] * (crowds * (LABELS + 1)), norm=norm, rho=share * rho)
    noise = np.array(drawn.counts).reshape(crowds, LABELS + 1)
    ours, plain, cut = [], [], []
    for number in range(crowds):
        each = crowd(chance, owners)
        counted = clipped(chance, each, norm)
        cut.append((each != counted).any(axis=1).mean())
        truth = each.sum(axis=0)
        true_shares = truth / truth.sum()
        raw = [*(counted.sum(axis=0) + noise[number, :LABELS]), noise[number, LABELS]]
        told = np.array(rules.project(raw, max(0, sum(raw)))[:LABELS])
        ours.append(np.abs(told / max(1, told.sum()) - true_shares))
        laplace = np.maximum(truth + chance.laplace(0, MAX_ITEMS / epsilon, LABELS), 0)
        plain.append(np.abs(laplace / max(1, laplace.sum()) - true_shares))
    return {
        name: [float(100 * it) for it in (np.mean(off), np.max(off), np.mean(share))]
        for name, off, share in (("noisy answer", ours, cut), ("plain Laplace", plain, [0]))
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--crowds", type=int, default=200)
    options.add_argument("--epsilon", type=float, default=1.0)
    options.add_argument("--norm", type=int, default=rules.usual_norm(MAX_ITEMS, LABELS))
    chosen = options.parse_args()
    for owners in (100, 1_000, 10_000):
        found = errors(owners, chosen.crowds, chosen.epsilon, chosen.norm)
        for name, (mean, worst, cut) in found.items():
            print(
                f"{owners:>6} owners, {name:>14}: mean {mean:6.3f} points, worst {worst:7.3f}; "
                f"{cut:.1f} % of owners clipped"
            )


if __name__ == "__main__":
    main()
