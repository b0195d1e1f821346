"""What is done for an organisation, by its members alone, and what is done in person."""

from typing import Any

from sqlalchemy import event

from dml.core.context import Role
from dml.core.ids import new_id
from dml.entrypoints.acting import FOR_ORGANISATIONS
from tests.accounts.organisations.societies import PATH, Acting, acting, enrich, found, join
from tests.algorithms.offers import accept_agreement, offer, upload
from tests.bounties.factories import make_bounty
from tests.edge.graphql.asking import data
from tests.jobs.factories import make_version, order
from tests.world import World, problem


def operations(world: World) -> list[tuple[str, str, str]]:
    """Each operation that takes a user's token: its name, method and a path."""
    return [
        (operation["operationId"], method.upper(), path)
        for path, told in world.app.openapi()["paths"].items()
        for method, operation in told.items()
        if any("HTTPBearer" in it for it in operation.get("security", ()))
    ]


async def test_each_operation_is_done_in_person_or_takes_the_header(world: World) -> None:
    ada, eve = await world.person("ada"), await world.person("eve", Role.ADMIN)
    society = await found(ada)
    stranger, sent = acting(eve, society), set[str]()
    for name, method, template in operations(world):
        path = "/".join(str(new_id()) if "{" in it else it for it in template.split("/"))
        answer = await stranger.ask(method, path, json=None if method == "GET" else {})
        is_permitted = name in FOR_ORGANISATIONS
        code = "edge.not_a_member" if is_permitted else "edge.in_person_only"
        assert answer.status_code == 403, f"{name}: {answer.status_code} {answer.text}"
        assert answer.json()["code"] == code, name
        told = world.app.openapi()["paths"][template][method.lower()]
        names = [it.get("name") for it in told.get("parameters", [])]
        assert ("DML-Act-For" in names) is is_permitted
        sent.add(name)
    assert sent >= FOR_ORGANISATIONS


async def test_the_header_names_one_organisation_that_one_acts_for(world: World) -> None:
    ada, grace = await world.person("ada"), await world.person("grace")
    society = await found(ada)
    for wrong in ("", "mine", f"{society}0", "é".encode("latin-1")):
        answer = await ada.get("/v1/jobs", headers={"DML-Act-For": wrong})
        problem(answer, 422, "edge.no_organisation")
    twice = [("DML-Act-For", society), ("DML-Act-For", society)]
    headers = [("Authorization", f"Bearer {ada.token}"), *twice]
    answer = await world.client.get("/v1/jobs", headers=headers)
    problem(answer, 422, "edge.no_organisation")
    for other in (str(new_id()), str(ada.id), str(grace.id)):
        problem(await acting(ada, other).get("/v1/jobs"), 403, "edge.not_a_member")
    unsigned = await world.client.get("/v1/bounties", headers={"DML-Act-For": society})
    problem(unsigned, 401, "core.not_signed_in")
    # What takes no token reads no such header either: a client may always send it.
    assert (await world.client.get("/healthz", headers={"DML-Act-For": "x"})).status_code == 200
    assert (await acting(ada, society).get("/v1/payments/balance")).status_code == 200
    await join(world, ada, society, grace)
    assert (await acting(grace, society).get("/v1/payments/balance")).status_code == 200
    await ada.ask("DELETE", f"{PATH}/{society}/members/{grace.id}")
    problem(await acting(grace, society).get("/v1/jobs"), 403, "edge.not_a_member")


async def test_a_suspended_organisation_does_nothing(world: World) -> None:
    ada, admin = await world.person("ada"), await world.person("admin", Role.ADMIN)
    society = await found(ada)
    told = await admin.post(f"/v1/admin/users/{society}/suspend", {"reason": "It sells nothing."})
    assert told.status_code == 200, told.text
    problem(await acting(ada, society).get("/v1/jobs"), 403, "edge.not_a_member")
    assert (await ada.get(f"{PATH}/{society}")).json()["suspended_at"] is not None


async def test_a_model_a_job_and_a_bounty_are_the_organisations(world: World) -> None:
    ada, grace, eve = [await world.person(it) for it in ("ada", "grace", "eve")]
    society = await found(ada, "Botany")
    await join(world, ada, society, grace)
    await enrich(world, society)
    us: Acting = acting(grace, society)
    made = await us.post("/v1/algorithms", offer())
    assert (made.status_code, made.json()["developer_id"]) == (201, society)
    path = made.headers["location"]
    await accept_agreement(grace)  # In person: who uploads has read it.
    version = await upload(us, path)
    assert (await acting(ada, society).get(version)).status_code == 200
    problem(await grace.get(path), 404, "algorithms.not_found")  # In person it is a draft
    problem(await eve.get(path), 404, "algorithms.not_found")
    assert (await us.patch(path, {"device_fee": "0.03"})).json()["device_fee"] == "0.03"
    for verb in (f"{path}/suspend", f"{path}/resume", f"{version}/withdraw"):
        problem(await us.post(verb, {"reason": "later"}), 409, "algorithms.wrong_state")
    other = (await us.post("/v1/algorithms", offer())).headers["location"]
    assert (await us.ask("DELETE", other)).status_code == 204

    runs = await make_version(world, await world.person("developer"))
    job = await us.post("/v1/jobs", order(runs))
    assert job.status_code == 201, job.text
    again = await acting(ada, society).post(f"{job.headers['location']}/pause")
    assert again.json()["state"] == "paused"
    problem(await ada.get(job.headers["location"]), 404, "jobs.not_found")
    bounty = await make_bounty(world, owner=us)
    assert ((await bounty.get())["owner_id"], (await bounty.get())["owner_name"]) == (
        society,
        "Botany",
    )
    mine = (await acting(ada, society).get("/v1/bounties?mine=true")).json()["items"]
    assert [it["id"] for it in mine] == [str(bounty.id)]
    balance = (await acting(ada, society).get("/v1/payments/balance")).json()
    assert float(balance["reserved"]) > 150
    paused = await acting(ada, society).events(types="job.paused")
    assert [it["by_id"] for it in paused] == [str(ada.id)]
    assert await ada.events(types="job.paused") == []
    shown = await data(us, "{balance {reserved} jobs {nodes {id}}}")
    assert shown["balance"]["reserved"] == balance["reserved"]


async def test_a_personal_access_token_acts_as_far_as_its_scopes(world: World) -> None:
    ada = await world.person("ada")
    society = await found(ada)
    body = {"name": "reads", "scopes": ["jobs:read"], "days": 1}
    token = (await ada.post("/v1/users/me/tokens", body)).json()["token"]
    program = Acting(ada.id, ada.email, token, ada.client, society)
    assert (await program.get("/v1/jobs")).status_code == 200
    problem(await program.get("/v1/payments/balance"), 403, "edge.out_of_scope")


async def test_who_acts_for_nobody_pays_nothing_for_it(world: World) -> None:
    """No statement more than before: the look-up is one of requests with the header alone."""
    ada = await world.person("ada")
    society = await found(ada)
    asked = list[str]()

    def note(_: Any, __: Any, sql: str, *more: Any) -> None:
        asked.append(sql)

    engine = world.app.state.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for who in (ada, acting(ada, society)):
            asked.clear()
            answer = await who.post("/v1/algorithms", offer())
            assert answer.status_code == 201, answer.text
            looked = [it for it in asked if "memberships" in it]
            assert len(looked) == (1 if who is not ada else 0)
    finally:
        event.remove(engine, "before_cursor_execute", note)
