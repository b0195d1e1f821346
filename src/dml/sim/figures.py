"""What a run of the engine measured: counts by status, latencies, processor time."""

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field

LOST = 0  # The status of a request without an answer: it may have been processed.


@dataclass(slots=True)
class Figures:
    """The results of one verb's requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: "array[float]" = field(default_factory=lambda: array("f"))  # Of each 2xx.

    @property
    def succeeded(self) -> int:
        return len(self.seconds)

    @property
    def refused(self) -> int:
        """How many were lost, or answered by anything but a 2xx."""
        return self.statuses.total() - len(self.seconds)

    def quantiles(self, *parts: float) -> list[float]:
        """Return these quantiles of the latency in seconds, such as 0.5 and 0.99. O(n log n)."""
        known = sorted(self.seconds)
        return [
            known[min(len(known) - 1, int(part * len(known)))] if known else 0 for part in parts
        ]


@dataclass(slots=True)
class Run:
    """One run: how long it took, what it cost this process, and the figures of each verb."""

    verbs: defaultdict[str, Figures] = field(default_factory=lambda: defaultdict(Figures))
    wall_seconds: float = 0
    cpu_seconds: float = 0  # User and system time of this process alone.
    scripts_begun: int = 0
    scripts_ended: int = 0
    waiting_max: int = 0  # The most requests that waited for a free connection.

    @property
    def requests(self) -> int:
        return sum(it.statuses.total() for it in self.verbs.values())

    @property
    def cpu_microseconds_a_request(self) -> float:
        return 1e6 * self.cpu_seconds / max(1, self.requests)
