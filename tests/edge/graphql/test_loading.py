"""What a page of things leads to is loaded for all of them at once, and shown as REST shows it."""

from typing import Any

from dml.core.context import Role
from tests.bounties.entries import Contest, submit, unscored
from tests.bounties.factories import plan
from tests.edge.graphql.asking import data, refusal
from tests.jobs.factories import make_version, order
from tests.statements import statements_of
from tests.world import Person, World

SUBMISSIONS = """query($first: Int, $after: String, $mine: Boolean, $state: SubmissionState) {
    bounties(mine: true, first: 50) { nodes {
        id owner { id }
        submissions(first: $first, after: $after, mine: $mine, state: $state) {
            edges { cursor node { id state sha256 submitter { id } bounty { id description } } }
            pageInfo { hasNextPage endCursor }
            limits { total { limit remaining } }
        }
    } }
}"""
OF_ONE = SUBMISSIONS.replace("bounties(mine: true, first: 50) { nodes {", "bounty(id: $id) {")
OF_ONE = OF_ONE.replace("query(", "query($id: ID!, ").replace("} }\n}", "}\n}")


async def test_fifty_bounties_take_as_many_statements_as_two(world: World) -> None:
    owner = await world.rich("owner", "1000")
    contests = [await unscored(world, owner=owner) for _ in range(3)]
    for contest in contests:
        await submit(contest, contest.entrants[0], b"id,prediction\r\n1,1\r\n")
    for number in range(47):
        assert (await owner.post("/v1/bounties", plan(name=f"{number}"))).status_code == 201
    query = """query($first: Int!) { bounties(mine: true, first: $first, sort: CREATED) { nodes {
        name description owner { firstName }
        submissions(first: 3) { nodes { state submitter { firstName } bounty { name } } }
    } } }"""
    counts = []
    for first in (2, 50):
        with statements_of(world) as statements:
            found = (await data(owner, query, first=first))["bounties"]["nodes"]
        assert len(found) == first
        counts.append(len(statements))
    assert counts[0] == counts[1] < 25
    assert sum(len(it["submissions"]["nodes"]) for it in found) == 3


async def of(person: Person, contest: Contest, **chosen: Any) -> Any:
    """What a person is shown of a contest's submissions."""
    return (await data(person, OF_ONE, id=str(contest.id), **chosen))["bounty"]["submissions"]


async def test_submissions_are_shown_to_whom_rest_shows_them(world: World) -> None:
    contest = await unscored(world, entrants=2)
    one, other = contest.entrants
    for entrant in (one, one, other):
        await submit(contest, entrant, f"id,prediction\r\n1,{entrant.id}\r\n".encode())
    moderator = await world.person("moderator", Role.MODERATOR)
    stranger = await world.person("stranger")
    for person in (one, other, contest.owner, moderator, stranger):
        for chosen in ({}, {"mine": True}, {"state": "VALIDATING"}, {"state": "SCORED"}):
            asked = {name: str(it).lower() for name, it in chosen.items()}
            told = (await person.get(contest.submissions, params=asked)).json()
            shown = await of(person, contest, **chosen)
            found = [it["node"] for it in shown["edges"]]
            assert [it["id"] for it in found] == [it["id"] for it in told["items"]]
            assert [it["sha256"] for it in found] == [it["sha256"] for it in told["items"]]
            assert (shown["limits"] is None) == (told["limits"] is None)
            if shown["limits"] is not None:
                assert shown["limits"]["total"] == told["limits"]["total"]
    error = await refusal(world, OF_ONE, id=str(contest.id))
    assert error["code"] == "core.not_signed_in"


async def test_pages_below_a_page_follow_each_other(world: World) -> None:
    contest = await unscored(world)
    entrant = contest.entrants[0]
    paths = [
        await submit(contest, entrant, f"id,prediction\r\n1,{number}\r\n".encode())
        for number in range(3)
    ]
    first = await of(contest.owner, contest, first=2)
    assert [it["node"]["id"] for it in first["edges"]] == [it[-36:] for it in paths[:0:-1]]
    assert first["pageInfo"]["hasNextPage"]
    after = first["pageInfo"]["endCursor"]
    rest = await of(contest.owner, contest, first=2, after=after)
    assert [it["node"]["id"] for it in rest["edges"]] == [paths[0][-36:]]
    assert not rest["pageInfo"]["hasNextPage"]
    many = await data(contest.owner, SUBMISSIONS, first=2)
    (found,) = many["bounties"]["nodes"]
    assert found["submissions"] == first
    wrong = await refusal(contest.owner, OF_ONE, id=str(contest.id), first=1_000)
    assert wrong["code"] == "http.422"


async def test_what_an_id_leads_to_is_null_where_nobody_may_see_it(world: World) -> None:
    """A job's customer may not see its algorithm any more, once that is off the list."""
    developer, customer = await world.person("developer"), await world.rich("customer", "1000")
    version_id = await make_version(world, developer)
    job = (await customer.post("/v1/jobs", order(version_id))).json()
    query = "query($id: ID!) { job(id: $id) { title algorithm { title } } }"
    assert (await data(customer, query, id=job["id"]))["job"]["algorithm"] is not None
    archive = f"/v1/algorithms/{job['algorithm_id']}/archive"
    assert (await developer.post(archive)).status_code == 200
    found = (await data(customer, query, id=job["id"]))["job"]
    assert found == {"title": job["title"], "algorithm": None}
