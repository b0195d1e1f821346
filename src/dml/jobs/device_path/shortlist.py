"""Which open job to propose to a device: a list in memory, about a second old.

It only proposes, and the claim statement is the judge (docs/decisions/0007). A device meets the
jobs in the order of their ids, from a place that moves on with each claim: so every open job gets
devices, the newest as well as the oldest, and a big one keeps none away from the others.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.batching import DatabaseAway
from dml.core.db import RawConnection, raw
from dml.core.ids import DeviceId, JobId
from dml.devices.queries import DeviceProfile
from dml.jobs.device_path import lookups
from dml.jobs.device_path.lookups import Offer

JOBS_TRIED_MAX: Final = 256  # Jobs that one claim looks at: the next one looks on from there.
REMEMBERED_MAX: Final = 200_000  # (device, job) pairs that are known to be done.
PATIENCE_SECONDS: Final = 2.0  # So long a claim waits for a list.
_OFFERS_AT_ONCE: Final = 1_000


class Shortlist:
    """`fresh_seconds` is how old the list may be; from thrice that on, a claim waits for a new one.

    Refreshing costs O(open jobs), however many claims come meanwhile; proposing O(1) where few of
    the jobs are done or refused by the device.
    """

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        *,
        fresh_seconds: float,
        agree_to_exact: bool = False,
    ) -> None:
        self._sessions = sessions
        self._agree_to_exact = agree_to_exact  # All owners do, says the operator.
        self._fresh_seconds = fresh_seconds
        self._listed: list[Any] = []
        self._offers: dict[JobId, Offer] = {}
        self._by_place: dict[tuple[str, str | None], list[Offer]] = {}
        self._read_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None
        self._turn = 0
        self._full: set[JobId] = set()  # Since the list was read.
        self._not_now: set[tuple[DeviceId, JobId]] = set()
        self._done: dict[DeviceId, set[JobId]] = {}  # The device heard of last comes last.
        self._remembered = 0

    async def be_fresh(self) -> None:
        """Read the list anew if it is too old: beside the claims, unless it is far too old."""
        age = time.monotonic() - self._read_at
        if age <= self._fresh_seconds:
            return
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        if age > 3 * self._fresh_seconds:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await asyncio.shield(self._refreshing)
            except TimeoutError:
                raise DatabaseAway(retry_after_seconds=1) from None
        else:
            self._refreshing.add_done_callback(_forget_failure)

    def propose(self, device: DeviceProfile, spec_version: int) -> Iterator[Offer]:
        """Yield open jobs that this device may run and is not known to have run.

        `spec_version` is the latest version of an input spec that its agent can prepare.
        """
        places = [(kind, where) for kind in device.kinds for where in {device.country, None}]
        lists = [offers for it in places if (offers := self._by_place.get(it))]
        self._turn += 1
        done = self._done.get(device.device_id) or set()
        for offers in lists:
            for step in range(min(len(offers), JOBS_TRIED_MAX)):
                offer = offers[(self._turn + step) % len(offers)]
                if (
                    offer.spec_version <= spec_version
                    and offer.least_memory_mib <= device.memory_mib
                    and offer.least_speed <= device.speed
                    and offer.id not in done
                    and offer.id not in self._full
                    and (device.device_id, offer.id) not in self._not_now
                    and (not offer.needs_agreement or self._agree_to_exact or device.allows_exact)
                    and not _refused(device, offer)
                ):
                    yield offer

    def is_full(self, job_id: JobId) -> None:
        """Propose this job no more until the list is read anew."""
        self._full.add(job_id)

    def not_now(self, device_id: DeviceId, job_id: JobId) -> None:
        """Propose this job to this device no more until the list is read anew."""
        self._not_now.add((device_id, job_id))

    def is_done(self, device_id: DeviceId, job_id: JobId) -> None:
        """Propose this job to this device no more, as far as memory goes."""
        done = self._done.pop(device_id, set())
        self._remembered += job_id not in done
        done.add(job_id)
        self._done[device_id] = done
        while self._remembered > REMEMBERED_MAX:
            oldest = next(iter(self._done))
            self._remembered -= len(self._done.pop(oldest))

    async def _refresh(self) -> None:
        async with self._sessions() as tx:
            connection, began = await raw(tx), time.monotonic()
            listed = await lookups.list_open_jobs(connection)
            self._full, self._not_now = set(), set()
            if listed != self._listed:
                await self._list(connection, listed)
        self._read_at = began

    async def _list(self, connection: RawConnection, listed: list[Any]) -> None:
        """Take up a list of other jobs than before: only what is new is read."""
        new = [job_id for job_id in listed if job_id not in self._offers]
        offers = {job_id: offer for job_id in listed if (offer := self._offers.get(job_id))}
        for first in range(0, len(new), _OFFERS_AT_ONCE):
            known = {it.version_id: it.labels for it in offers.values()}
            part = await lookups.list_offers(
                connection, new[first : first + _OFFERS_AT_ONCE], known
            )
            offers.update((it.id, it) for it in part)
        by_place: defaultdict[tuple[str, str | None], list[Offer]] = defaultdict(list)
        for job_id in listed:
            offer = offers[job_id]
            for country in offer.countries or (None,):
                by_place[offer.data_kind, country].append(offer)
        self._listed, self._offers, self._by_place = listed, offers, dict(by_place)


def _refused(device: DeviceProfile, offer: Offer) -> bool:
    return (
        offer.id in device.refused_jobs
        or offer.developer_id in device.refused_developers
        or not device.refused_labels.isdisjoint(offer.labels)
        or not device.refused_countries.isdisjoint(offer.countries)
        or (offer.epsilon or 0) > (device.max_epsilon or math.inf)
    )


def _forget_failure(refreshing: "asyncio.Task[None]") -> None:
    """The database is away: the list stays as it is, and the next claim tries again."""
    if not refreshing.cancelled():
        refreshing.exception()
