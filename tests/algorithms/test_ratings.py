"""Ratings: given by those whose job ran an algorithm, counted exactly, answered and hidden."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from dml.algorithms import doctor
from dml.core.checks import look
from dml.core.context import Role
from dml.core.ids import JobId, new_id
from dml.jobs.models import JobState, JobTotals
from tests.accounts.organisations.societies import acting, found, join
from tests.accounts.privacy.test_erasing import erase
from tests.edge.graphql.asking import data
from tests.jobs.factories import Ordered, fold, make_job, settle, work
from tests.world import Person, World, problem


async def run(world: World, **changes: Any) -> Ordered:
    """A job that has ended, and whose customer was shown an answer."""
    job = await make_job(world, max_devices=5, **changes)
    await work(world, job, 5)
    await fold(world)
    assert await settle(world, job, JobState.COMPLETED) == "settled"
    return job


async def path_of(job: Ordered) -> str:
    return f"/v1/algorithms/{(await job.get())['algorithm_id']}"


async def let_rate(world: World, job: Ordered, name: str) -> Person:
    """Somebody whose job of the same version ended with an answer: a copy of that one."""
    person = await world.person(name)
    columns = await _columns(world, "jobs")
    async with world.parts.sessions.begin() as tx:
        made = {"id": new_id(), "customer": person.id, "job": job.id}
        copied = ", ".join(it for it in columns if it not in ("id", "customer_id"))
        await tx.execute(
            text(
                f"INSERT INTO jobs (id, customer_id, {copied}) "
                f"SELECT :id, :customer, {copied} FROM jobs WHERE id = :job"
            ),
            made,
        )
        tx.add(JobTotals(job_id=JobId(made["id"])))
        await tx.flush()
        told = "UPDATE job_totals SET folded = 5, shown_devices = 5 WHERE job_id = :id"
        await tx.execute(text(told), {"id": made["id"]})
    return person


async def _columns(world: World, table: str) -> list[str]:
    async with world.parts.sessions() as tx:
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = :table"
        return list(await tx.scalars(text(query), {"table": table}))


async def counted(world: World, path: str) -> tuple[int, float | None, int]:
    it = (await world.client.get(path)).json()
    return it["rating_count"], it["rating"], it["weighted_rating"]


@pytest.fixture(scope="module")
async def job(world: World) -> Ordered:
    """One that has ended, for all tests here: each rates by customers of its own."""
    return await run(world)


@pytest.fixture(scope="module")
async def path(job: Ordered) -> str:
    return await path_of(job)


async def complaints(world: World, job: Ordered) -> list[str]:
    """What the doctor says of it."""
    async with world.parts.sessions() as tx:
        said = await look(tx, doctor.CHECKS)
    return [it for it in said if str(job.version_id) in it or (await path_of(job))[-36:] in it]


async def test_a_customer_rates_changes_and_deletes(world: World) -> None:
    job = await run(world)
    path, ada = await path_of(job), job.customer
    assert await counted(world, path) == (0, None, 3000)
    given = await ada.ask("PUT", f"{path}/rating", json={"stars": 4, "text": "Good\nat cats."})
    assert given.status_code == 200, given.text
    told = given.json()
    assert (told["stars"], told["text"], told["user_id"]) == (4, "Good\nat cats.", str(ada.id))
    assert (told["version_id"], told["version_number"]) == (str(job.version_id), 1)
    assert await counted(world, path) == (1, 4.0, 19_000 // 6)
    bob = await let_rate(world, job, "bob")
    await bob.ask("PUT", f"{path}/rating", json={"stars": 1})
    assert await counted(world, path) == (2, 2.5, 20_000 // 7)
    changed = await ada.ask("PUT", f"{path}/rating", json={"stars": 5})
    assert (changed.json()["id"], changed.json()["text"]) == (told["id"], None)
    again = await ada.ask("PUT", f"{path}/rating", json={"stars": 5})
    assert again.json()["updated_at"] == changed.json()["updated_at"]
    assert await counted(world, path) == (2, 3.0, 3000)
    page = (await world.client.get(f"{path}/ratings", params={"limit": 1})).json()
    rest = await world.client.get(f"{path}/ratings", params={"cursor": page["next_cursor"]})
    listed = page["items"] + rest.json()["items"]
    assert [it["user_id"] for it in listed] == [str(bob.id), str(ada.id)]
    assert (await ada.get(f"{path}/rating")).json() == listed[1]
    asked = f'{{algorithm(id: "{path[-36:]}") {{rating ratings {{nodes {{stars user {{id}}}}}}}}}}'
    graph = (await data(world, asked))["algorithm"]
    assert graph["ratings"]["nodes"][0] == {"stars": 1, "user": {"id": str(bob.id)}}
    assert (await bob.ask("DELETE", f"{path}/rating")).status_code == 204
    problem(await bob.ask("DELETE", f"{path}/rating"), 404, "algorithms.rating_not_found")
    assert await counted(world, path) == (1, 5.0, 20_000 // 6)
    told_to = [it["type"] for it in await job.developer.events(subject=f"rating:{told['id']}")]
    assert told_to == ["rating.given", "rating.changed"]
    assert await complaints(world, job) == []


async def test_who_saw_no_answer_of_it_rates_nothing(world: World) -> None:
    running = await make_job(world, max_devices=5)
    path, body = await path_of(running), {"stars": 5}
    problem(
        await running.customer.ask("PUT", f"{path}/rating", json=body), 403, "algorithms.not_run"
    )
    stranger = await world.person("stranger")
    problem(await stranger.ask("PUT", f"{path}/rating", json=body), 403, "algorithms.not_run")
    problem(await stranger.get(f"{path}/rating"), 404, "algorithms.rating_not_found")
    problem(await world.client.put(f"{path}/rating", json=body), 401, "core.not_signed_in")
    await settle(world, running, JobState.CANCELLED)  # Without an answer.
    problem(
        await running.customer.ask("PUT", f"{path}/rating", json=body), 403, "algorithms.not_run"
    )
    nowhere = f"/v1/algorithms/{new_id()}"
    for wrong in (f"{nowhere}/ratings", f"{nowhere}/statistics"):
        problem(await stranger.get(wrong), 404, "algorithms.not_found")
    problem(await stranger.ask("PUT", f"{nowhere}/rating", json=body), 404, "algorithms.not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"stars": 0},
        {"stars": 6},
        {"stars": "5"},
        {"stars": 4.5},
        {"stars": True},
        {"stars": None},
        {},
        {"stars": 5, "text": ""},
        {"stars": 5, "text": "x" * 2_001},
        {"stars": 5, "text": "nul\0"},
        {"stars": 5, "text": "\u202eright to left"},
        {"stars": 5, "text": "bell\a"},
        {"stars": 5, "more": 1},
    ],
    ids=str,
)
async def test_what_is_no_rating_is_refused(job: Ordered, path: str, body: Any) -> None:
    answer = await job.customer.ask("PUT", f"{path}/rating", json=body)
    assert answer.status_code == 422, answer.text
    assert (await job.customer.get(f"{path}/rating")).status_code == 404


async def test_nobody_rates_what_is_their_own(world: World) -> None:
    dev, grace = await world.rich("dev", "100"), await world.person("grace")
    society = await found(dev)
    await join(world, dev, society, grace)
    job = await run(world, developer=dev, customer=dev)
    path, body = await path_of(job), {"stars": 5}
    for who in (dev, await let_rate(world, job, "other")):
        answer = await who.ask("PUT", f"{path}/rating", json=body)
        assert answer.status_code == (403 if who is dev else 200)
    # By an organisation that its developer acts for, whoever acts.
    async with world.parts.sessions.begin() as tx:
        await tx.execute(
            text("UPDATE jobs SET customer_id = :it WHERE id = :id"), {"it": society, "id": job.id}
        )
    for member in (dev, grace):
        answer = await acting(member, society).ask("PUT", f"{path}/rating", json=body)
        problem(answer, 403, "algorithms.own_rating")
    # Nor of an algorithm of an organisation that one acts for.
    async with world.parts.sessions.begin() as tx:
        for change in ("jobs SET customer_id = :grace", "algorithms SET developer_id = :society"):
            where = "id = :job" if change.startswith("jobs") else "id = :algorithm"
            values = {"grace": grace.id, "society": society, "job": job.id, "algorithm": path[-36:]}
            used = {it: value for it, value in values.items() if f":{it}" in f"{change} {where}"}
            await tx.execute(text(f"UPDATE {change} WHERE {where}"), used)
    problem(await grace.ask("PUT", f"{path}/rating", json=body), 403, "algorithms.own_rating")


async def test_the_developer_replies_once_and_may_take_it_back(world: World, job: Ordered) -> None:
    path, bob = await path_of(job), await let_rate(world, job, "bob")
    rating = (await bob.ask("PUT", f"{path}/rating", json={"stars": 2})).json()
    reply, body = f"{path}/ratings/{rating['id']}/reply", {"text": "Try version 2."}
    problem(await bob.ask("PUT", reply, json=body), 403, "algorithms.not_developer")
    for wrong in ({"text": ""}, {"text": "\u2066x"}, {}):
        assert (await job.developer.ask("PUT", reply, json=wrong)).status_code == 422
    said = (await job.developer.ask("PUT", reply, json=body)).json()["reply"]
    assert said["text"] == "Try version 2."
    other = (await job.developer.ask("PUT", reply, json={"text": "Sorry."})).json()["reply"]
    assert (other["text"], other["created_at"]) == ("Sorry.", said["created_at"])
    assert (await bob.get(f"{path}/rating")).json()["reply"] == other
    assert (await job.developer.ask("DELETE", reply)).status_code == 204
    problem(await job.developer.ask("DELETE", reply), 404, "algorithms.reply_not_found")
    nowhere = f"{path}/ratings/{new_id()}/reply"
    problem(await job.developer.ask("PUT", nowhere, json=body), 404, "algorithms.rating_not_found")
    await job.developer.ask("PUT", reply, json=body)
    hostile = {"stars": 2, "text": "<b>So so</b>"}
    assert (await bob.ask("PUT", f"{path}/rating", json=hostile)).status_code == 200
    found = await world.client.get(f"/algorithms/{path[-36:]}", follow_redirects=True)
    shown = found.text
    for said in ("2 of 5", "&lt;b&gt;So so&lt;/b&gt;", "Try version 2."):
        assert said in shown
    assert (await bob.ask("DELETE", f"{path}/rating")).status_code == 204


async def test_moderators_hide_with_a_reason_and_restore(world: World, job: Ordered) -> None:
    path, mia = await path_of(job), await world.person("mia", Role.MODERATOR)
    bob = await let_rate(world, job, "bob")
    before = await counted(world, path)
    rating = (await bob.ask("PUT", f"{path}/rating", json={"stars": 1, "text": "fools"})).json()
    its, why = f"{path}/ratings/{rating['id']}", {"reason": "an insult"}
    problem(await bob.post(f"{its}/hide", why), 403, "accounts.moderators_only")
    problem(await mia.post(f"{its}/restore", why), 409, "algorithms.rating_not_hidden")
    assert (await mia.post(f"{its}/hide", {})).status_code == 422
    assert (await mia.post(f"{its}/hide", why)).json()["hidden_reason"] == "an insult"
    problem(await mia.post(f"{its}/hide", why), 409, "algorithms.rating_hidden_already")
    assert await counted(world, path) == before
    shown = (await world.client.get(f"{path}/ratings")).json()["items"]
    assert rating["id"] not in [it["id"] for it in shown]
    hidden = {"hidden": "true"}
    problem(await bob.get(f"{path}/ratings", params=hidden), 403, "accounts.moderators_only")
    kept = (await mia.get(f"{path}/ratings", params=hidden)).json()["items"]
    assert [it["id"] for it in kept] == [rating["id"]]
    problem(await bob.ask("DELETE", f"{path}/rating"), 409, "algorithms.rating_hidden")
    mended = (await bob.ask("PUT", f"{path}/rating", json={"stars": 3})).json()
    assert (mended["hidden_reason"], mended["text"]) == ("an insult", None)
    assert await counted(world, path) == before
    assert (await mia.post(f"{its}/restore", why)).json()["hidden_at"] is None
    assert (await counted(world, path))[0] == before[0] + 1
    assert await complaints(world, job) == []
    await bob.ask("DELETE", f"{path}/rating")


async def test_no_moderator_hides_what_is_said_of_their_own(world: World) -> None:
    dev = await world.person("dev", Role.MODERATOR)
    job = await run(world, developer=dev)
    path, bob = await path_of(job), await let_rate(world, job, "bob")
    rating = (await bob.ask("PUT", f"{path}/rating", json={"stars": 1})).json()
    refused = await dev.post(f"{path}/ratings/{rating['id']}/hide", {"reason": "I dislike it"})
    problem(refused, 403, "algorithms.own_rating")


async def test_two_at_once_are_one_rating_counted_once(world: World, job: Ordered) -> None:
    path, bob = await path_of(job), await let_rate(world, job, "bob")
    before = await counted(world, path)
    answers = await asyncio.gather(
        *(bob.ask("PUT", f"{path}/rating", json={"stars": it}) for it in (1, 2, 3, 4, 5))
    )
    assert {it.status_code for it in answers} == {200}
    assert len({it.json()["id"] for it in answers}) == 1
    assert (await counted(world, path))[0] == before[0] + 1
    assert await complaints(world, job) == []
    await bob.ask("DELETE", f"{path}/rating")


async def test_many_at_once_are_all_counted(world: World, job: Ordered) -> None:
    path = await path_of(job)
    people = [await let_rate(world, job, "bob") for _ in range(6)]
    before = await counted(world, path)
    await asyncio.gather(*(it.ask("PUT", f"{path}/rating", json={"stars": 2}) for it in people))
    assert (await counted(world, path))[0] == before[0] + 6
    assert await complaints(world, job) == []
    gone = await asyncio.gather(*(it.ask("DELETE", f"{path}/rating") for it in people))
    assert {it.status_code for it in gone} == {204}
    assert await counted(world, path) == before


async def test_of_who_erases_their_account_the_stars_stay(world: World, job: Ordered) -> None:
    path, bob = await path_of(job), await let_rate(world, job, "bob")
    await bob.ask("PUT", f"{path}/rating", json={"stars": 5, "text": "I am Bob."})
    before = await counted(world, path)
    await erase(world, bob)
    assert await counted(world, path) == before
    (left,) = [
        it
        for it in (await world.client.get(f"{path}/ratings")).json()["items"]
        if it["user_id"] == str(bob.id)
    ]
    assert (left["stars"], left["text"], left["user_name"]) == (5, None, None)
