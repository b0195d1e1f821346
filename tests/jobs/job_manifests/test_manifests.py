"""All that a job may learn: one public document, named by its hash, that never changes."""

import hashlib

from sqlalchemy import update

from dml.core.ids import new_id
from dml.inference import canonical_json
from dml.jobs.models import Job
from tests.accounts.privacy.test_erasing import erase
from tests.algorithms.test_ratings import run
from tests.jobs.factories import LABELS, MODEL, SPEC, claim_of, make_device, make_job
from tests.world import World, problem


async def test_anybody_reads_all_that_a_job_may_learn_and_not_whose_it_is(world: World) -> None:
    job = await make_job(
        world, answers="noisy", epsilon=0.5, max_items=60, max_devices_per_owner=3, max_devices=40
    )
    told = await job.get()
    answer = await world.client.get(f"{job.path}/manifest")
    assert answer.status_code == 200, answer.text
    assert hashlib.sha256(answer.content).hexdigest() == told["manifest_sha256"]
    assert answer.content == canonical_json.encode(answer.json())
    said = answer.json()
    assert said == {
        "manifest": 1,
        "job_id": str(job.id),
        "purpose": "Cats or dogs?",
        "created_at": said["created_at"],
        "model": {
            "algorithm_id": told["algorithm_id"],
            "version_id": str(job.version_id),
            "developer_id": str(job.developer.id),
            "sha256": hashlib.sha256(MODEL).hexdigest(),
            "size": len(MODEL),
        },
        "input_sha256": canonical_json.digest(SPEC),
        "leaves": ["items", "labels", "months", "uncertain", "undated"],
        "labels": LABELS,
        "min_confidence": 0.5,
        "period": None,
        "max_items": 60,
        "max_norm": 43,
        "max_devices_per_owner": 3,
        "answer": {
            "answers": "noisy",
            "min_owners": 5,
            "step_growth": 2,
            "epsilon": 0.5,
            "delta": 1e-6,
            "rho_billionths": said["answer"]["rho_billionths"],
        },
        "target": {"kind": "photo", "countries": told["countries"]},
    }
    assert said["created_at"][:19] == told["created_at"][:19]
    assert str(job.customer.id) not in answer.text


async def test_an_exact_job_with_a_period_says_so(world: World) -> None:
    job = await make_job(world, date_from="2026-01-01", max_items=7)
    said = (await world.client.get(f"{job.path}/manifest")).json()
    assert said["period"] == {"from": "2026-01-01", "to": None}
    assert said["max_items"] == 7
    assert said["answer"]["answers"] == "exact"
    for nothing in ("epsilon", "delta", "step_growth"):
        assert said["answer"][nothing] is None
    assert said["answer"]["rho_billionths"] == 0


async def test_it_may_be_kept_for_ever_and_is_named_by_its_etag(world: World) -> None:
    job = await make_job(world)
    answer = await world.client.get(f"{job.path}/manifest")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    known = answer.headers["etag"]
    assert hashlib.sha256(answer.content).hexdigest().startswith(known.strip('"'))
    again = await world.client.get(f"{job.path}/manifest", headers={"If-None-Match": known})
    assert (again.status_code, again.content) == (304, b"")


async def test_an_assignment_carries_its_hash_and_it_stays_when_the_job_ends(world: World) -> None:
    job = await make_job(world)
    before = (await world.client.get(f"{job.path}/manifest")).content
    (lease,) = await claim_of(await make_device(world), job)
    assert lease["manifest_sha256"] == hashlib.sha256(before).hexdigest()
    assert canonical_json.digest(lease["input"]) in before.decode()
    assert (await job.customer.post(f"{job.path}/close")).status_code == 200
    assert (await world.client.get(f"{job.path}/manifest")).content == before


async def test_a_job_from_before_has_none_and_its_devices_are_told_so(world: World) -> None:
    job = await make_job(world)
    async with world.parts.sessions.begin() as tx:  # As a server of the release before makes it.
        await tx.execute(update(Job).where(Job.id == job.id).values(manifest_sha256=None))
    (lease,) = await claim_of(await make_device(world), job)
    assert lease["manifest_sha256"] is None
    problem(await world.client.get(f"/v1/jobs/{new_id()}/manifest"), 404, "jobs.manifest_not_found")


async def test_what_a_customer_called_it_goes_with_their_account(world: World) -> None:
    cost = (await (await make_job(world, max_devices=5)).get())["cost"]
    job = await run(world, customer=await world.rich("customer", cost))
    named = (await job.get())["manifest_sha256"]
    await erase(world, job.customer)
    problem(await world.client.get(f"{job.path}/manifest"), 404, "jobs.manifest_not_found")
    async with world.parts.sessions() as tx:
        assert (await tx.get_one(Job, job.id)).manifest_sha256 == named
