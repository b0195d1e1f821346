"""The graph tells what REST tells, in the same words, and to the same people."""

from typing import Any

from dml.bounties.models import BountyState
from dml.core.context import Role
from dml.core.ids import new_id
from tests.algorithms.offers import make_algorithm
from tests.bounties.factories import make_bounty, plan
from tests.edge.graphql.asking import ask, data, refusal
from tests.jobs.factories import make_job, work
from tests.world import World

PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


async def test_it_tells_what_rest_tells_of_yourself(world: World) -> None:
    somebody = await world.person()
    told = (await somebody.get("/v1/users/me")).json()
    found = await data(somebody, "{ me { id email role firstName permittedKinds createdAt } }")
    assert found["me"] == {
        "id": told["id"],
        "email": told["email"],
        "role": "MEMBER",
        "firstName": None,
        "permittedKinds": [],
        "createdAt": told["created_at"],
    }


async def test_who_sends_no_token_is_refused_as_by_rest(world: World) -> None:
    told = (await world.client.get("/v1/users/me")).json()
    error = await refusal(world, "{ me { id } }")
    assert error["message"] == told["title"]
    assert error["remedy"] == told["detail"]
    assert {it: error[it] for it in ("code", "status", "type")} == {
        it: told[it] for it in ("code", "status", "type")
    }
    assert error["path"] == ["me"]


async def test_a_token_that_is_none_is_refused_before_anything_is_asked(world: World) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    answer = await world.client.post("/graphql", json={"query": "{ nonsense }"}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "core.not_signed_in"


async def test_wrong_values_are_refused_as_by_rest(world: World) -> None:
    somebody = await world.person()
    told = (await somebody.get("/v1/jobs", params={"limit": 1_000})).json()
    error = await refusal(somebody, "{ jobs(first: 1000) { nodes { id } } }")
    assert error["code"] == told["code"] == "http.422"
    assert error["errors"] == told["errors"]


async def test_what_lists_show_has_the_names_of_owners(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.ENROLLING)
    await bounty.owner.patch("/v1/users/me", {"first_name": "Ada"})
    query = "{ bounties(mine: true) { nodes { name state prizePool owner { firstName } } } }"
    found = await data(bounty.owner, query)
    assert found["bounties"]["nodes"] == [
        {
            "name": "Who will cancel?",
            "state": "ENROLLING",
            "prizePool": "150",
            "owner": {"firstName": "Ada"},
        }
    ]


async def test_long_texts_are_there_in_lists_and_alone(world: World) -> None:
    bounty = await make_bounty(world)
    told = await bounty.get()
    query = """query($id: ID!) {
        bounty(id: $id) { description rulesSha256 etag }
        bounties(mine: true) { nodes { description rulesSha256 etag } }
    }"""
    found = await data(bounty.owner, query, id=str(bounty.id))
    texts = {"description": told["description"], "rulesSha256": told["rules_sha256"]}
    assert found["bounties"]["nodes"] == [{**texts, "etag": None}]
    etag = (await bounty.owner.get(bounty.path)).headers["etag"]
    assert found["bounty"] == {**texts, "etag": etag}


async def test_pages_follow_each_other_by_the_cursors_of_rest(world: World) -> None:
    owner = await world.rich("owner", "10000")
    for number in range(5):
        await owner.post("/v1/bounties", plan(name=f"Bounty {number}"))
    query = (
        "query($first: Int, $after: String, $sort: BountySort) {"
        " bounties(mine: true, first: $first, after: $after, sort: $sort) {"
        f" edges {{ cursor node {{ name }} }} {PAGE} }} }}"
    )
    for sort in (None, "CREATED", "CLOSES_LAST", "POOL"):
        seen: list[str] = []
        after: Any = None
        while True:
            page = (await data(owner, query, first=2, after=after, sort=sort))["bounties"]
            seen += [it["node"]["name"] for it in page["edges"]]
            assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
            assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
            after = page["edges"][-1]["cursor"]
            assert page["pageInfo"]["endCursor"] == after
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert sorted(seen) == [f"Bounty {number}" for number in range(5)]
    rest = (await owner.get("/v1/bounties", params={"mine": "true", "limit": 2})).json()
    page = (await data(owner, query, first=2))["bounties"]
    assert page["pageInfo"]["endCursor"] == rest["next_cursor"]
    other = await refusal(owner, query, first=2, after=rest["next_cursor"], sort="CLOSES")
    assert other["code"] == "http.422"


async def test_filters_are_those_of_rest(world: World) -> None:
    developer = await world.person("developer")
    await make_algorithm(developer, title="Cats", tags=["cats"])
    await make_algorithm(developer, title="Dogs", tags=["dogs"])
    query = '{ algorithms(mine: true, tag: "cats", state: DRAFT) { nodes { title state } } }'
    found = await data(developer, query)
    assert found["algorithms"]["nodes"] == [{"title": "Cats", "state": "DRAFT"}]
    others = await refusal(developer, "{ algorithms(state: DRAFT) { nodes { id } } }")
    assert others["code"] == "accounts.moderators_only"


async def test_a_job_leads_to_its_results_its_timeline_and_its_algorithm(world: World) -> None:
    job = await make_job(world)
    await work(world, job, 1)
    query = """query($id: ID!) { job(id: $id) {
        title state cost algorithm { title developer { id } }
        results { version state items labels }
        timeline { entries { action actor } next { action } }
    } }"""
    found = (await data(job.customer, query, id=str(job.id)))["job"]
    path = f"/v1/jobs/{job.id}"
    told = (await job.customer.get(path)).json()
    results = (await job.customer.get(f"{path}/results")).json()
    assert found["title"] == told["title"]
    assert found["cost"] == told["cost"]
    assert found["algorithm"]["title"] == "Simulated"
    assert found["results"]["version"] == results["version"]
    assert found["timeline"]["entries"][0]["action"] == "created"


async def test_a_device_tells_its_work_and_what_it_earned(world: World) -> None:
    job = await make_job(world)
    (device,) = await work(world, job, 1)
    query = """{ devices { nodes { id name earnings { resultsPaid earned }
        work(first: 5) { nodes { jobTitle state result } } } } }"""
    (found,) = (await data(device.owner, query))["devices"]["nodes"]
    path = f"/v1/devices/{found['id']}"
    told = (await device.owner.get(f"{path}/work")).json()["items"]
    assert [it["result"] for it in found["work"]["nodes"]] == [it["result"] for it in told]
    assert found["work"]["nodes"][0]["state"] == "ACCEPTED"
    earnings = (await device.owner.get(f"{path}/earnings")).json()
    assert found["earnings"]["earned"] == earnings["earned"]


async def test_other_peoples_things_are_found_by_nobody(world: World) -> None:
    job, stranger = await make_job(world), await world.person()
    bounty = await make_bounty(world, state=BountyState.DRAFT)
    device = await data(stranger, "{ devices { nodes { id } } }")
    assert device["devices"]["nodes"] == []
    query = "query($id: ID!) { node(id: $id) { __typename id } }"
    for its_id in (job.id, bounty.id, new_id(), "nonsense"):
        error = await refusal(stranger, query, id=str(its_id))
        assert error["code"] == "edge.no_such_node"
    mine = await data(job.customer, query, id=str(job.id))
    assert mine["node"] == {"__typename": "Job", "id": str(job.id)}
    seen = await data(bounty.owner, query, id=str(bounty.id))
    assert seen["node"] == {"__typename": "Bounty", "id": str(bounty.id)}
    known = await data(stranger, query, id=str(stranger.id))
    assert known["node"]["__typename"] == "PublicUser"


async def test_one_field_that_is_refused_leaves_the_others(world: World) -> None:
    somebody = await world.person()
    query = "query($id: ID!) { me { id } job(id: $id) { id } balance { available } }"
    answer = await ask(somebody, query, id=str(new_id()))
    assert answer["data"]["me"] == {"id": str(somebody.id)}
    assert answer["data"]["job"] is None
    assert answer["data"]["balance"] == {"available": "0"}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "jobs.not_found"
    assert error["path"] == ["job"]
    assert error["locations"] == [{"line": 1, "column": 29}]


async def test_who_may_not_see_a_part_of_a_thing_sees_the_rest(world: World) -> None:
    admin, bounty = await world.person("admin", Role.ADMIN), await make_bounty(world)
    query = "query($id: ID!) { bounty(id: $id) { name testSetCheck { state } } }"
    answer = await ask(admin, query, id=str(bounty.id))
    assert answer["data"]["bounty"] == {"name": "Who will cancel?", "testSetCheck": None}
    (error,) = answer["errors"]
    assert error["extensions"]["status"] == 404
    assert error["path"] == ["bounty", "testSetCheck"]
