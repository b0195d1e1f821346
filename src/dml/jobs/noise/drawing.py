"""The noise itself: discrete Gaussian, drawn and accounted for by OpenDP.

Its sampler is exact and its randomness that of the system: no float's last digits tell anything,
and nobody can draw the same again.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from dml.jobs.noise import rules

_SLACK: Final = 1 + 1e-9  # A scale is rounded up by so much, for what floats round off.


@dataclass(frozen=True, slots=True)
class Drawn:
    """Counts with noise, and the deviation of the noise on each."""

    counts: list[int]
    scale: float


def draw(counts: Sequence[int], *, norm: int, rho: float) -> Drawn:
    """Return these counts with as much noise as hides one owner's, of at most this norm, at `rho`.

    OpenDP is the judge: what it cannot vouch for is not drawn. Some 40 µs a count, and blocking.
    """
    scale = rules.scale_of(norm, rho) * _SLACK
    measurement = _measurement(scale)
    assert measurement.map(d_in=float(norm)) <= rho, "the noise costs more than its share"
    return Drawn(list(measurement(list(counts))), scale)


@lru_cache(maxsize=64)
def _measurement(scale: float) -> Any:
    """Imported when the first answer needs it: an API never does, and its start is shorter. Not by
    OpenDP's `prelude`, which imports whatever else is installed that it could work with.
    """
    mod, domains, metrics, measurements = (
        importlib.import_module(f"opendp.{name}")
        for name in ("mod", "domains", "metrics", "measurements")
    )
    mod.enable_features("contrib")
    counts = domains.vector_domain(domains.atom_domain(T="i64"))
    return measurements.make_gaussian(counts, metrics.l2_distance(T="f64"), scale=scale)
