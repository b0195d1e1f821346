"""What lists show of users and algorithms: their names, beside their ids, by the same statement."""

from collections.abc import Iterator
from typing import Any, Final, get_args, get_origin

from fastapi.routing import APIRoute
from pydantic import BaseModel

from dml.core.context import Role
from dml.core.ids import AlgorithmId, UserId
from dml.entrypoints import domains
from tests.algorithms.offers import make_algorithm
from tests.bounties.entries import submit, unscored
from tests.edge.graphql.asking import data
from tests.jobs.factories import make_job
from tests.world import Person, World

AN_ADMIN: Final = "an admin, and shown to admins alone: who decided is for the record"
WITHOUT: Final = {
    ("CreditToApproveOut", "decided_by"): "always null: it waits for a decision",
    ("DeniedAddressOut", "denied_by"): AN_ADMIN,
    ("EnrollmentDetailsOut", "captain_id"): "one of `members`, who have names",
    ("EventOut", "by_id"): "one of the organisation's members, who have names",
    ("DeviceOut", "owner_id"): "the caller: everybody lists their own",
    ("VersionOut", "algorithm_id"): "the same in all rows: the path names it",
    ("UploadOut", "algorithm_id"): "the same",
}


def rows() -> set[type[BaseModel]]:
    """The shape of a row of each list that a GET answers, or that is in what it answers."""
    return {
        row
        for router in domains.load_routers()
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
        for row, in_list in shapes(route.response_model)
        if in_list
    }


def shapes(annotation: Any, *, in_list: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """Each shape that an answer holds, and whether there may be many of it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, in_list
        for field in annotation.model_fields.values():
            yield from shapes(field.annotation)
    for part in get_args(annotation):
        yield from shapes(part, in_list=in_list or get_origin(annotation) is list)


def kinds(annotation: Any) -> set[Any]:
    """The types that a field may have: of `UserId | None` both."""
    return {annotation, *get_args(annotation)}


def test_each_id_of_a_user_or_an_algorithm_has_its_name_beside_it() -> None:
    found, without = 0, set()
    for row in rows():
        for name, field in row.model_fields.items():
            told = kinds(field.annotation) & {UserId, AlgorithmId}
            if name == "id" or not told:
                continue
            beside = name.removesuffix("_id") + ("_name" if UserId in told else "_title")
            if beside in row.model_fields:
                found += 1
            else:
                without.add((row.__name__, name))
    assert found >= 8
    assert without == WITHOUT.keys()


async def called(world: World, first: str | None, last: str | None) -> Person:
    person = await world.rich("named", "1000")
    await person.patch("/v1/users/me", {"first_name": first, "last_name": last})
    return person


async def test_a_name_is_what_the_public_profile_shows(world: World) -> None:
    for first, last, name in (
        ("Ada", "Lovelace", "Ada Lovelace"),
        (None, "Lovelace", "Lovelace"),
        ("Ada", None, "Ada"),
        (None, None, None),
    ):
        developer = await called(world, first, last)
        made = (await developer.get(await make_algorithm(developer))).json()
        listed = (await developer.get("/v1/algorithms?mine=true")).json()["items"]
        assert [it["developer_name"] for it in (made, *listed)] == [name, name]


async def test_a_jobs_algorithm_is_named_in_lists_and_by_itself(world: World) -> None:
    job = await make_job(world)
    (listed,) = (await job.customer.get("/v1/jobs")).json()["items"]
    algorithm = (await job.customer.get(f"/v1/algorithms/{listed['algorithm_id']}")).json()
    assert listed["algorithm_title"] == algorithm["title"] == (await job.get())["algorithm_title"]
    paused = (await job.customer.post(f"{job.path}/pause")).json()
    assert paused["algorithm_title"] == algorithm["title"]


async def test_who_offers_prizes_and_who_submits_are_named_by_rest_and_graph(
    world: World,
) -> None:
    owner = await called(world, "Grace", "Hopper")
    contest = await unscored(world, owner=owner)
    entrant = contest.entrants[0]
    await entrant.patch("/v1/users/me", {"first_name": "Ada", "last_name": None})
    mine = (await entrant.get(f"/v1/bounties/{contest.id}/enrollments/mine")).json()
    assert [it["user_name"] for it in mine["entry"]["members"]] == ["Ada"]
    path = await submit(contest, entrant, b"id,prediction\r\n1,1\r\n")
    (listed,) = (await owner.get("/v1/bounties?mine=true")).json()["items"]
    alone = (await owner.get(f"/v1/bounties/{contest.id}")).json()
    assert listed["owner_name"] == alone["owner_name"] == "Grace Hopper"
    (sent,) = (await owner.get(contest.submissions)).json()["items"]
    assert sent["submitter_name"] == (await entrant.get(path)).json()["submitter_name"] == "Ada"
    query = """{ bounties(mine: true) { nodes { ownerName owner { firstName }
        submissions { nodes { submitterName submitter { firstName } } } } } }"""
    (found,) = (await data(owner, query))["bounties"]["nodes"]
    assert (found["ownerName"], found["owner"]) == ("Grace Hopper", {"firstName": "Grace"})
    assert found["submissions"]["nodes"] == [
        {"submitterName": "Ada", "submitter": {"firstName": "Ada"}}
    ]


async def test_admins_see_whose_credit_waits(world: World) -> None:
    admin, user = await world.person("admin", Role.ADMIN), await called(world, "Ada", "Lovelace")
    await admin.patch("/v1/users/me", {"first_name": "Root"})
    body = {"user_id": str(user.id), "amount": "1000001", "reason": "a bank transfer"}
    made = await admin.post("/v1/admin/credits", body)
    assert made.status_code == 201, made.text
    waiting = (await admin.get("/v1/admin/credits?limit=100")).json()["items"]
    (mine,) = [it for it in waiting if it["id"] == made.json()["id"]]
    assert (mine["user_name"], mine["asked_by_name"]) == ("Ada Lovelace", "Root")
