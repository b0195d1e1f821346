"""How a model answers pictures that are the same everywhere. Needs no library.

The *probes* are many and for comparing models; nobody looks at them. The *samples* are few and for
people: each is kept as the model saw it, with the labels that it named. `probes` draws both, and
`probing` asks a model (docs/decisions/0068).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

PROBE_SET: Final = 1  # Answers to another set of probes are not compared with these.
PROBES: Final = 256
SAMPLES: Final = ("color_bars", "figure", "landscape", "face")
PROBING_SECONDS: Final = 4.0  # of processor time, after which no further batch is asked
PROBING_SECONDS_MOST: Final = 8.0  # after which it is ended, as of the sandbox
LABELS_OF_A_SAMPLE: Final = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture as the model saw it, as a `data:` URI, and the labels it named, the surest first:
    each as its place among the labels, and its confidence.
    """

    name: str
    picture: str
    labels: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Of each probe, as far as time allowed, the place of the most probable label, and how sure."""

    answers: tuple[int, ...]
    confidences: tuple[float, ...]
    samples: tuple[Sample, ...]
    probe_set: int = PROBE_SET

    @property
    def is_complete(self) -> bool:
        return len(self.answers) == PROBES

    def to_dict(self) -> Mapping[str, Any]:
        """What JSON can hold."""
        return {**asdict(self), "is_complete": self.is_complete}
