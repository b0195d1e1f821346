"""What a simulation measured, and the checks on it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dml.core.money import MicroTokens, render
from dml.payments.queries import Books
from dml.sim.answers import LabelTold, covered
from dml.sim.figures import LOST, Run

VERBS: Final = ("claim", "heartbeat", "result", "lie", "release")


@dataclass(frozen=True, slots=True)
class Pay:
    """What the ledger says of the simulation's jobs, and what it should say."""

    reward: MicroTokens
    rewarded: MicroTokens  # To owners of devices, in all.
    escrows_left: MicroTokens
    escrows_right: MicroTokens  # What the places cost that have no counted result yet.
    books: Books  # Of the whole marketplace.


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Everything that is shown and checked. Times are in seconds."""

    devices: int
    owners: int
    jobs: int
    places: int  # Of all jobs.
    seed: int
    preparing_seconds: float
    run: Run
    pairs_by_second: Sequence[int]
    accepted_seen: int
    folded: int  # What the marketplace has counted and paid,
    waiting: int  # and what it has accepted and not counted yet.
    events: Mapping[str, int]
    folded_age: tuple[float, float]  # p50, p99: from accepted to counted and paid, as watched;
    visible_age: tuple[float, float]  # and until the customer sees it, in steps.
    time_to: Mapping[int, float | None]  # Percent of the watched job's places → when shown.
    error_percent: float | None
    epsilon: float | None  # None: answers are exact.
    labels: Sequence[LabelTold]  # Of the watched job.
    growth: Sequence[tuple[float, int, int]]  # Seconds, counted, shown: of the watched job.
    pay: Pay
    statuses_expected: frozenset[int] = frozenset({200, 204, 422, 429, 503, 409})

    @property
    def pairs(self) -> int:
        return self.accepted_seen

    @property
    def pairs_a_second(self) -> float:
        return self.pairs / self.run.wall_seconds if self.run.wall_seconds else 0.0

    @property
    def peak_pairs_a_second(self) -> int:
        return max(self.pairs_by_second, default=0)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs. Latencies in milliseconds, amounts as decimal strings."""
        found, books = list(faults(self)), self.pay.books
        return {
            "ok": not found,
            "faults": found,
            "devices": self.devices,
            "owners": self.owners,
            "jobs": self.jobs,
            "places": self.places,
            "seed": self.seed,
            "seconds": round(self.run.wall_seconds, 3),
            "preparing_seconds": round(self.preparing_seconds, 3),
            "simulator_cpu_seconds": round(self.run.cpu_seconds, 3),
            "simulator_cpu_us_a_request": round(self.run.cpu_microseconds_a_request, 1),
            "requests": self.run.requests,
            "pairs": self.pairs,
            "pairs_a_second": round(self.pairs_a_second, 1),
            "peak_pairs_a_second": self.peak_pairs_a_second,
            "verbs": {verb: _verb(self.run, verb) for verb in VERBS if verb in self.run.verbs},
            "devices_told": dict(self.events),
            "accepted_seen": self.accepted_seen,
            "folded": self.folded,
            "waiting": self.waiting,
            "folded_age_p50_p99_seconds": [round(it, 3) for it in self.folded_age],
            "visible_age_p50_p99_seconds": [round(it, 3) for it in self.visible_age],
            "seconds_to_percent": {
                str(part): None if it is None else round(it, 3) for part, it in self.time_to.items()
            },
            "error_percent": None if self.error_percent is None else round(self.error_percent, 3),
            "epsilon": self.epsilon,
            "labels": {it.label: _label(it) for it in self.labels},
            "covered": covered(self.labels),
            "ledger_sum": render(books.sum),
            "rewarded": render(self.pay.rewarded),
            "escrows_left": render(self.pay.escrows_left),
            "books": {
                name: render(getattr(books, name))
                for name in ("chain", "wallets", "escrows", "revenue")
            },
        }


def _label(it: LabelTold) -> dict[str, int | None]:
    low, high = it.interval or (None, None)
    return {"truth": it.truth, "value": it.value, "low": low, "high": high}


def _verb(run: Run, verb: str) -> dict[str, Any]:
    figures = run.verbs[verb]
    p50, p99 = figures.quantiles(0.5, 0.99)
    return {
        "p50_ms": round(1e3 * p50, 2),
        "p99_ms": round(1e3 * p99, 2),
        "statuses": {
            "lost" if status == LOST else str(status): count
            for status, count in sorted(figures.statuses.items())
        },
    }


def faults(it: SimulationResult) -> Iterator[str]:
    """Yield what is wrong, in words."""
    pay = it.pay
    if it.folded + it.waiting < it.accepted_seen:
        yield f"devices saw {it.accepted_seen} results accepted, but {it.folded} are counted"
    if it.waiting:
        yield f"{it.waiting} results were not counted in time: is there a worker?"
    if pay.rewarded != it.folded * pay.reward:
        yield (
            f"owners were paid {render(pay.rewarded)} for {it.folded} results of "
            f"{render(pay.reward)} each"
        )
    if pay.escrows_left != pay.escrows_right:
        yield (
            f"escrows hold {render(pay.escrows_left)}, where {render(pay.escrows_right)} is right"
        )
    if pay.books.sum:
        yield f"the sum of the ledger is {render(pay.books.sum)}, not zero"
    for verb, figures in it.run.verbs.items():
        for status, count in figures.statuses.items():
            if status != LOST and status not in it.statuses_expected:
                yield f"{verb} was answered {status}, {count} times"
    if not it.accepted_seen:
        yield "no device saw a result accepted"
    if it.events.get("lie answered 200"):
        yield "a result that cannot be was accepted"
