"""What a developer does with an algorithm once it is there: edit, delete, withdraw, suspend."""

import hashlib

import pytest

from dml.core.context import Role
from tests.algorithms.offers import GOOD, approve, check, make_algorithm, upload
from tests.algorithms.test_search import ids, made_up
from tests.jobs.factories import make_job
from tests.world import World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")


async def test_its_developer_edits_an_algorithm_and_it_is_found_by_that(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia = await world.person("mia", Role.MODERATOR)
    before, after = made_up(), made_up()
    path = await make_algorithm(ada, title=before)
    await approve(world, ada, await upload(ada, path))
    read = await ada.get(path)
    assert await ids(world, q=before) == [read.json()["id"]]
    change = {"title": after, "tags": ["new"], "device_fee": "0.07"}
    edited = await ada.patch(path, change, headers={"If-Match": read.headers["etag"]})
    assert edited.status_code == 200, edited.text
    shown = edited.json()
    assert (shown["title"], shown["tags"], shown["device_fee"]) == (after, ["new"], "0.07")
    assert shown["updated_at"] > read.json()["updated_at"]
    assert shown["summary"] == read.json()["summary"]
    assert await ids(world, q=after[:6] + after[7:]) == [shown["id"]]
    assert await ids(world, q=before) == []

    stale = await ada.patch(path, change, headers={"If-Match": read.headers["etag"]})
    problem(stale, 412, "algorithms.edited_meanwhile")
    nonsense = await ada.patch(path, change, headers={"If-Match": "yes"})
    problem(nonsense, 422, "edge.bad_if_match")
    same = await ada.patch(path, change)
    assert same.json()["updated_at"] == shown["updated_at"]
    for other in (eve, mia):
        problem(await other.patch(path, change), 403, "algorithms.not_developer")
    for wrong in ({"labels": ["a"]}, {"title": None}, {"title": " "}, {"device_fee": "-1"}):
        assert (await ada.patch(path, wrong)).status_code == 422, wrong
    events = [it["type"] for it in await eve.events(subject=f"algorithm:{shown['id']}")]
    assert events.count("algorithm.edited") == 1
    await ada.post(f"{path}/archive")
    problem(await ada.patch(path, change), 409, "algorithms.archived")


async def test_a_new_fee_is_for_new_jobs_alone(world: World) -> None:
    job = await make_job(world)
    ordered = await job.get()
    path = f"/v1/algorithms/{ordered['algorithm_id']}"
    assert (await job.developer.patch(path, {"device_fee": "7"})).status_code == 200
    assert (await job.get())["device_fee"] == ordered["device_fee"] != "7"


async def test_a_draft_is_deleted_with_all_that_belongs_to_it(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    version = await upload(ada, path)
    problem(await ada.ask("DELETE", path), 409, "algorithms.version_pending")
    await check(world, ada, version)
    problem(await mia.ask("DELETE", path), 403, "algorithms.not_developer")
    assert (await ada.ask("DELETE", path)).status_code == 204
    for gone in (path, version):
        problem(await ada.get(gone), 404, "algorithms.not_found")
    problem(await ada.ask("DELETE", path), 404, "algorithms.not_found")
    assert (await ada.get("/v1/algorithms?mine=true")).json()["items"] == []
    deleted = await ada.events(subject=f"algorithm:{path.rsplit('/', 1)[1]}")
    assert deleted[-1]["type"] == "algorithm.deleted"
    files = (await ada.get("/v1/users/me/files")).json()
    assert hashlib.sha256(GOOD).hexdigest() not in str(files)

    listed = await make_algorithm(ada)
    await approve(world, ada, await upload(ada, listed))
    refused = problem(await ada.ask("DELETE", listed), 409, "algorithms.not_draft")
    assert refused["state"] == "listed"


async def test_a_version_is_withdrawn_from_review_and_submitted_again(world: World) -> None:
    ada, mia = await world.person("ada"), await world.person("mia", Role.MODERATOR)
    path = await make_algorithm(ada)
    version = await upload(ada, path)
    for early in ("uploaded", "checked"):
        refused = problem(await ada.post(f"{version}/withdraw"), 409, "algorithms.wrong_state")
        assert refused["state"] == early
        await check(world, ada, version)
    await ada.post(f"{version}/submit")
    problem(await mia.post(f"{version}/withdraw"), 403, "algorithms.not_developer")
    assert (await ada.post(f"{version}/withdraw")).json()["state"] == "checked"
    problem(await mia.post(f"{version}/approve"), 409, "algorithms.wrong_state")
    assert (await ada.post(f"{version}/submit")).json()["state"] == "in_review"
    await ada.post(f"{version}/withdraw")
    assert (await ada.ask("DELETE", version)).status_code == 204


async def test_who_suspended_it_resumes_it(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    mia, reason = await world.person("mia", Role.MODERATOR), {"reason": "why"}
    path = await make_algorithm(ada)
    await approve(world, ada, await upload(ada, path))
    problem(await eve.post(f"{path}/suspend", reason), 403, "algorithms.not_developer")
    suspended = (await ada.post(f"{path}/suspend", reason)).json()
    assert (suspended["state"], suspended["suspended_by"]) == ("suspended", "developer")
    problem(await eve.get(path), 404, "algorithms.not_found")
    problem(await mia.post(f"{path}/resume", reason), 403, "algorithms.not_developer")
    resumed = (await ada.post(f"{path}/resume", reason)).json()
    assert (resumed["state"], resumed["suspended_by"]) == ("listed", None)

    await ada.post(f"{path}/suspend", reason)
    taken_over = (await mia.post(f"{path}/suspend", reason)).json()
    assert taken_over["suspended_by"] == "moderator"
    problem(await mia.post(f"{path}/suspend", reason), 409, "algorithms.wrong_state")
    refused = await ada.post(f"{path}/resume", reason)
    problem(refused, 403, "algorithms.suspended_by_moderator")
    assert (await mia.post(f"{path}/resume", reason)).json()["state"] == "listed"
    problem(await mia.post(f"{path}/archive"), 422, "algorithms.reason_missing")
