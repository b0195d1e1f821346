"""The answer beside what devices handed in, and how often its intervals hold that. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dml.sim.truth import Photos
from dml.sim.watching import ENDED


@dataclass(frozen=True, slots=True)
class LabelTold:
    """What the answer says of one label."""

    label: str
    truth: int | None  # What devices handed in; None: the answer does not hold exactly that.
    value: int
    interval: tuple[int, int] | None  # None: the answer is exact.

    @property
    def is_covered(self) -> bool | None:
        """Tell whether the interval holds the truth, where there are both."""
        if self.truth is None or self.interval is None:
            return None
        return self.interval[0] <= self.truth <= self.interval[1]


def labels_told(answer: Mapping[str, Any], handed_in: Mapping[Photos, int]) -> list[LabelTold]:
    """Read a job's results, as `GET /v1/jobs/{id}/results` gives them. Empty before any step.

    `handed_in` are the photos of all results that devices saw accepted. There is no truth to
    compare with before the job has ended, nor where other results were counted than these, since a
    device was lost before it saw the answer.
    """
    counts: Counter[str] = Counter()
    for photos, times in handed_in.items():
        for label, count in photos.labels.items():
            counts[label] += times * count
    results = sum(handed_in.values())
    is_known = answer.get("state") in ENDED and answer["devices_shown"] == results
    sure = (answer.get("intervals") or {}).get("labels", {})
    return [
        LabelTold(
            label,
            counts[label] if is_known else None,
            value,
            (sure[label]["low"], sure[label]["high"]) if label in sure else None,
        )
        for label, value in (answer.get("labels") or {}).items()
    ]


def covered(labels: Sequence[LabelTold]) -> float | None:
    """Return the share of intervals that hold the truth; None where that is not known."""
    known = [it.is_covered for it in labels if it.is_covered is not None]
    return sum(known) / len(known) if known else None
