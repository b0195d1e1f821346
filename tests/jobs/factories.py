"""Jobs in a known state, made by use cases and the API: no test starts from an impossible one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, Final

from sqlalchemy import func, select, text

from dml.core.context import SYSTEM, Context
from dml.core.countries import ALPHA_2
from dml.core.ids import JobId, VersionId
from dml.jobs import processes, settling
from dml.jobs.models import Assignment, AssignmentState, JobPlaces, JobState
from dml.sim.population import Operator, publish
from tests.devices.factories import TestDevice, pair, permit
from tests.world import Person, World, soon

MODEL: Final = b"a model that these tests never run"
LABELS: Final = ["cat", "dog"]
SPEC: Final = {
    "kind": "image",
    "color": "grey",
    "width": 8,
    "height": 8,
    "resize": "stretch",
    "layout": "flat",
    "scale": 1,
    "mean": 0,
    "std": 1,
    "output": {"name": "probabilities", "activation": "none"},
}


def result(cat: int = 2, dog: int = 1, month: str = "2026-03") -> dict[str, Any]:
    """A result that adds up: all cats in one month, all dogs undated, one item uncertain."""
    return {
        "items": cat + dog + 1,
        "labels": {"cat": cat, "dog": dog},
        "uncertain": 1,
        "months": {month: {"cat": cat}},
        "undated": dog,
    }


@dataclass(frozen=True)
class Ordered:
    """A job, who ordered it, and whose model it runs."""

    id: JobId
    customer: Person
    developer: Person
    version_id: VersionId

    @property
    def path(self) -> str:
        return f"/v1/jobs/{self.id}"

    async def get(self) -> Any:
        return (await self.customer.get(self.path)).json()

    async def results(self) -> Any:
        return (await self.customer.get(f"{self.path}/results")).json()


async def make_version(
    world: World,
    developer: Person,
    *,
    model: bytes = MODEL,
    spec: Mapping[str, Any] = SPEC,
    labels: Sequence[str] = LABELS,
    device_fee: str = "0.01",
) -> VersionId:
    """An approved version of a listed algorithm, which no check has looked at."""
    parts = world.parts
    operator = Operator(parts.sessions, parts.keys, parts.blobs, parts.settings)
    return await publish(
        operator, developer.id, model=model, spec=spec, labels=labels, device_fee=device_fee
    )


def order(version_id: VersionId, **changes: Any) -> dict[str, Any]:
    body = {
        "version_id": str(version_id),
        "title": "Cats or dogs?",
        "max_devices": 10,
        "countries": ["ZW"],
        "reward": "0.1",
        "deadline": soon(days=1),
        "answers": "exact",
    }
    return body | changes


# Not those that tests name. After so many jobs in one process they come again.
_countries: Final = cycle(sorted(ALPHA_2 - {"VU", "WF", "YT", "ZA", "ZM", "ZW"}))
_here: Final = ["ZM"]
_LET_WAIT: Final = text("""
    UPDATE jobs SET state = 'paused'
    WHERE state = 'open' AND countries IN (ARRAY[CAST(:here AS text)], '{}')
""")


async def make_job(world: World, *, spec: Any = SPEC, **changes: Any) -> Ordered:
    """An open job in a country of its own, where the devices made next are: so no test's devices
    find another test's jobs. Its `customer`, if none is named, can pay for it, and
    so may its `developer` be.
    """
    _here[0] = next(_countries)
    async with world.parts.sessions.begin() as tx:  # What others left open there, waits.
        await tx.execute(_LET_WAIT, {"here": _here[0]})
    changes = {"countries": [_here[0]]} | changes
    developer = changes.pop("developer", None) or await world.person("developer")
    customer = changes.pop("customer", None) or await world.rich("customer", "1000")
    version_id = await make_version(world, developer, spec=spec)
    answer = await customer.post("/v1/jobs", order(version_id, **changes))
    assert answer.status_code == 201, answer.text
    return Ordered(JobId(answer.json()["id"]), customer, developer, version_id)


async def make_device(world: World, owner: Person | None = None, **changes: Any) -> TestDevice:
    """A device that may process photos, of somebody new unless an owner is named."""
    if owner is None:
        owner = await world.person("owner")
    await permit(owner, "photo")
    return await pair(world, owner, **{"country": _here[0]} | changes)


async def claim(device: TestDevice, most: int = 1) -> list[dict[str, Any]]:
    answer = await device.post("/v1/assignments/claim", {"max": most})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def hand_in(device: TestDevice, lease: Mapping[str, Any], body: Any = None) -> Any:
    return await device.post(f"/v1/assignments/{lease['id']}/result", body or result())


async def work(world: World, job: Ordered, devices: int) -> list[TestDevice]:
    """Let so many new devices, each of another owner, run the job and hand in `result()`."""
    made = [await make_device(world) for _ in range(devices)]
    for device in made:
        (lease,) = await claim_of(device, job)
        answer = await hand_in(device, lease)
        assert answer.status_code == 200, answer.text
    return made


async def claim_of(device: TestDevice, job: Ordered) -> list[dict[str, Any]]:
    """Claim once: what comes is of this job."""
    items = await claim(device)
    assert {it["job_id"] for it in items} <= {str(job.id)}
    return items


async def fold(world: World) -> int:
    """Fold all that waits, as a worker does. Return how many results that were."""
    done, folding = 0, processes.Folding()
    while True:
        async with world.parts.sessions.begin() as tx:
            folded = await folding.fold(Context(tx, SYSTEM, datetime.now(UTC)))
        done += folded
        if not folded:
            return done


async def settle(world: World, job: Ordered, reason: JobState | None = None) -> str:
    """End a job, for that reason if it is not settling yet, as its process does."""
    if reason is not None:
        async with world.parts.sessions.begin() as tx:
            await settling.end(Context(tx, SYSTEM, datetime.now(UTC)), job.id, reason)
    async with world.parts.sessions.begin() as tx:
        return await settling.try_to_settle(Context(tx, SYSTEM, datetime.now(UTC)), job.id)


async def sweep(world: World) -> int:
    async with world.parts.sessions.begin() as tx:
        return await processes.sweep(Context(tx, SYSTEM, datetime.now(UTC)))


async def places(world: World, job: Ordered) -> tuple[int, int, int]:
    """How many places are open, leased and accepted: they always add up."""
    async with world.parts.sessions() as tx:
        query = select(func.sum(JobPlaces.open)).where(JobPlaces.job_id == job.id)
        opened = await tx.scalar(query) or 0
        states = select(Assignment.state, func.count()).where(Assignment.job_id == job.id)
        rows = await tx.execute(states.group_by("state"))
        counts = {row.state: row[1] for row in rows}
    leased = counts.get(AssignmentState.LEASED, 0)
    return opened, leased, counts.get(AssignmentState.ACCEPTED, 0)
