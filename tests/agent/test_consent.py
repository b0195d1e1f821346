"""An agent checks by itself what a job may learn, and whether its owner minds."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from dml.agent.consent import Limits
from dml.agent.job_manifests import JobManifest, require_fit, visible
from dml.agent.leases import Lease, read_claim
from dml.agent.refusals import Declined
from dml.inference import canonical_json
from dml.jobs.job_manifests.models import JobManifest as KeptManifest
from dml.jobs.models import Job
from tests.agent.market import Device, Market, end, open_job, start
from tests.devices.factories import pairing_code, refuse

INPUT = {"kind": "image", "scale": 1 / 255}
SAID: dict[str, Any] = {
    "manifest": 1,
    "job_id": "01987c1e-0000-7000-8000-000000000002",
    "purpose": "Cats or dogs?",
    "created_at": "2026-03-01T12:00:00Z",
    "model": {
        "algorithm_id": "01987c1e-0000-7000-8000-000000000003",
        "version_id": "01987c1e-0000-7000-8000-000000000004",
        "developer_id": "01987c1e-0000-7000-8000-000000000005",
        "sha256": "ab" * 32,
        "size": 1_000,
    },
    "input_sha256": canonical_json.digest(INPUT),
    "leaves": ["items", "labels", "months", "uncertain", "undated"],
    "labels": ["cat", "dog"],
    "min_confidence": 0.5,
    "period": {"from": "2026-01-01", "to": None},
    "max_items": 100,
    "max_norm": 43,
    "max_devices_per_owner": 2,
    "answer": {
        "answers": "noisy",
        "min_owners": 5,
        "step_growth": 2,
        "epsilon": 1,
        "delta": 1e-6,
        "rho_billionths": 24_000_000,
    },
    "target": {"kind": "photo", "countries": ["ES", "PT"]},
}


def lease(**changes: Any) -> Lease:
    item = {
        "id": "01987c1e-0000-7000-8000-000000000001",
        "job_id": SAID["job_id"],
        "lease_seconds": 60,
        "model": {"url": "/model", "sha256": "ab" * 32, "size": 1_000},
        "input": INPUT,
        "labels": ["cat", "dog"],
        "min_confidence": 0.5,
        "period": {"from": "2026-01-01", "to": None},
        "max_items": 50,
        "max_norm": 21,
        "answers": "noisy",
        "epsilon": 1.0,
        "manifest_sha256": "cd" * 32,
    }
    claim = {"items": [item | changes], "retry_after_seconds": 1, "reason": None}
    return read_claim(claim).leases[0]


def require(given: Lease, said: Any) -> None:
    require_fit(given, JobManifest("cd" * 32, said), kinds=["photo"], country="PT")


def test_what_is_as_its_manifest_says_fits() -> None:
    require(lease(), SAID)
    require(lease(max_items=20), SAID)
    require(lease(), SAID | {"target": {"kind": "photo", "countries": []}})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"job_id": "01987c1e-0000-7000-8000-00000000000f"}, "its job is not what"),
        ({"model": {"url": "/m", "sha256": "ac" * 32, "size": 1_000}}, "its model is not what"),
        ({"model": {"url": "/m", "sha256": "ab" * 32, "size": 1}}, "its size of the model is"),
        ({"input": INPUT | {"scale": 1}}, "its input is not what"),
        ({"labels": ["cat"]}, "its labels is not what"),
        ({"min_confidence": 0.4}, "its min_confidence"),
        ({"period": None}, "its period"),
        ({"max_norm": 22}, "it bounds the norm by 22; its manifest, by 21"),
        ({"max_norm": None}, "it bounds the norm by nothing; its manifest, by 21"),
        ({"max_items": 51}, "it asks for 51 items; its manifest, for 50"),
        ({"max_items": None}, "it asks for all items; its manifest, for 50"),
        ({"answers": "exact"}, "its answers"),
        ({"epsilon": 1.5}, "its epsilon"),
        ({"epsilon": None}, "its epsilon"),
    ],
)
def test_a_lease_that_is_not_what_its_manifest_says_is_declined(
    changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(Declined, match=why):
        require(lease(**changes), SAID)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"manifest": 2}, "of the form 2: update this agent"),
        ({"leaves": ["items", "faces"]}, "says that faces leaves as well"),
        ({"target": {"kind": "sms", "countries": []}}, "sms, which this device does not have"),
        ({"target": {"kind": "photo", "countries": ["FR"]}}, "devices in other countries"),
        ({"max_devices_per_owner": 0}, "can't be read"),
        ({"model": None}, "can't be read"),
        ({"leaves": [{}]}, "can't be read"),
        ({"answer": SAID["answer"] | {"delta": "never"}}, "can't be read"),
        ({"answer": {}}, "can't be read"),
        ({"purpose": None, "period": 7}, "its period"),
    ],
)
def test_a_manifest_that_is_none_or_asks_for_more_is_declined(
    changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(Declined, match=why):
        require(lease(), SAID | changes)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(jobs=(SAID["job_id"],)), "this job"),
        (Limits(labels=("dog",)), "the label dog"),
        (Limits(developers=(SAID["model"]["developer_id"],)), "its developer"),
        (Limits(countries=("ES",)), "jobs that ask for ES"),
        (Limits(max_epsilon=0.99), "an epsilon of 1.0: 0.99 at most"),
    ],
)
def test_what_an_owner_refuses_is_declined(limits: Limits, why: str) -> None:
    with pytest.raises(Declined, match=f"its owner refuses {why}"):
        limits.require(lease(), JobManifest("cd" * 32, SAID))
    Limits(labels=("fox",), max_epsilon=1).require(lease(), JobManifest("cd" * 32, SAID))


def test_a_server_from_before_manifests_is_held_to_what_its_leases_say() -> None:
    older = replace(lease(), manifest_sha256=None)
    Limits(countries=("ES",)).require(older, None)
    with pytest.raises(Declined):
        Limits(labels=("dog",)).require(older, None)


def test_a_strangers_words_control_no_terminal() -> None:
    assert visible("a\x1b[31m\nb\u202ec" + "x" * 400) == "a [31m b c" + "x" * 290 + "…"


@asynccontextmanager
async def lying(
    market: Market, tell: Callable[[dict[str, Any]], dict[str, Any]], *, rehash: bool
) -> AsyncIterator[Job]:
    """A job whose manifest was changed on the server, with its hash or without."""
    async with open_job(market, answers="noisy", max_items=10) as job:
        async with market.world.parts.sessions.begin() as tx:
            kept = await tx.get_one(KeptManifest, job.id)
            kept.body = canonical_json.encode(tell(json.loads(kept.body)))
            if rehash:
                named = hashlib.sha256(kept.body).hexdigest()
                changed = update(Job).where(Job.id == job.id).values(manifest_sha256=named)
                await tx.execute(changed)
        yield job


@pytest.mark.parametrize(
    ("lie", "rehash", "why"),
    [
        ({"max_items": 100}, False, "the manifest that came has the SHA-256"),
        ({"max_items": 5}, True, "it asks for 10 items; its manifest, for 5"),
        ({"model": {**SAID["model"], "size": 7}}, True, "its model is not what"),
    ],
)
async def test_a_job_whose_manifest_lies_is_given_back_and_not_taken_again(
    market: Market, device: Device, lie: dict[str, Any], rehash: bool, why: str
) -> None:
    device.photo("1.jpg", 3)
    async with lying(market, lambda said: said | lie, rehash=rehash) as job:
        ended = await device.pair()
        assert (ended.code, ended.summary["accepted"]) == (0, 0), ended
        (declined,) = device.noted("declined")
        assert declined["job_id"] == str(job.id)
        assert why in declined["why"]
        assert set(await device.states()) == {"released"}
        assert (await device.run()).summary["accepted"] == 0
    assert len(device.noted("claimed")) == len(device.noted("declined")) == 1
    assert device.noted("result") == []


async def test_a_manifest_is_fetched_once_kept_and_shown_in_words(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    async with open_job(market, answers="noisy", title="How\x1b many?", epsilon=0.5) as job:
        ended = await device.pair()
    assert ended.summary["accepted"] == 1, ended
    (noted,) = device.noted("manifest")
    assert noted["sha256"] == job.manifest_sha256
    (path,) = (device.home / "manifests").iterdir()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem == job.manifest_sha256
    shown = await end(await start("manifests", "--home", str(device.home)))
    assert shown.code == 0, shown.err
    for words in ("“How  many?”", "epsilon 0.5", "photo, in any country", path.stem, "developer"):
        assert words in shown.out
    assert "\x1b" not in shown.out
    listed = await end(await start("manifests", "--home", str(device.home), "--json"))
    assert json.loads(listed.out)[0]["manifest"]["job_id"] == str(job.id)


async def test_limits_that_the_server_forgot_are_kept_by_the_device(
    market: Market, device: Device
) -> None:
    """What the server offers all the same, as one of before does, the device refuses by itself."""
    device.photo("1.jpg", 3)
    await device.run("--pair", await pairing_code(device.owner), "--country", "PT")
    async with open_job(market, answers="noisy", epsilon=0.5) as job:
        await refuse(device.owner, max_epsilon=0.1)
        assert (await device.run()).summary["accepted"] == 0
        assert device.noted("claimed") == []  # It was not even offered.
        path = market.world.app.state.device_path
        shortlist = path._shortlist
        await shortlist.be_fresh()
        before = shortlist._offers[job.id]
        shortlist._offers[job.id] = replace(before, epsilon=None)
        for offers in shortlist._by_place.values():
            offers[:] = [shortlist._offers[it.id] for it in offers]
        assert (await device.run()).summary["accepted"] == 0
        (declined,) = device.noted("declined")
        assert "its owner refuses an epsilon of 0.5: 0.1 at most" in declined["why"]
    assert device.noted("limits")[-1]["max_epsilon"] == 0.1
