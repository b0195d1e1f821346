"""Claim, heartbeat, release and result, as short as they can be.

Each verb is a statement that waiting requests share (core/batching.py). Around it is what need not
be asked each time: who holds a token, what a job's devices must know, which job may fit a device.
The statement is the judge of all that can change: revocation, profile, places and leases.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from cachetools import LRUCache
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core import metrics
from dml.core.addresses import network_of
from dml.core.batching import Batcher, ItemT, OutcomeT, Statement
from dml.core.db import RawConnection, connect_hot
from dml.core.ids import AssignmentId, DeviceId, JobId, VersionId, new_id
from dml.core.settings import Settings
from dml.core.tokens import Keys
from dml.devices import queries as device_queries, statements as device_statements
from dml.devices.queries import DeviceProfile
from dml.devices.rules import SEEN_AGAIN_AFTER, NotADevice, Revoked
from dml.devices.tokens import DeviceActor, KnownTokens
from dml.inference.counts import Counts
from dml.jobs import counting, rules
from dml.jobs.budgets.service import bounds_of
from dml.jobs.counting import ResultTerms
from dml.jobs.device_path import lookups, statements
from dml.jobs.device_path.lookups import JobFacts, LeaseFacts, Model
from dml.jobs.device_path.outcomes import (
    Answered,
    AssignmentOutcome,
    Claim,
    Claimed,
    ClaimVerdict,
    Leased,
    Sent,
)
from dml.jobs.device_path.pacing import Idle, Rates
from dml.jobs.device_path.shortlist import Shortlist

log = logging.getLogger(__name__)
PROPOSALS_MAX: Final = 10  # Jobs that one claim tries, beyond those that it leases.
KNOWN_DEVICES: Final = 50_000
KNOWN_ASSIGNMENTS: Final = 100_000
KNOWN_JOBS: Final = 10_000
KNOWN_MODELS_BYTES: Final = 64 * 1024 * 1024
TICK_SECONDS: Final = 1.0


class Lease(NamedTuple):
    """A live lease, and what its device must know of the job."""

    leased: Leased
    facts: LeaseFacts


class Claimable(NamedTuple):
    """What a claim gave: live leases; or when to come back, and why if its owner can mend it."""

    leases: list[Lease]
    retry_after_seconds: int
    reason: str | None


class DevicePath:
    """The device path of one API process: its connections, and what it keeps in memory."""

    def __init__(
        self,
        database_url: str,
        sessions: async_sessionmaker[AsyncSession],
        keys: Keys,
        settings: Settings,
    ) -> None:
        self._sessions = sessions
        lease = timedelta(seconds=settings.lease_seconds)
        longest = timedelta(seconds=settings.try_seconds)
        self._shortlist = Shortlist(
            sessions,
            fresh_seconds=settings.shortlist_seconds,
            agree_to_exact=settings.exact_answers == "anybody",
        )
        self._idle = Idle()
        self._tokens = KnownTokens(keys)
        self._rates = Rates(
            each_device=settings.device_requests_a_minute,
            each_address=settings.address_requests_a_minute,
        )
        self._profiles: dict[DeviceId, DeviceProfile] = {}
        self._jobs_of: dict[tuple[AssignmentId, DeviceId], JobId] = {}
        self._facts: LRUCache[JobId, JobFacts] = LRUCache(KNOWN_JOBS)
        self._models: LRUCache[VersionId, Model] = LRUCache(KNOWN_MODELS_BYTES, _size)
        self._seen: dict[DeviceId, float] = {}
        self._to_see: set[DeviceId] = set()

        async def connect() -> RawConnection:
            return await connect_hot(database_url, name="dml api device path")

        def share(verb: str, statement: Statement[ItemT, OutcomeT]) -> Batcher[ItemT, OutcomeT]:
            made = Batcher(connect, statement, size_of=_size_of, observe=_observing(verb))
            self._batchers[verb] = made
            return made

        self._batchers: dict[str, Batcher[Any, Any]] = {}
        budget = bounds_of(settings)
        lease_one = partial(statements.claim, lease=lease, longest=longest, budget=budget)
        self._claims = share("claim", lease_one)
        self._results = share("result", statements.accept)
        self._beats = share("heartbeat", partial(statements.extend, lease=lease, longest=longest))
        self._releases = share("release", statements.release)
        self._profile_reads = share("profile", device_queries.find_profiles)
        self._fact_reads = share("job", lookups.find_facts)
        self._model_reads = share("model", lookups.find_models)
        self._job_reads = share("job_of", lookups.find_jobs_of)
        self._ticking = asyncio.create_task(self._tick())

    async def close(self) -> None:
        """Stop, and refuse who still waits."""
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)
        for batcher in self._batchers.values():
            await batcher.close()

    def admit(self, token: str | None, address: str) -> DeviceActor:
        """Tell which device asks, or refuse it: for its token, or for asking too often."""
        self._rates.count_address(network_of(address))
        device = self._tokens.read(token)
        self._rates.count_device(device.device_id)
        self._note_visit(device.device_id)
        return device

    async def claim(self, device: DeviceActor, *, most: int, spec_version: int) -> Claimable:
        """Give a device its live leases, and new ones up to `most` in all, each of another job.

        New ones are of models whose input its agent can prepare: up to this version of the spec.
        """
        profile = await self._profile(device)
        await self._shortlist.be_fresh()
        proposals = self._shortlist.propose(profile, spec_version)
        claimed, is_spent = Claimed(ClaimVerdict.ASKED), False
        for _ in range(PROPOSALS_MAX + most):
            offer = next(proposals, None)
            job_id = offer.id if offer else None
            claimed = await self._claims.ask(
                Claim(
                    AssignmentId(new_id()),
                    job_id,
                    device.device_id,
                    device.owner_id,
                    profile.stamp,
                    most,
                )
            )
            if claimed.verdict is ClaimVerdict.STALE:
                profile = await self._profile(device, anew=True)
                proposals = self._shortlist.propose(profile, spec_version)
                continue
            is_spent |= claimed.verdict is ClaimVerdict.SPENT
            if job_id is None or self._is_enough(claimed, device, job_id, most):
                break
        _require_device(claimed.verdict)
        leases = [await self._describe(it, device.device_id) for it in claimed.leases[:most]]
        if leases:
            return Claimable(leases, 0, None)
        reason = _SPENT if is_spent else _why_none(profile)
        return Claimable([], self._idle.retry_after_seconds(), reason)

    async def heartbeat(self, device: DeviceActor, assignment_id: AssignmentId) -> Answered:
        """Extend a live lease, as far as its try and its job go. The answer says until when."""
        sent = Sent(assignment_id, device.device_id, device.owner_id)
        return _accepted(await self._beats.ask(sent))

    async def release(self, device: DeviceActor, assignment_id: AssignmentId) -> None:
        """Give a place back. One that was given back, or ran out, is given back already."""
        sent = Sent(assignment_id, device.device_id, device.owner_id)
        _accepted(await self._releases.ask(sent), being=AssignmentOutcome.RELEASED)

    async def accept_result(
        self, device: DeviceActor, assignment_id: AssignmentId, result: Counts
    ) -> None:
        """Accept a result, or refuse it with the reason. The same one again is accepted again.

        A refused result costs nothing: the lease lives on, and a corrected one may follow.
        """
        job_id = await self._job_of(assignment_id, device.device_id)
        job, model = (facts := await self._known(job_id)).job, facts.model
        period, bounds = (job.date_from, job.date_to), (job.max_items, job.max_norm)
        terms = ResultTerms(model.labels, model.places, *period, *bounds)
        counting.check(result, terms, datetime.now(UTC))
        body = counting.canonical(result)
        sent = Sent(assignment_id, device.device_id, device.owner_id, body)
        _accepted(await self._results.ask(sent))
        self._shortlist.is_done(device.device_id, job_id)

    def _is_enough(self, claimed: Claimed, device: DeviceActor, job_id: JobId, most: int) -> bool:
        """Learn from what became of a proposal; tell whether the claim is at its end."""
        match claimed.verdict:
            case ClaimVerdict.DONE:
                self._shortlist.is_done(device.device_id, job_id)
            case ClaimVerdict.NOT_NOW | ClaimVerdict.SPENT:
                self._shortlist.not_now(device.device_id, job_id)
            case ClaimVerdict.NONE:
                self._shortlist.is_full(job_id)
            case ClaimVerdict.LEASED:
                return len(claimed.leases) >= most
            case _:
                return True
        return False

    async def _profile(self, device: DeviceActor, *, anew: bool = False) -> DeviceProfile:
        """What is known of a device; the claim statement tells where that has changed."""
        known = None if anew else self._profiles.get(device.device_id)
        if known is None:
            known = await self._profile_reads.ask(device.device_id)
            if known is None or known.owner_id != device.owner_id:
                raise NotADevice
            self._profiles[device.device_id] = known
        return known

    async def _job_of(self, assignment_id: AssignmentId, device_id: DeviceId) -> JobId:
        """The job of this device's assignment. Of another's it learns nothing, not even errors."""
        asked = (assignment_id, device_id)
        known = self._jobs_of.get(asked)
        if known is None:
            known = await self._job_reads.ask(asked)
            if known is None:
                raise rules.AssignmentNotFound
            self._jobs_of[asked] = known
        return known

    async def _known(self, job_id: JobId) -> LeaseFacts:
        try:
            job = self._facts[job_id]
        except KeyError:
            read = await self._fact_reads.ask(job_id)
            assert read is not None, "an assignment names a job that is there"
            job = self._facts[job_id] = read
        try:
            model = self._models[job.version_id]
        except KeyError:
            found = await self._model_reads.ask(job.version_id)
            assert found is not None, "a job names a version that is there"
            model = found
            with contextlib.suppress(ValueError):  # Larger than all that may be kept.
                self._models[job.version_id] = model
        return LeaseFacts(job, model)

    async def _describe(self, leased: Leased, device_id: DeviceId) -> Lease:
        facts = await self._known(leased.job_id)
        self._jobs_of[leased.id, device_id] = leased.job_id
        return Lease(leased, facts)

    def _note_visit(self, device_id: DeviceId) -> None:
        now = time.monotonic()
        if now - self._seen.get(device_id, float("-inf")) > SEEN_AGAIN_AFTER.total_seconds():
            self._seen.pop(device_id, None)  # So that the one seen last comes last.
            self._seen[device_id] = now
            self._to_see.add(device_id)

    async def _tick(self) -> None:
        """Once a second: write down who was seen, and judge how many come in vain."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._idle.adapt(TICK_SECONDS)
            for verb, batcher in self._batchers.items():
                metrics.QUEUE_LENGTH.set(len(batcher), verb)
            seen, self._to_see = self._to_see, set()
            _forget_oldest(self._seen, KNOWN_DEVICES)
            _forget_oldest(self._profiles, KNOWN_DEVICES)
            _forget_oldest(self._jobs_of, KNOWN_ASSIGNMENTS)
            if not seen:
                continue
            try:
                async with self._sessions.begin() as tx:
                    await device_statements.see_all(tx, seen)
            except Exception as error:  # The database is away: a visit is not worth a retry.
                log.warning("cannot note the visits of %d devices: %s", len(seen), error)


def _require_device(verdict: ClaimVerdict) -> None:
    if verdict is ClaimVerdict.UNKNOWN:
        raise NotADevice
    if verdict is ClaimVerdict.REVOKED:
        raise Revoked


def _accepted(answered: Answered, *, being: AssignmentOutcome | None = None) -> Answered:
    """Return the answer where it is a good one, or raise what it refuses."""
    match answered.outcome:
        case AssignmentOutcome.UNKNOWN:
            raise NotADevice
        case AssignmentOutcome.REVOKED:
            raise Revoked
        case AssignmentOutcome.NOT_FOUND:
            raise rules.AssignmentNotFound
        case AssignmentOutcome.RECALLED:
            raise rules.VersionRecalled
        case AssignmentOutcome.NOT_LIVE:
            raise rules.LeaseOver(state=answered.state)
        case AssignmentOutcome.OTHER_BODY:
            raise rules.AnotherResultAccepted
        case outcome if being is not None and outcome is not being:
            raise rules.AnotherResultAccepted
    return answered


def _forget_oldest(known: dict[Any, Any], most: int) -> None:
    """Once a second, so that no request pays for it: what came first goes first."""
    for key in list(islice(known, max(0, len(known) - most))):
        del known[key]


def _size_of(item: object) -> int:
    return len(item.body) if isinstance(item, Sent) else 0


def _observing(verb: str) -> Callable[[int], None]:
    return lambda number: metrics.BATCH_ITEMS.observe(number, verb)


def _size(model: Model) -> int:
    """About how many bytes this holds: each label is a string, and a key of the places."""
    return 1_000 + len(model.input_spec) + sum(200 + len(it) for it in model.labels)


_SPENT: Final = (
    "The privacy budget of this device's owner does not cover the work there is, or is paused. "
    "What was spent comes back after 30 days; its owner may set another budget."
)


def _why_none(profile: DeviceProfile) -> str | None:
    """Say what keeps all work from a device, where its owner can mend that."""
    if profile.suspended:
        return "The account of this device's owner is suspended. Its owner reads why at signing in."
    if profile.kinds:
        return None
    return (
        "This device may process nothing: its owner permits no kind of data that it has. "
        "See `permitted_kinds` of the owner's profile and of the device."
    )
