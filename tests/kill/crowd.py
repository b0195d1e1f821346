"""Devices and customers that behave as clients should: they repeat the same request until it is
answered, and write down every answer that they can rely on.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

import httpx2

from dml.core.ids import JobId, UserId, VersionId
from dml.core.money import parse
from dml.jobs.models import JobState
from tests.devices.factories import TestDevice, signed
from tests.jobs.factories import order
from tests.world import Person

LOST: Final = (httpx2.NetworkError, httpx2.TimeoutException, httpx2.RemoteProtocolError)
PATIENCE_SECONDS: Final = 90.0
MONTHS: Final = ("2025-12", "2026-01", "2026-02", "2026-03")

Result = dict[str, Any]
Send = Callable[[], Awaitable[httpx2.Response]]


@dataclass(frozen=True)
class Handed:
    """A result whose acceptance a device has seen."""

    job_id: str
    owner_id: UserId
    result: Result


@dataclass
class Record:
    """What clients have seen, and what they should not have."""

    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    calm: bool = False  # From then on no device lets a lease go, so that jobs fill and end.
    accepted: dict[str, Handed] = field(default_factory=dict)  # By assignment.
    unsure: set[str] = field(default_factory=set)  # Refused, after an answer that was lost.
    assignments: list[str] = field(default_factory=list)
    answer_seconds: list[float] = field(default_factory=list)
    passing: set[int] = field(default_factory=lambda: {429, 503})  # What is tried again.
    most_tries: int = 0
    longest: float = 0.0  # In seconds, from the first try to an answer.

    def expect(self, holds: bool, what: str, answer: object = "") -> None:
        self.seen[what] += 1
        if not holds:
            told = (
                f"{answer.status_code} {answer.text}"
                if isinstance(answer, httpx2.Response)
                else answer
            )
            self.wrong.append(f"{what}: {told}")

    async def sure(self, send: Send, first: Send | None = None) -> tuple[httpx2.Response, bool]:
        """Repeat a request until it is answered; tell whether it had to be repeated.

        The first try may be another one: of a client that soon gives up waiting.
        """
        began, repeated, pause, tries = time.monotonic(), False, 0.2, 0
        while time.monotonic() < began + PATIENCE_SECONDS:
            sent, tries = time.monotonic(), tries + 1
            try:
                answer = await (send if repeated or first is None else first)()
                if answer.status_code < 500 and answer.status_code != 429:
                    self.answer_seconds.append(time.monotonic() - sent)
                    self.most_tries = max(self.most_tries, tries)
                    self.longest = max(self.longest, time.monotonic() - began)
                    return answer, repeated
                self.seen[f"{answer.status_code}, asked again"] += 1
                if answer.status_code not in self.passing:
                    self.wrong.append(f"{answer.status_code}: {answer.request.url} {answer.text}")
            except LOST as error:
                self.seen[f"{type(error).__name__}, asked again"] += 1
            repeated, pause = True, min(1.5 * pause, 3)
            await asyncio.sleep(random.uniform(0.5, 1) * pause)
        raise TimeoutError(f"nobody answers: {self.seen}")


@dataclass
class Lease:
    id: str
    job_id: str
    good_until: float  # On the device's clock: certainly so long.
    over_at: float  # Certainly over.

    @property
    def path(self) -> str:
        return f"/v1/assignments/{self.id}"

    def renew(self, sent: float, seconds: int) -> None:
        self.good_until = sent + seconds
        self.over_at = time.monotonic() + seconds + 1.2


@dataclass
class Agent:
    """A device that works, and does now and then what a device may do wrong."""

    device: TestDevice
    record: Record
    chance: random.Random
    work_seconds: float  # At most, for one assignment.
    idle_seconds: float  # At most, between two claims.
    token: str = ""
    mine: set[str] = field(default_factory=set)  # Every assignment that it ever had.

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            sent = time.monotonic()
            answer, _ = await self.ask(
                "/v1/assignments/claim", {"max": self.chance.choice((1, 1, 2, 3))}
            )
            self.record.expect(answer.status_code == 200, "claimed", answer)
            leases = []
            for it in answer.json().get("items", []):
                lease = Lease(it["id"], it["job_id"], 0, 0)
                lease.renew(sent, it["lease_seconds"])
                leases.append(lease)
            self.record.assignments += [it.id for it in leases]
            self.mine.update(it.id for it in leases)
            for lease in leases:
                await self.work(lease)
            await asyncio.sleep(self.chance.uniform(0, self.idle_seconds))

    async def ask(self, path: str, body: Any = None) -> tuple[httpx2.Response, bool]:
        """Send a request until it is answered, with a new token where the old one is over."""
        while True:
            if not self.token:
                await self._authorize()
            headers = {"Authorization": f"Bearer {self.token}"}
            send = partial(self.device.client.post, path, json=body, headers=headers)
            hasty = partial(send, timeout=self.chance.uniform(0.002, 0.05))
            first = hasty if self.chance.random() < 0.1 else send
            answer, repeated = await self.record.sure(send, first)
            if answer.status_code != 401:
                return answer, repeated
            self.token = ""

    async def _authorize(self) -> None:
        while True:
            answer, _ = await self.record.sure(
                lambda: self.device.client.post(f"{self.device.path}/nonce")
            )
            assertion = signed(self.device.key, self.device.claims(answer.json()["nonce"]))
            answer, repeated = await self.record.sure(partial(self.device.prove, assertion))
            if answer.status_code == 200:
                self.token = answer.json()["access_token"]
                self.record.seen["got a token"] += 1
                return
            # Its nonce may have been used by a request whose answer was lost.
            self.record.expect(repeated, "token refused", answer)

    async def work(self, lease: Lease) -> None:
        await asyncio.sleep(self.chance.uniform(0, self.work_seconds))
        what, result = self.chance.random(), self.some_result()
        if self.record.calm:
            await self.hand_in(lease, result)
        elif what < 0.06:
            await self._release(lease)
        elif what < 0.12:
            await self._hand_in_late(lease, result)
        elif what < 0.20:
            await self._hand_in_at_once(lease, [result, result, result])
        elif what < 0.28:
            await self._hand_in_at_once(lease, [result, self.some_result(unlike=result)])
        else:
            if what < 0.36:
                await self._hand_in_wrongly(lease, result)
            elif what < 0.56:
                await self._heartbeat(lease)
            if await self.hand_in(lease, result) and what > 0.7:
                await self._hand_in_again(lease, result)

    async def hand_in(self, lease: Lease, result: Result) -> bool:
        answer, repeated = await self.ask(f"{lease.path}/result", result)
        if answer.status_code == 200:
            self._note(lease, result)
            return True
        self._expect_over(lease, answer, "result refused: the lease is over")
        if repeated:
            self.record.unsure.add(lease.id)
        return False

    async def _hand_in_at_once(self, lease: Lease, results: list[Result]) -> None:
        """Send several at the same time: one body wins, and whoever sent that is told so."""
        answers = await asyncio.gather(*(self.ask(f"{lease.path}/result", it) for it in results))
        won = [
            it
            for it, (answer, _) in zip(results, answers, strict=True)
            if answer.status_code == 200
        ]
        for it in won:
            self._note(lease, it)
        for answer, repeated in answers:
            if answer.status_code != 200 and not (
                won and _code(answer) == "jobs.another_result_accepted"
            ):
                self._expect_over(lease, answer, "one of several refused: the lease is over")
                if repeated:
                    self.record.unsure.add(lease.id)
        self.record.seen["several at once"] += 1

    async def _hand_in_late(self, lease: Lease, result: Result) -> None:
        await asyncio.sleep(max(0.0, lease.over_at - time.monotonic()))
        answer, _ = await self.ask(f"{lease.path}/result", result)
        self.record.expect(_code(answer) == "jobs.lease_over", "late result refused", answer)

    async def _hand_in_wrongly(self, lease: Lease, result: Result) -> None:
        answer, _ = await self.ask(f"{lease.path}/result", result | {"items": result["items"] + 1})
        self.record.expect(answer.status_code == 422, "result that does not add up refused", answer)
        other = self.chance.choice(self.record.assignments)
        if other not in self.mine:
            answer, _ = await self.ask(f"/v1/assignments/{other}/result", result)
            holds = answer.status_code == 404
            self.record.expect(holds, "result for another's assignment refused", answer)

    async def _hand_in_again(self, lease: Lease, result: Result) -> None:
        answer, _ = await self.ask(f"{lease.path}/result", result)
        self.record.expect(answer.status_code == 200, "same result again accepted", answer)
        answer, _ = await self.ask(f"{lease.path}/result", self.some_result(unlike=result))
        code = _code(answer)
        self.record.expect(code == "jobs.another_result_accepted", "other result refused", answer)

    async def _heartbeat(self, lease: Lease) -> None:
        sent = time.monotonic()
        answer, _ = await self.ask(f"{lease.path}/heartbeat")
        if answer.status_code == 200:
            lease.renew(sent, answer.json()["lease_seconds"])
            self.record.seen["lease extended"] += 1
        else:
            self._expect_over(lease, answer, "heartbeat refused: the lease is over")

    async def _release(self, lease: Lease) -> None:
        for _ in range(2):
            answer, _ = await self.ask(f"{lease.path}/release")
            self.record.expect(answer.status_code == 204, "released", answer)

    def _expect_over(self, lease: Lease, answer: httpx2.Response, what: str) -> None:
        holds = _code(answer) == "jobs.lease_over" and time.monotonic() >= lease.good_until
        self.record.expect(holds, what, answer)

    def _note(self, lease: Lease, result: Result) -> None:
        known = self.record.accepted.setdefault(
            lease.id, Handed(lease.job_id, self.device.owner.id, result)
        )
        self.record.expect(known.result == result, "accepted", f"{lease.id} twice")

    def some_result(self, unlike: Result | None = None) -> Result:
        """Return a result that adds up."""
        by_month = {
            it: {"cat": self.chance.randrange(4), "dog": self.chance.randrange(3)}
            for it in self.chance.sample(MONTHS, self.chance.randrange(len(MONTHS)))
        }
        undated = {"cat": self.chance.randrange(50), "dog": self.chance.randrange(50)}
        labels = {
            it: undated[it] + sum(counts[it] for counts in by_month.values()) for it in undated
        }
        uncertain = self.chance.randrange(10)
        made = {
            "items": sum(labels.values()) + uncertain,
            "labels": labels,
            "uncertain": uncertain,
            "months": by_month,
            "undated": sum(undated.values()),
        }
        return self.some_result(unlike) if made == unlike else made


@dataclass(frozen=True)
class Job:
    """What a customer ordered, and how it should end."""

    id: JobId
    customer: Person
    developer_id: UserId
    max_devices: int
    reward: int
    device_fee: int
    platform_fee: int
    end: JobState

    @property
    def path(self) -> str:
        return f"/v1/jobs/{self.id}"

    @property
    def cost_of_one(self) -> int:
        return self.reward + self.device_fee + self.platform_fee


@dataclass
class Customer:
    """Somebody who orders jobs through whatever happens, each once."""

    person: Person
    developer_id: UserId
    version_id: VersionId
    record: Record
    ordered: list[Job] = field(default_factory=list)

    async def order(self, *, end: JobState, seconds: float = 900, **wanted: Any) -> Job:
        deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        body = order(self.version_id, deadline=deadline.isoformat(), **{"countries": []} | wanted)
        headers = {"Idempotency-Key": str(uuid4())}
        answer, _ = await self.record.sure(
            lambda: self.person.post("/v1/jobs", body, headers=headers)
        )
        assert answer.status_code == 201, answer.text
        it = answer.json()
        job = Job(
            id=JobId(it["id"]),
            customer=self.person,
            developer_id=self.developer_id,
            max_devices=it["max_devices"],
            reward=parse(it["reward"]),
            device_fee=parse(it["device_fee"]),
            platform_fee=parse(it["platform_fee"]),
            end=end,
        )
        self.ordered.append(job)
        return job

    async def tell(self, job: Job, verb: str) -> None:
        """Pause, resume or close a job. What was done and not answered is refused when repeated,
        and a job that is full by what was under way has ended.
        """
        answer, repeated = await self.record.sure(lambda: self.person.post(f"{job.path}/{verb}"))
        is_over = answer.json().get("state") in ("settling", "completed")
        self.record.expect(answer.status_code == 200 or repeated or is_over, verb, answer)


def _code(answer: httpx2.Response) -> str:
    return str(answer.json().get("code")) if answer.status_code >= 400 else ""
