"""Mutations are operations of REST: with their transactions, their refusals and their keys."""

from typing import Any

import httpx2

from dml.core.context import Role
from dml.core.ids import new_id
from tests.bounties.factories import available, make_bounty, plan
from tests.edge.graphql.asking import ask, data, refusal, sent
from tests.jobs.factories import make_version, order
from tests.world import Person, World

CREATE = """mutation($input: BountyCreate!, $key: String) {
    bountiesCreate(input: $input, idempotencyKey: $key) { id state name limits { perDay } etag }
}"""


def camel(body: Any) -> Any:
    """What a client of REST sends, as one of the graph does."""
    if isinstance(body, list):
        return [camel(it) for it in body]
    if not isinstance(body, dict):
        return body
    return {_camel(name): camel(it) for name, it in body.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(it.capitalize() for it in rest)


def as_input(**changes: Any) -> Any:
    return camel(plan(**changes)) | {"judging": "MANUAL"}


async def bounties_of(person: Person) -> int:
    return len((await person.get("/v1/bounties", params={"mine": "true"})).json()["items"])


async def test_a_bounty_is_made_funded_and_edited(world: World) -> None:
    owner = await world.rich("owner", "1000")
    made = (await data(owner, CREATE, input=as_input(limits={"per_day": 7})))["bountiesCreate"]
    assert made["state"] == "DRAFT"
    assert made["limits"] == {"perDay": 7}
    told = (await owner.get(f"/v1/bounties/{made['id']}")).json()
    assert told["limits"] == {"per_day": 7, "concurrent": 3, "total": 100}
    edit = """mutation($id: ID!, $input: BountyUpdate!, $etag: String) {
        bountiesUpdate(bountyId: $id, input: $input, ifMatch: $etag) { name subtitle etag } }"""
    edited = await data(owner, edit, id=made["id"], input={"name": "New"}, etag=made["etag"])
    assert edited["bountiesUpdate"]["name"] == "New"
    assert edited["bountiesUpdate"]["subtitle"] == told["subtitle"]
    stale = await refusal(owner, edit, id=made["id"], input={"name": "x"}, etag=made["etag"])
    assert stale["status"] == 412
    fund = "mutation($id: ID!) { bountiesFund(bountyId: $id) { state escrow { prizes } } }"
    funded = (await data(owner, fund, id=made["id"]))["bountiesFund"]
    assert funded == {"state": "FUNDED", "escrow": {"prizes": "150"}}
    assert await available(owner) == "850"


async def test_the_second_of_two_that_is_refused_leaves_the_first_and_nothing_of_itself(
    world: World,
) -> None:
    owner = await world.rich("owner", "200")
    query = """mutation($input: BountyCreate!, $rich: ID!, $poor: ID!) {
        one: bountiesFund(bountyId: $rich) { state }
        two: bountiesFund(bountyId: $poor) { state }
        three: bountiesCreate(input: $input) { state }
    }"""
    first, second = [(await owner.post("/v1/bounties", plan())).json()["id"] for _ in range(2)]
    answer = await ask(owner, query, input=as_input(), rich=first, poor=second)
    assert answer["data"] == {
        "one": {"state": "FUNDED"},
        "two": None,
        "three": {"state": "DRAFT"},
    }
    (error,) = answer["errors"]
    told = (await owner.post(f"/v1/bounties/{second}/fund")).json()
    assert error["path"] == ["two"]
    assert error["message"] == told["title"]
    extensions = error["extensions"]
    assert extensions["remedy"] == told["detail"]
    assert {it: extensions[it] for it in told if it not in ("title", "detail")} == {
        name: it for name, it in told.items() if name not in ("title", "detail")
    }
    assert await available(owner) == "50"
    assert (await owner.get(f"/v1/bounties/{second}")).json()["state"] == "draft"
    assert await bounties_of(owner) == 3


async def test_the_same_key_does_the_same_once_by_graph_and_by_rest(world: World) -> None:
    owner = await world.rich("owner", "1000")
    key, body = str(new_id()), as_input()
    first = await data(owner, CREATE, input=body, key=key)
    again = await data(owner, CREATE, input=body, key=key)
    assert again == first
    assert await bounties_of(owner) == 1
    other = await refusal(owner, CREATE, input=body | {"name": "Another"}, key=key)
    assert other["code"] == "edge.idempotency_key_reused"
    fund, its_id, key = "bountiesFund(bountyId: $id, idempotencyKey: $key)", "", str(new_id())
    its_id = first["bountiesCreate"]["id"]
    by_rest = await owner.post(f"/v1/bounties/{its_id}/fund", headers={"Idempotency-Key": key})
    assert by_rest.status_code == 200
    query = f"mutation($id: ID!, $key: String) {{ {fund} {{ state }} }}"
    assert (await data(owner, query, id=its_id, key=key))["bountiesFund"]["state"] == "FUNDED"
    odd = await refusal(owner, CREATE, input=body, key="with a\nline end")
    assert odd["code"] == "http.422"


async def test_what_has_no_answer_answers_true(world: World) -> None:
    admin = await world.person("admin", Role.ADMIN)
    address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    deny = """mutation($it: String!) {
        deniedAddressesSet(address: $it, input: {reason: "For a test."}) { address reason } }"""
    denied = (await data(admin, deny, it=address))["deniedAddressesSet"]
    assert denied == {"address": address, "reason": "For a test."}
    allow = "mutation($it: String!) { deniedAddressesDelete(address: $it) }"
    assert await data(admin, allow, it=address) == {"deniedAddressesDelete": True}
    assert (await refusal(admin, allow, it="../../users/me"))["code"] == "http.422"


async def test_fields_that_are_not_sent_stay_and_null_empties_them(world: World) -> None:
    somebody = await world.person()
    query = """mutation($input: UserUpdate!) {
        usersUpdateMe(input: $input) { firstName bio permittedKinds country } }"""
    await data(somebody, query, input={"firstName": "Ada", "bio": "Mathematician"})
    edited = await data(somebody, query, input={"bio": None, "permittedKinds": ["PHOTO"]})
    assert edited["usersUpdateMe"] == {
        "firstName": "Ada",
        "bio": None,
        "permittedKinds": ["PHOTO"],
        "country": None,
    }
    long = await refusal(somebody, query, input={"bio": "a" * 2_001})
    assert long["status"] == 422
    assert [it["pointer"] for it in long["errors"]] == ["/bio"]


async def test_who_signs_in_by_the_graph_is_judged_as_by_rest(world: World) -> None:
    query = """mutation($input: SessionCreate!) { sessionsCreate(input: $input) { userId } }"""
    somebody = await world.person()
    wrong = {"email": somebody.email, "password": "not the password"}
    error = await refusal(world, query, input=wrong)
    told = (await world.client.post("/v1/users/authenticate", json=wrong)).json()
    assert error["code"] == told["code"]
    right = {"email": somebody.email, "password": "a password"}
    found = await data(world, query, input=right)
    assert found["sessionsCreate"]["userId"] == str(somebody.id)


async def test_a_mutation_is_sent_by_post_alone(world: World) -> None:
    owner = await world.rich("owner", "1000")
    bounty = await make_bounty(world, owner=owner)
    text = f'mutation {{ bountiesClose(bountyId: "{bounty.id}") {{ state }} }}'
    for accept in ("text/html", "application/json"):
        answer = await owner.get("/graphql", params={"query": text}, headers={"Accept": accept})
        assert "bountiesClose" not in answer.text or answer.status_code != 200
    answer = await world.client.put("/graphql", json={"query": text})
    assert answer.status_code == 405
    assert (await bounty.get())["state"] == "enrolling"


async def test_a_mutation_is_not_kept_by_its_hash(world: World) -> None:
    """Somebody may have written a password into one."""
    somebody = await world.person()
    text = 'mutation { usersUpdateMe(input: {bio: "a secret"}) { bio } }'
    digest = "4a0b" * 16
    named = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    assert (await sent(somebody, {"query": text, "extensions": named})).json()["errors"]
    answer = await sent(somebody, {"extensions": named})
    assert answer.json()["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_a_job_is_ordered(world: World) -> None:
    customer = await world.rich("customer", "1000")
    version_id = await make_version(world, await world.person("developer"))
    body = camel(order(version_id, answers="EXACT"))
    quote = """mutation($input: JobCreate!) { jobQuotesCreate(input: $input) { cost } }"""
    cost = (await data(customer, quote, input=body))["jobQuotesCreate"]["cost"]
    create = """mutation($input: JobCreate!) { jobsCreate(input: $input) {
        id state cost algorithm { title } } }"""
    made = (await data(customer, create, input=body))["jobsCreate"]
    assert made["cost"] == cost
    assert made["algorithm"]["title"] == "Simulated"
    close = "mutation($id: ID!) { jobsClose(jobId: $id) { state } }"
    assert (await data(customer, close, id=made["id"]))["jobsClose"]["state"]
    answer: httpx2.Response = await customer.get(f"/v1/jobs/{made['id']}")
    assert answer.json()["id"] == made["id"]


async def test_what_a_mutation_changed_is_seen_by_the_one_after_it(world: World) -> None:
    developer = await world.rich("developer", "1000")
    version_id = await make_version(world, developer)
    job = (await developer.post("/v1/jobs", order(version_id))).json()
    query = """mutation($job: ID!, $algorithm: ID!) {
        jobsPause(jobId: $job) { algorithm { state } }
        algorithmsArchive(algorithmId: $algorithm) { state }
        jobsResume(jobId: $job) { algorithm { state } }
    }"""
    found = await data(developer, query, job=job["id"], algorithm=job["algorithm_id"])
    assert found == {
        "jobsPause": {"algorithm": {"state": "LISTED"}},
        "algorithmsArchive": {"state": "ARCHIVED"},
        "jobsResume": {"algorithm": {"state": "ARCHIVED"}},
    }
