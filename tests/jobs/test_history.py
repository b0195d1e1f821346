"""Answers that customers make public: as they were shown, and until they are taken back."""

from typing import Any

from dml.core.context import Role
from dml.core.ids import new_id
from dml.jobs.models import JobState
from tests.accounts.privacy.test_erasing import erase
from tests.algorithms.test_ratings import let_rate, path_of, run
from tests.edge.graphql.asking import data
from tests.jobs.factories import fold, make_job, settle, work
from tests.world import World, problem


async def published(world: World, path: str, **asked: Any) -> Any:
    return (await world.client.get(f"{path}/published-jobs", params=asked)).json()


async def test_an_answer_is_published_as_it_was_shown_and_taken_back(world: World) -> None:
    job = await run(world, title="Pets of Portugal")
    path = await path_of(job)
    assert (await published(world, path))["items"] == []
    answer = await job.customer.post(f"{job.path}/publish")
    assert answer.status_code == 200, answer.text
    told, results = answer.json(), await job.results()
    assert told["title"] == "Pets of Portugal"
    assert told["labels"] == results["labels"] == {"cat": 10, "dog": 5}
    for name in ("items", "uncertain", "other"):
        assert told[name] == results[name]
    assert (told["devices"], told["version_number"]) == (results["devices_shown"], 1)
    assert (await published(world, path))["items"] == [told]
    assert (await world.client.get(f"/v1/published-jobs/{told['id']}")).json() == told
    assert (await world.client.get(told["results_url"])).json() == results
    query = f"""{{algorithm(id: "{path[-36:]}") {{publishedJobs {{nodes {{title results {{items}}
        algorithm {{id}}}}}}}}}}"""
    (node,) = (await data(world, query))["algorithm"]["publishedJobs"]["nodes"]
    assert node == {
        "title": "Pets of Portugal",
        "results": {"items": results["items"]},
        "algorithm": {"id": path[-36:]},
    }
    again = (await job.customer.post(f"{job.path}/publish", {"title": "Cats"})).json()
    assert again == {**told, "title": "Cats"}
    assert (await job.customer.post(f"{job.path}/unpublish")).status_code == 204
    problem(await job.customer.post(f"{job.path}/unpublish"), 404, "jobs.not_published")
    for gone in (f"/v1/published-jobs/{told['id']}", told["results_url"]):
        problem(await world.client.get(gone), 404, "jobs.not_published")
    assert (await published(world, path))["items"] == []
    types = [it["type"] for it in await job.customer.events(subject=f"job:{job.id}")]
    assert types[-2:] == ["job.published", "job.unpublished"]
    bob = await let_rate(world, job, "bob")
    (copy,) = (await bob.get("/v1/jobs")).json()["items"]
    await bob.post(f"/v1/jobs/{copy['id']}/publish", {"title": "Bob's"})
    assert [it["title"] for it in (await published(world, path))["items"]] == ["Bob's"]
    await erase(world, bob)
    assert (await published(world, path))["items"] == []


async def test_only_its_customer_publishes_and_only_what_was_shown(world: World) -> None:
    job = await make_job(world, max_devices=20)
    admin = await world.person("admin", Role.ADMIN)
    await work(world, job, 4)
    await fold(world)
    problem(await job.customer.post(f"{job.path}/publish"), 409, "jobs.not_answered")
    await settle(world, job, JobState.CANCELLED)
    problem(await job.customer.post(f"{job.path}/publish"), 409, "jobs.not_answered")
    for who in (admin, job.developer):
        problem(await who.post(f"{job.path}/publish"), 404, "jobs.not_found")
        problem(await who.post(f"{job.path}/unpublish", {"reason": "x"}), 404, "jobs.not_published")
    problem(await admin.post(f"/v1/jobs/{new_id()}/unpublish"), 404, "jobs.not_published")
    problem(await world.client.post(f"{job.path}/publish"), 401, "core.not_signed_in")


async def test_a_moderator_removes_one_for_good_and_says_why(world: World) -> None:
    mia = await world.person("mia", Role.MODERATOR)
    dev = await world.person("dev", Role.MODERATOR)
    job = await run(world, developer=dev, title="A\u202eB")
    problem(await job.customer.post(f"{job.path}/publish"), 422, "jobs.title_not_public")
    for wrong in ("\u2066x", "a\nb", "", "x" * 201):
        answer = await job.customer.post(f"{job.path}/publish", {"title": wrong})
        assert answer.status_code == 422
    assert (await job.customer.post(f"{job.path}/publish", {"title": "Rude"})).status_code == 200
    path, why = f"{job.path}/unpublish", {"reason": "It is rude."}
    problem(await (await world.person("eve")).post(path, why), 404, "jobs.not_published")
    problem(await dev.post(path, why), 403, "jobs.not_impartial")
    problem(await mia.post(path), 422, "jobs.reason_missing")
    assert (await mia.post(path, why)).status_code == 204
    assert (await published(world, await path_of(job)))["items"] == []
    refused = await job.customer.post(f"{job.path}/publish", {"title": "Kind"})
    assert problem(refused, 409, "jobs.publication_removed")["why"] == "It is rude."


async def test_they_are_listed_page_after_page(world: World) -> None:
    job = await run(world)
    path, bob = await path_of(job), await let_rate(world, job, "bob")
    (copy,) = (await bob.get("/v1/jobs")).json()["items"]
    made = [
        (await who.post(f"/v1/jobs/{its}/publish")).json()["id"]
        for who, its in ((job.customer, job.id), (bob, copy["id"]))
    ]
    page = await published(world, path, limit=1)
    rest = await published(world, path, cursor=page["next_cursor"])
    assert [it["id"] for it in page["items"] + rest["items"]] == made[::-1]
    assert (await world.client.get(f"{path}/published-jobs?cursor=x")).status_code == 422
    nowhere = f"/v1/algorithms/{new_id()}/published-jobs"
    problem(await world.client.get(nowhere), 404, "algorithms.not_found")
