"""How far shares of labels are from the truth, beside what a plain Laplace histogram would give.

python -m benchmarks.noise
"""

import argparse
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dml.jobs.noise import drawing, rules

LABELS: Final = 10
ITEMS: Final = 50
MAX_ITEMS: Final = 100


def crowd(chance: np.random.Generator, owners: int) -> NDArray[np.int64]:
    """What a crowd has of each label: owners differ, and have some 50 items each."""
    liked = chance.dirichlet(np.full(LABELS, 1.0))
    each = chance.dirichlet(20 * liked + 1e-3, size=owners)
    items = np.minimum(chance.poisson(ITEMS, owners), MAX_ITEMS)
    return np.asarray(chance.multinomial(items, each).sum(axis=0))


def errors(owners: int, crowds: int, epsilon: float) -> dict[str, tuple[float, float]]:
    """Mean and worst error of a label's share, in percentage points."""
    chance, rho = np.random.default_rng(1), rules.rho_of(epsilon) / rules.BILLION
    share = rules.WITH_MONTHS.labels
    drawn = drawing.draw([0] * (crowds * (LABELS + 1)), max_items=MAX_ITEMS, rho=share * rho)
    noise = np.array(drawn.counts).reshape(crowds, LABELS + 1)
    ours, plain = [], []
    for number in range(crowds):
        truth = crowd(chance, owners)
        true_shares = truth / truth.sum()
        raw = [*(truth + noise[number, :LABELS]), noise[number, LABELS]]
        told = np.array(rules.project(raw, max(0, sum(raw)))[:LABELS])
        ours.append(np.abs(told / max(1, told.sum()) - true_shares))
        laplace = truth + chance.laplace(0, MAX_ITEMS / epsilon, LABELS)
        clipped = np.maximum(laplace, 0)
        plain.append(np.abs(clipped / max(1, clipped.sum()) - true_shares))
    return {
        name: (float(100 * np.mean(it)), float(100 * np.max(it)))
        for name, it in (("noisy answer", ours), ("plain Laplace", plain))
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--crowds", type=int, default=200)
    options.add_argument("--epsilon", type=float, default=1.0)
    chosen = options.parse_args()
    for owners in (100, 1_000, 10_000):
        for name, (mean, worst) in errors(owners, chosen.crowds, chosen.epsilon).items():
            print(f"{owners:>6} owners, {name:>14}: mean {mean:6.3f} points, worst {worst:7.3f}")


if __name__ == "__main__":
    main()
