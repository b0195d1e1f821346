"""One simulation, from preparing its crowd to checking the books."""

import asyncio
import contextlib
import gc
import http.client
import json
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import IO, Any, Final, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from dml.accounts import sessions
from dml.core.context import NOBODY, Context
from dml.core.ids import JobId, UserId
from dml.sim import ledger, population
from dml.sim.answers import labels_told
from dml.sim.engine import Address, Engine
from dml.sim.figures import Run
from dml.sim.ledger import Counted
from dml.sim.outcome import Pay, SimulationResult
from dml.sim.play import Manners, Play
from dml.sim.population import LABELS, Crowd, JobTerms, Operator
from dml.sim.truth import Bounds, Truth
from dml.sim.watching import ENDED, News, Watcher, ages, when

_DATABASE_SECONDS: Final = 120.0  # How long the database may be away, at the end.
FILLED: Final = 0.8  # Places for so many of the owners, so that jobs can be filled.
PARTS: Final = (50, 90)
_TOLD_SECONDS: Final = 10.0  # How long the watcher's last event may take.
_TICK_SECONDS: Final = 0.25
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be simulated."""

    addresses: Sequence[Address]
    devices: int
    owners: int
    jobs: int = 1
    places: int | None = None  # Of each job.
    arrivals: float | None = None  # Devices that come in a second; else `at_once` at a time.
    at_once: int | None = None
    connections: int = 256
    seconds: float | None = None
    seed: int = 0
    manners: Manners = field(default_factory=Manners)
    record: Path | None = None
    countries: Sequence[str] = (population.COUNTRY,)
    epsilon: float | None = None  # Of each job; None: answers are exact.
    counted_seconds: float = 120  # How long folding may take once the last result is accepted.

    @property
    def places_of_each(self) -> int:
        return self.places or min(1_000_000, max(1, math.ceil(FILLED * self.owners)))


class Screen(Protocol):
    """Where a simulation shows its progress."""

    def say(self, text: str) -> None: ...
    def show(self, run: Run, *, accepted: int, places: int, counted: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """What was prepared."""

    crowd: Crowd
    jobs: Sequence[JobId]
    customer_token: str
    bounds: Bounds | None  # What each device may add; None: any number of items.


@dataclass(frozen=True, slots=True)
class Played:
    """How the run went. `started` is by the monotonic clock."""

    run: Run
    accepted_by_second: Sequence[int]
    started: float
    preparing_seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """What there was in the end: the watched job's answer, what was counted, and paid."""

    answer: Mapping[str, Any]
    counted: Counted
    pay: Pay


async def simulate(operator: Operator, scenario: Scenario, screen: Screen) -> SimulationResult:
    """Prepare a crowd and jobs, let the devices work, and measure the result.

    A first Ctrl-C ends the run; what came until then is counted all the same.
    """
    began, chance = monotonic(), random.Random(scenario.seed)  # noqa: S311 - a simulation's
    screen.say(
        f"{scenario.devices:,} devices of {scenario.owners:,} owners, by the operator's hand …"
    )
    stage = await _prepare(operator, scenario)
    truth = Truth.draw(LABELS, chance, stage.bounds)
    preparing = monotonic() - began
    screen.say(
        f"{scenario.jobs:,} jobs of {scenario.places_of_each:,} places; the devices come over "
        f"{scenario.connections} connections"
    )
    watcher = Watcher(scenario.addresses, stage.jobs[0], stage.customer_token)
    watcher.start()
    try:
        with _recording(scenario.record) as record:
            play = Play(
                crowd=stage.crowd,
                truth=truth,
                manners=scenario.manners,
                chance=chance,
                host="{}:{}".format(*scenario.addresses[0]),
                jobs=scenario.jobs,
                watched_job=str(stage.jobs[0]).encode(),
                record=record,
            )
            started = monotonic()
            run, accepted_by_second = await _let_play(scenario, play, watcher, screen)
        screen.say(f"{play.seen.accepted:,} results are accepted; waiting until all are counted …")
        counted = await _await_counted(operator, scenario, stage.jobs, play.seen.accepted)
        is_full = play.seen.accepted >= scenario.jobs * scenario.places_of_each
        ends = is_full and not counted.waiting
        await asyncio.to_thread(_read_answer, scenario, stage, await_end=ends)
        await asyncio.to_thread(_await_told, scenario, stage, watcher)
    finally:
        await asyncio.to_thread(watcher.stop)
    await asyncio.to_thread(_close_jobs, scenario, stage)
    all_came = run.scripts_ended == run.scripts_begun and not play.seen.held_until
    ends |= all_came and not counted.waiting
    answer = await asyncio.to_thread(_read_answer, scenario, stage, await_end=ends)
    pay = await _patiently(lambda: _read_pay(operator, stage.jobs))
    played = Played(run, accepted_by_second, started, preparing)
    ended = Ended(answer or watcher.newest, counted, pay)
    return _conclude(scenario, play, played, watcher, ended)


async def _prepare(operator: Operator, scenario: Scenario) -> Stage:
    crowd = await population.gather(
        operator, devices=scenario.devices, owners=scenario.owners, countries=scenario.countries
    )
    await asyncio.to_thread(crowd.sign)  # Now, so that it costs nothing while others are measured.
    offer = await population.offer(operator)
    terms = JobTerms(
        scenario.places_of_each, countries=scenario.countries, epsilon=scenario.epsilon
    )
    jobs = await population.order(operator, offer, terms, number=scenario.jobs)
    async with operator.sessions() as tx:
        bounds = await ledger.find_bounds(tx, jobs[0])
    return Stage(crowd, jobs, await _sign_in(operator, offer.customer_id), bounds)


async def _sign_in(operator: Operator, user_id: UserId) -> str:
    """Open a session for a user without a usable password."""
    now = datetime.now(UTC)
    async with operator.sessions.begin() as tx:
        opened = await sessions.open_session(Context(tx, NOBODY, now), user_id, days=1)
    return sessions.access_token(
        operator.keys, opened.session, now, seconds=population.TOKEN_SECONDS
    )


async def _let_play(
    scenario: Scenario, play: Play, watcher: Watcher, screen: Screen
) -> tuple[Run, list[int]]:
    """Run the crowd in a thread. Return the run, and how many pairs there were in each second."""
    places, by_second = scenario.jobs * scenario.places_of_each, [0]
    engine = Engine(scenario.addresses, connections=scenario.connections)

    def tick(run: Run) -> None:
        accepted = play.seen.accepted
        while len(by_second) <= run.wall_seconds:
            by_second.append(0)
        by_second[int(run.wall_seconds)] += accepted - sum(by_second)
        if play.record is not None:
            play.record.flush()
        screen.show(run, accepted=accepted, places=places, counted=watcher.done)
        if play.seen.gone(monotonic()) >= places or (scenario.jobs == 1 and watcher.has_ended):
            engine.stop()

    def work() -> Run:
        with engine:
            return engine.run(
                play.scripts(),
                rate=scenario.arrivals,
                at_once=None if scenario.arrivals else scenario.at_once or scenario.connections,
                seconds=scenario.seconds,
                tick=tick,
                tick_seconds=_TICK_SECONDS,
            )

    gc.collect()
    gc.freeze()  # The crowd lives to the end; scanning it again and again costs a tenth.
    playing = asyncio.create_task(asyncio.to_thread(work))
    try:
        run = await asyncio.shield(playing)
    except asyncio.CancelledError:
        screen.say("Ending early …")
        engine.stop()
        run = await playing
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
    finally:
        gc.unfreeze()
    tick(run)
    return run, by_second


async def _await_counted(
    operator: Operator, scenario: Scenario, jobs: Sequence[JobId], accepted: int
) -> Counted:
    """Wait until the marketplace has counted what it accepted, or the time is up."""
    patience = monotonic() + scenario.counted_seconds
    while True:
        counted = await _patiently(lambda: _count(operator, jobs))
        done = counted.folded >= accepted and not counted.waiting
        if done or monotonic() > patience:
            return counted
        await asyncio.sleep(_TICK_SECONDS)


async def _count(operator: Operator, jobs: Sequence[JobId]) -> Counted:
    async with operator.sessions() as tx:
        return await ledger.count(tx, jobs)


async def _read_pay(operator: Operator, jobs: Sequence[JobId]) -> Pay:
    async with operator.sessions() as tx:
        return await ledger.read_pay(tx, jobs)


async def _patiently(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask the database again and again while it is away."""
    patience = monotonic() + _DATABASE_SECONDS
    while True:
        try:
            return await ask()
        except (SQLAlchemyError, OSError):
            if monotonic() > patience:
                raise
        await asyncio.sleep(1)


def _close_jobs(scenario: Scenario, stage: Stage) -> None:
    """Close open jobs as their customer; each ends with its last lease."""
    patience = monotonic() + _DATABASE_SECONDS
    for job_id in stage.jobs:
        while not _is_closed(scenario.addresses[0], job_id, stage.customer_token):
            if monotonic() > patience:
                return
            time.sleep(0.5)


def _is_closed(address: Address, job_id: JobId, token: str) -> bool:
    """Ask to close a job. False if nobody answers, so that it must be repeated."""
    return _ask(address, "POST", f"/v1/jobs/{job_id}/close", token) is not None


def _await_told(scenario: Scenario, stage: Stage, watcher: Watcher) -> None:
    """Wait until the watched job's stream has told the answer that there is by now."""
    path, patience = f"/v1/jobs/{stage.jobs[0]}/results", monotonic() + _TOLD_SECONDS
    while monotonic() < patience:
        answer = _ask(scenario.addresses[0], "GET", path, stage.customer_token)
        if answer is not None and json.loads(answer)["version"] == watcher.newest.get("version"):
            return
        time.sleep(_TICK_SECONDS)


def _read_answer(scenario: Scenario, stage: Stage, *, await_end: bool) -> Mapping[str, Any]:
    """Return the watched job's results; empty if nobody answers.

    Only at its end are all of them in the answer. A job that waits for leases of devices which
    never come back ends much later: its answer is told as it is.
    """
    path, patience = f"/v1/jobs/{stage.jobs[0]}/results", monotonic() + _TOLD_SECONDS
    results: Mapping[str, Any] = {}
    while monotonic() < patience:
        answer = _ask(scenario.addresses[0], "GET", path, stage.customer_token)
        results = {} if answer is None else json.loads(answer)
        if results.get("state") in ENDED or (results and not await_end):
            break
        time.sleep(_TICK_SECONDS)
    return results


def _ask(address: Address, method: str, path: str, token: str) -> bytes | None:
    """Send a request as the customer. None if nobody answers, or a server that has failed."""
    connection = http.client.HTTPConnection(*address[:2], timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status < 500 else None
    return None


@contextlib.contextmanager
def _recording(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
    else:
        with path.open("wb") as file:
            yield file


def _conclude(
    scenario: Scenario,
    play: Play,
    played: Played,
    watcher: Watcher,
    ended: Ended,
) -> SimulationResult:
    news, each = watcher.news, scenario.places_of_each
    labels = ended.answer.get("labels")
    return SimulationResult(
        devices=scenario.devices,
        owners=scenario.owners,
        jobs=scenario.jobs,
        places=scenario.jobs * each,
        seed=scenario.seed,
        preparing_seconds=played.preparing_seconds,
        run=played.run,
        pairs_by_second=played.accepted_by_second,
        accepted_seen=play.seen.accepted,
        folded=ended.counted.folded,
        waiting=ended.counted.waiting,
        events=play.seen.events,
        folded_age=_spread(play, [(it.at, it.done) for it in news]),
        visible_age=_spread(play, [(it.at, it.shown) for it in news]),
        time_to={part: _time_to(news, each * part / 100, played.started) for part in PARTS},
        error_percent=None if labels is None else play.truth.error_percent(labels),
        epsilon=ended.answer.get("epsilon"),
        labels=labels_told(ended.answer, play.seen.photos),
        growth=[(it.at - played.started, it.done, it.shown) for it in news],
        pay=ended.pay,
    )


def _spread(play: Play, known: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Return p50 and p99 of how long accepted results of the watched job waited."""
    waited = sorted(ages(play.seen.accepted_at, known))
    if not waited:
        return 0.0, 0.0
    return waited[len(waited) // 2], waited[min(len(waited) - 1, int(0.99 * len(waited)))]


def _time_to(news: Sequence[News], shown: float, started: float) -> float | None:
    at = when(news, math.ceil(shown))
    return None if at is None else at - started
