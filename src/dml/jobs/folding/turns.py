"""How much a fold takes, and of which jobs. Pure: what a worker remembers between two folds.

A worker looks over the inbox now and then, and keeps whose results wait where. It serves the jobs
in turn, each with a fair share, so that a job with a large backlog delays no other one's
(docs/decisions/0008).
"""

import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from dml.core.ids import JobId

BATCH_MAX: Final = 1_000
BATCH_MIN: Final = 64  # Fewer would cost more for the statements than for themselves.
BATCH_FIRST: Final = 128
FOLD_SECONDS: Final = 0.2  # What a transaction aims at: nobody waits longer for what it holds.
SHARE_MIN: Final = 16  # Less of a job at once would cost more for its counts than for its results.
LOOKS: Final = 10  # A look serves for ten times as long as it took, so a tenth goes into looking.

Place: TypeAlias = tuple[int, int]  # Where a row of the inbox is: its block, and its number there.


@dataclass(slots=True)
class Pace:
    """How many results the next fold may take: as the last one went."""

    limit: int = BATCH_FIRST

    def went(self, results: int, seconds: float) -> None:
        """Note how long a transaction took, commit and all, and how many results it folded."""
        if results < self.limit and seconds <= FOLD_SECONDS:
            return  # It was not this limit that bounded it.
        wanted = self.limit * min(2.0, max(0.5, FOLD_SECONDS / max(seconds, 1e-6)))
        self.limit = min(BATCH_MAX, max(BATCH_MIN, int(wanted)))


@dataclass(slots=True)
class Turns:
    """Whose results wait where, as of the last look, and which job was served last."""

    _waiting: dict[JobId, list[Place]] = field(default_factory=dict)
    _good_until: datetime | None = None
    _order: list[JobId] = field(default_factory=list)
    _last: JobId | None = None

    def must_look(self, now: datetime) -> bool:
        """Tell whether nothing is known to wait any more, or what is known is too old."""
        return not self._waiting or self._good_until is None or now >= self._good_until

    def saw(
        self, waiting: Mapping[JobId, Sequence[Place]], *, now: datetime, seconds: float
    ) -> None:
        """Keep what a look saw, and that it took so long.

        Of each job it goes round from a place by chance: two workers at once rarely want the same.
        """
        self._waiting = {}
        for job_id, places in waiting.items():
            first = random.randrange(len(places))  # noqa: S311 - nobody gains by guessing it
            self._waiting[job_id] = [*places[first:], *places[:first]]
        self._good_until = now + timedelta(seconds=seconds * LOOKS)

    def choose(self, limit: int) -> list[Place]:
        """Take out at most `limit` places: of each job its share, the next in turn first.

        What some leave of their shares goes to the others.
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
        """Note whose results were folded: the next turn begins behind the last of them."""
        self._last = next((it for it in reversed(self._order) if it in jobs), self._last)
