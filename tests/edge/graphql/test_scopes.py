"""A personal access token at what the graph streams: each subscription needs the scope of what it
follows.
"""

from tests.accounts.test_tokens import with_token
from tests.edge.graphql.test_event_streams import asked
from tests.edge.graphql.test_subscriptions import running, signed_in
from tests.edge.serving import Running
from tests.jobs.factories import make_job
from tests.world import World

__all__ = ["running"]  # The fixture.
JOB = "subscription($id: ID!) { job(id: $id) { id algorithm { title } } }"
EVENTS = 'subscription { events(types: "job.*") { type } }'


async def test_a_subscription_needs_the_scope_of_what_it_follows(
    world: World, running: Running
) -> None:
    job = await make_job(world)
    able = await with_token(world, job.customer, ["jobs:read", "models:read"])
    unable = await with_token(world, job.customer, ["money:read"])
    async with signed_in(running, able) as client:
        await client.subscribe("a", JOB, id=str(job.id))
        assert (await client.next("a"))["job"]["id"] == str(job.id)
    async with signed_in(running, unable) as client:
        for its_id, query, scope in (("a", JOB, "jobs:read"), ("b", EVENTS, "events:read")):
            await client.subscribe(its_id, query, id=str(job.id))
            told = await client.error(its_id)
            assert (told["code"], told["scope"]) == ("edge.out_of_scope", scope)


async def test_events_of_the_graph_need_it_too(world: World, running: Running) -> None:
    job = await make_job(world)
    able = await with_token(world, job.customer, ["jobs:read", "models:read"])
    unable = await with_token(world, job.customer, ["models:read"])
    body = {"query": JOB, "variables": {"id": str(job.id)}}
    async with asked(running, able, json=body) as events:
        assert (await anext(events))[1]["data"]["job"]["id"] == str(job.id)
    async with asked(running, unable, json=body) as events:
        seen = [told async for _, told in events]
    assert seen[0]["errors"][0]["extensions"]["code"] == "edge.out_of_scope"
