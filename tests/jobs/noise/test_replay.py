"""Who learns what of a noisy job, and when: one result at a time, by all that there is to read.

docs/privacy-of-answers.md says it in a table; what it does not name, never moves.
"""

import re
import time
from typing import Any, Final, TypeAlias

from sqlalchemy import select

from dml.algorithms.models import Version
from dml.jobs.models import JobState
from tests.conftest import ROOT
from tests.jobs.factories import Ordered, claim_of, fold, hand_in, make_device, result, settle
from tests.jobs.noise.test_noisy_jobs import noisy_job
from tests.world import Person, World

OTHERS: Final = (
    *("/v1/admin/", "/v1/moderation/", "/v1/bounties", "/v1/organisations", "/v1/wallets"),
    *("/v1/users/me/", "/v1/sessions/", "/v1/developer-agreement", "/v1/payments/chain"),
)
ROLES: Final = ("customer", "developer")
NOTHING: Final = {"items": 0, "labels": {}, "uncertain": 0, "months": {}, "undated": 0}
_ROW: Final = re.compile(r"\| `(/v1/[^`]+)` \| ([^|]+) \| ([^|]+) \|")


def readable(world: World) -> list[str]:
    """What can be read of a job, its model, and of whoever has to do with it."""
    known = {"job_id", "algorithm_id", "version_id", "user_id"}
    found = []
    for path, verbs in world.app.openapi()["paths"].items():
        kinds = verbs.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        is_text = {"application/json", "text/csv"} & kinds.keys()
        is_ours = path.startswith("/v1/") and not path.startswith(OTHERS)
        # How many devices there are is read again after a while, whatever jobs do.
        is_ours = is_ours and not path.endswith("/device-count")
        if is_text and is_ours and {*re.findall(r"\{(\w+)\}", path)} <= known:
            found.append(path)
    return found


async def log_of(person: Person) -> Any:
    """All pages of the event log, and how far it reaches: others may have filled the first."""
    pages, asked = [], dict[str, Any]()
    while True:
        page = (await person.get("/v1/events", params=asked)).json()
        pages.append(page["items"])
        if not page["has_more"]:
            return pages, page["position"]
        asked["after"] = page["position"]


async def look(world: World, job: Ordered) -> "Seen":
    """All of it, as customer and as developer."""
    async with world.parts.sessions() as tx:
        query = select(Version.algorithm_id).where(Version.id == job.version_id)
        algorithm_id = await tx.scalar(query)
    people: dict[str, Person] = {"customer": job.customer, "developer": job.developer}
    found: Seen = {}
    for role, person in people.items():
        ids = {"job_id": job.id, "algorithm_id": algorithm_id, "version_id": job.version_id}
        for path in readable(world):
            if path == "/v1/events":
                found[role, path] = await log_of(person)
                continue
            answer = await person.get(path.format(**ids, user_id=person.id))
            found[role, path] = (answer.status_code, answer.headers.get("etag"), answer.text)
    return found


Seen: TypeAlias = dict[tuple[str, str], Any]


async def look_again(
    world: World, job: Ordered, before: Seen, moves: set[tuple[str, str]]
) -> tuple[Seen, set[tuple[str, str]]]:
    """Look, and what moved since. The event log tells late, so what should move is waited for."""
    until = time.monotonic() + 20
    while True:
        after = await look(world, job)
        moved = {it for it in after if after[it] != before[it]}
        if moves <= moved or time.monotonic() > until:
            return after, moved


def told_at(moment: str) -> set[tuple[str, str]]:
    """Who learns what at that moment, as the table says."""
    page = (ROOT / "docs/privacy-of-answers.md").read_text()
    return {
        (role, path)
        for path, *cells in _ROW.findall(page)
        for role, cell in zip(ROLES, cells, strict=True)
        if moment in cell
    }


async def test_each_role_learns_what_the_table_says_and_nothing_between(world: World) -> None:
    job = await noisy_job(world, max_devices=6)
    devices = [await make_device(world) for _ in range(6)]
    leases = [(await claim_of(device, job))[0] for device in devices]
    while not await job.customer.events(subject=f"job:{job.id}"):
        """The log tells late that the job was created."""
    before, moved = await look(world, job), []
    for number, (device, lease) in enumerate(zip(devices, leases, strict=True)):
        body = NOTHING if number % 2 else result(cat=2, dog=1)
        assert (await hand_in(device, lease, body)).status_code == 200
        await fold(world)
        moves = told_at("step") if number == 4 else set()
        before, found = await look_again(world, job, before, moves)
        moved.append(found)
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    _, at_end = await look_again(world, job, before, told_at("end"))
    assert len(told_at("step")) > 9
    assert moved == [set()] * 4 + [told_at("step")] + [set()]
    assert at_end == told_at("end")
