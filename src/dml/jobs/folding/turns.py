"""How many results a fold takes, and of which jobs. Pure: what a worker remembers between folds.

A worker reads the whole inbox from time to time and remembers where the results of each job are.
It serves the jobs in turn, each with a fair share, so that a job with a large backlog does not
delay the others (docs/decisions/0008).
"""

import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from dml.core.ids import JobId

BATCH_MAX: Final = 1_000
BATCH_MIN: Final = 64  # Below this, the statements cost more than the results.
BATCH_FIRST: Final = 128
FOLD_SECONDS: Final = 0.2  # The aim for one transaction: how long its locks keep others waiting.
SHARE_MIN: Final = 16  # Below this, a job's counts cost more to write than its results.
LOOK_VALID_TIMES: Final = 10  # A look is used for ten times as long as it took.

Place: TypeAlias = tuple[int, int]  # Where a row of the inbox is: its block, and its number there.


@dataclass(slots=True)
class FoldPace:
    """How many results the next fold may take, from how long the last one took."""

    limit: int = BATCH_FIRST

    def adapt(self, results: int, seconds: float) -> None:
        """Set the limit by how long a transaction with so many results took, commit included."""
        if results < self.limit and seconds <= FOLD_SECONDS:
            return  # Something other than the limit made this fold small.
        aim = self.limit * min(2.0, max(0.5, FOLD_SECONDS / max(seconds, 1e-6)))
        self.limit = min(BATCH_MAX, max(BATCH_MIN, int(aim)))


@dataclass(slots=True)
class Turns:
    """Where each job's results wait, as of the last look, and which job was served last."""

    _waiting: dict[JobId, list[Place]] = field(default_factory=dict)
    _good_until: datetime | None = None
    _order: list[JobId] = field(default_factory=list)
    _last: JobId | None = None

    def must_look(self, now: datetime) -> bool:
        """Tell whether the last look is used up or too old."""
        return not self._waiting or self._good_until is None or now >= self._good_until

    def saw(
        self, waiting: Mapping[JobId, Sequence[Place]], *, now: datetime, seconds: float
    ) -> None:
        """Keep what a look saw and how long it took.

        Each job's list starts at a random place, so that two workers rarely choose the same.
        """
        self._waiting = {}
        for job_id, places in waiting.items():
            first = random.randrange(len(places))  # noqa: S311 - nobody gains by guessing it
            self._waiting[job_id] = [*places[first:], *places[:first]]
        self._good_until = now + timedelta(seconds=seconds * LOOK_VALID_TIMES)

    def choose(self, limit: int) -> list[Place]:
        """Take out at most `limit` places: a share for each job, beginning with the next in turn.

        Jobs that do not use their share leave it to the others.
        """
        ids = sorted(self._waiting)
        behind = [it for it in ids if self._last is None or it > self._last]
        turn = self._order = behind + ids[: len(ids) - len(behind)]
        chosen: list[Place] = []
        while turn and len(chosen) < limit:
            share = max(SHARE_MIN, (limit - len(chosen)) // len(turn))
            for job_id in turn:
                places = self._waiting[job_id]
                most = min(share, limit - len(chosen))
                chosen += places[:most]
                del places[:most]
            turn = [it for it in turn if self._waiting[it]]
        self._waiting = {it: places for it, places in self._waiting.items() if places}
        return chosen

    def served(self, jobs: Set[JobId]) -> None:
        """Note whose results were folded: the next turn begins after the last of these jobs."""
        self._last = next((it for it in reversed(self._order) if it in jobs), self._last)
