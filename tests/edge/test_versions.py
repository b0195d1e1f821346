"""An ETag names what was answered: 304 to who has it, and never to who has something else."""

from typing import Any

import httpx2

from dml.core.context import Role
from dml.core.ids import new_id
from tests.bounties.factories import enroll, make_bounty
from tests.jobs.factories import make_job
from tests.world import Person, World, problem, soon


async def same_again(asking: Any, path: str, first: httpx2.Response) -> httpx2.Response:
    """Ask again with the ETag of what was answered."""
    again: httpx2.Response = await asking.get(
        path, headers={"If-None-Match": first.headers["etag"]}
    )
    return again


async def credit(world: World, person: Person, amount: str) -> None:
    admin = await world.person("admin", Role.ADMIN)
    body = {"user_id": str(person.id), "amount": amount, "reason": "more"}
    assert (await admin.post("/v1/admin/credits", body)).status_code == 201


async def test_a_statement_is_sent_again_when_a_transfer_came(world: World) -> None:
    ada = await world.rich("ada", "1")
    ahead = f"/v1/payments/statement.csv?until={soon(days=1).replace('+', '%2B')}"
    for path in ("/v1/payments/statement.csv", ahead):
        first = await ada.get(path, headers={"Range": "bytes=0-1"})
        assert (first.status_code, "accept-ranges" in first.headers) == (200, False)
        again = await same_again(ada, path, first)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        await credit(world, ada, "2")
        changed = await same_again(ada, path, first)
        assert changed.status_code == 200
        assert changed.headers["etag"] != first.headers["etag"]
        assert len(changed.text.splitlines()) == len(first.text.splitlines()) + 1
    bob = await world.rich("bob", "1")
    assert (await same_again(bob, ahead, changed)).status_code == 200


async def test_a_board_and_a_bounty_are_sent_again_when_somebody_entered(world: World) -> None:
    bounty = await make_bounty(world)
    paths = [bounty.path, f"{bounty.path}/leaderboard.csv", f"{bounty.path}/leaderboard"]
    first = [await world.client.get(path) for path in paths]
    for path, one in zip(paths, first, strict=True):
        assert (await same_again(world.client, path, one)).status_code == 304, path
    await enroll(world, bounty)
    assert (await same_again(world.client, paths[0], first[0])).status_code == 200


async def test_who_has_seen_older_counts_may_edit_what_they_are_not_of(world: World) -> None:
    bounty = await make_bounty(world)
    seen = await bounty.owner.get(bounty.path)
    await enroll(world, bounty)
    edit = {"subtitle": "Another one", "reason": "It is better."}
    known = {"If-Match": seen.headers["etag"]}
    assert (await bounty.owner.get(bounty.path)).headers["etag"] != known["If-Match"]
    answer = await bounty.owner.patch(bounty.path, edit, headers=known)
    assert answer.status_code == 200, answer.text
    again = await bounty.owner.patch(bounty.path, edit | {"subtitle": "A third"}, headers=known)
    assert again.status_code == 412, again.text
    stale = await bounty.owner.patch(
        bounty.path, edit | {"subtitle": "A third"}, headers={"If-Match": '"99-abc"'}
    )
    assert stale.status_code == 412
    for wrong in ('"x-1"', '"-1"', '""', '"1"2"'):
        refused = await bounty.owner.patch(bounty.path, edit, headers={"If-Match": wrong})
        problem(refused, 422, "edge.bad_if_match")


async def test_reads_without_a_revision_have_a_version_too(world: World) -> None:
    job = await make_job(world)
    customer = job.customer
    paths = [f"/v1/jobs/{job.id}{it}" for it in ("", "/results", "/results.csv", "/timeline")]
    for path in [*paths, "/v1/jobs", "/v1/payments/balance", "/v1/devices/limits"]:
        first = await customer.get(path)
        assert first.status_code == 200, path
        again = await same_again(customer, path, first)
        assert (again.status_code, again.content) == (304, b""), path
        head = await customer.ask("HEAD", path)
        assert head.headers["etag"] == first.headers["etag"], path
    assert "etag" not in (await customer.get(f"/v1/jobs/{new_id()}")).headers
