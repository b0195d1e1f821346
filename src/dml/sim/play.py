"""What simulated devices do: claim, work, heartbeat, submit; and how some misbehave."""

import heapq
import random
from array import array
from collections import Counter, deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic
from typing import IO, Final, Literal

from dml.sim.engine import Request, Script
from dml.sim.figures import LOST
from dml.sim.population import Crowd
from dml.sim.truth import Photos, Truth
from dml.sim.wire import Answer, Head, NotUnderstood

SLOW_TIMES: Final = 20  # How much longer a slow device works.
SPREAD: Final = 0.5  # Of the logarithm of the time that work takes.
VISITS_MAX: Final = 3  # A device that was told so often that there is no work stays away,
WAIT_SECONDS_MAX: Final = 30  # and so does one that is told to come back much later.
PAUSE_SECONDS: Final = 0.1  # Before a request without answer is sent again; doubled up to
PAUSE_MAX_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 120.0  # After so long without an answer a device gives up.
_AGAIN: Final = frozenset({LOST, 429, 500, 502, 503, 504})

_NONE: Final = b'"items":[]'
_ID: Final = b'"id":"'
_JOB: Final = b'"job_id":"'
_LEASE: Final = b'"lease_seconds":'
_RETRY: Final = b'"retry_after_seconds":'
Character = Literal["honest", "drop-out", "liar", "slow"]


@dataclass(frozen=True, slots=True)
class Manners:
    """How devices behave: the shares of each kind, and how long they work."""

    drop_outs: float = 0.0
    liars: float = 0.0
    slow: float = 0.0
    work_seconds: float = 0.05  # The median.

    def character(self, chance: random.Random) -> Character:
        drawn = chance.random()
        for share, character in (
            (self.drop_outs, "drop-out"),
            (self.liars, "liar"),
            (self.slow, "slow"),
        ):
            if drawn < share:
                return character  # type: ignore[return-value]
            drawn -= share
        return "honest"


@dataclass(slots=True)
class Seen:
    """What devices saw happen."""

    accepted: int = 0
    accepted_at: "array[float]" = field(default_factory=lambda: array("d"))  # Of the watched job,
    photos: Counter[Photos] = field(default_factory=Counter)  # and what those results hold.
    events: Counter[str] = field(default_factory=Counter)
    held_until: deque[float] = field(default_factory=deque)  # Places of drop-outs.

    def gone(self, now: float) -> int:
        """Return how many places are taken: by results, or by leases of drop-outs."""
        while self.held_until and self.held_until[0] <= now:
            self.held_until.popleft()
        return self.accepted + len(self.held_until)


@dataclass(slots=True)
class Play:
    """One simulation's crowd, and what it has seen so far."""

    crowd: Crowd
    truth: Truth
    manners: Manners
    chance: random.Random
    host: str
    jobs: int
    watched_job: bytes
    record: IO[bytes] | None = None
    seen: Seen = field(default_factory=Seen)
    _returning: list[tuple[float, int, int]] = field(default_factory=list)

    def scripts(self) -> Iterator[Script]:
        """Yield a script for every device, in random order; then for those told to come back."""
        order = list(range(len(self.crowd)))
        self.chance.shuffle(order)
        for number in order:
            yield self._device(number, 0, 0.0)
        while self._returning:
            due, number, visits = heapq.heappop(self._returning)
            yield self._device(number, visits, due)

    def _device(self, number: int, visits: int, due: float) -> Script:
        """One visit of a device."""
        if due > monotonic():
            yield due - monotonic()
        head = Head(self.host, self.crowd.token(number), forwarded_for=_address(number))
        for _ in range(self.jobs):
            claimed = yield from self._sure("claim", head.claim())
            if claimed.status != 200:
                self.seen.events[f"claim answered {claimed.status}"] += 1
                return
            assignment = claimed.text(_ID)
            if not assignment:
                if _NONE not in claimed.raw:
                    raise NotUnderstood(f"a claim was answered {claimed.body[:200]!r}")
                self.seen.events["no work"] += 1
                wait = claimed.number(_RETRY)
                if visits + 1 < VISITS_MAX and wait <= WAIT_SECONDS_MAX:
                    heapq.heappush(self._returning, (monotonic() + wait, number, visits + 1))
                return
            done = yield from self._work(head, assignment, claimed)
            if not done:
                return

    def _work(
        self, head: Head, assignment: bytes, claimed: Answer
    ) -> Generator[Request | float, Answer, bool]:
        """Play the run of a model over photos. True if the device goes on to more work."""
        seen, chance, manners = self.seen, self.chance, self.manners
        character = manners.character(chance)
        if character == "drop-out":
            seen.events["dropped out"] += 1
            seen.held_until.append(monotonic() + claimed.number(_LEASE))
            return False
        seconds = manners.work_seconds * chance.lognormvariate(0, SPREAD)
        if character == "slow":
            lives = yield from self._work_slowly(head, assignment, claimed, SLOW_TIMES * seconds)
            if not lives:
                return False
        elif seconds > 0:
            yield seconds
        if character == "liar" and chance.random() < 0.5:
            return (yield from self._lie_badly(head, assignment))
        lies = character == "liar"
        photos = chance.choice(self.truth.lies if lies else self.truth.honest)
        if lies:
            seen.events["lied plausibly"] += 1
        is_watched = claimed.text(_JOB) == self.watched_job
        return (yield from self._hand_in(head, assignment, photos, is_watched))

    def _work_slowly(
        self, head: Head, assignment: bytes, claimed: Answer, seconds: float
    ) -> Generator[Request | float, Answer, bool]:
        """Work long, with one heartbeat at least."""
        beats = 1 + int(seconds / max(0.5, claimed.number(_LEASE) / 3))
        for _ in range(beats):
            yield seconds / (beats + 1)
            answer = yield from self._sure("heartbeat", head.heartbeat(assignment))
            if answer.status != 200:
                self.seen.events[f"heartbeat answered {answer.status}"] += 1
                return False
        yield seconds / (beats + 1)
        return True

    def _lie_badly(self, head: Head, assignment: bytes) -> Generator[Request | float, Answer, bool]:
        """Submit an implausible result, which must be refused, and release the place."""
        photos = self.chance.choice(self.truth.honest)
        body = photos.implausible(photos.draw_uncertain(self.chance))
        answer = yield from self._sure("lie", head.result(assignment, body))
        events = "lie refused" if answer.status == 422 else f"lie answered {answer.status}"
        self.seen.events[events] += 1
        yield from self._sure("release", head.release(assignment))
        return False

    def _hand_in(
        self, head: Head, assignment: bytes, photos: Photos, is_watched: bool
    ) -> Generator[Request | float, Answer, bool]:
        seen = self.seen
        body = photos.result(photos.draw_uncertain(self.chance))
        try:
            answer, lost = yield from self._sure_and_lost("result", head.result(assignment, body))
        except GeneratorExit:  # The run ends before there is an answer.
            self._write(assignment, body, b"unsure")
            raise
        if answer.status == 200:
            seen.accepted += 1
            if is_watched:
                seen.accepted_at.append(monotonic())
                seen.photos[photos] += 1
            self._write(assignment, body, b"accepted")
            return True
        seen.events[f"result answered {answer.status}"] += 1
        if lost:  # An earlier answer was lost: it may have been accepted.
            self._write(assignment, body, b"unsure")
        return False

    def _sure(self, verb: str, request: bytes) -> Generator[Request | float, Answer, Answer]:
        answer, _ = yield from self._sure_and_lost(verb, request)
        return answer

    def _sure_and_lost(
        self, verb: str, request: bytes
    ) -> Generator[Request | float, Answer, tuple[Answer, bool]]:
        """Repeat a request until it is answered, as slowly as the server asks for. Tell whether
        an answer was lost on the way.
        """
        sent, lost, pause = (verb, request), False, PAUSE_SECONDS
        answer = yield sent
        if answer.status not in _AGAIN:
            return answer, lost
        patience = monotonic() + PATIENCE_SECONDS
        while answer.status in _AGAIN and monotonic() < patience:
            lost |= answer.status != 429  # A 503 may follow a commit.
            asked = answer.header("Retry-After") if answer.status else None
            wait = float(asked) if asked and asked.isdecimal() else pause
            yield wait * (1 + self.chance.random())
            pause = min(2 * pause, PAUSE_MAX_SECONDS)
            answer = yield sent
        return answer, lost or answer.status in _AGAIN

    def _write(self, assignment: bytes, body: bytes, what: bytes) -> None:
        if self.record is not None:
            digest = sha256(body).hexdigest().encode()
            self.record.write(b"%b %b %b\n" % (assignment, digest, what))


def _address(number: int) -> str:
    """Return an address for each device, as a trusted proxy would name it."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
