"""Announced algorithms: seen by all, ordered by nobody, listed by their first approval."""

from uuid import UUID

import pytest
from sqlalchemy import text

from dml.algorithms import queries, rules, service
from dml.algorithms.announcing import rules as announcing_rules, service as announcing
from dml.algorithms.models import AlgorithmState, SuspendedBy, VersionState
from dml.algorithms.suspending import service as suspending
from dml.core import event_log
from dml.core.context import NOBODY, Role
from dml.core.ids import UserId, VersionId, new_id
from dml.core.worker import WorkerParts
from tests.algorithms.offers import approve, make_algorithm as offer_one, upload
from tests.algorithms.test_search import made_up
from tests.algorithms.test_use_cases import add_checked, bring_to, make_algorithm
from tests.conftest import At
from tests.jobs.factories import order
from tests.world import World, problem


async def test_what_is_announced_is_seen_taken_back_and_listed_in_the_end(
    world: World, worker_parts: WorkerParts
) -> None:
    ada, eve = await world.person("ada"), await world.person("eve")
    word, tag = made_up(), f"t-{new_id()}"
    path = await offer_one(ada, title=word, tags=[tag])
    problem(await eve.post(f"{path}/announce"), 404, "algorithms.not_found")
    announced = await ada.post(f"{path}/announce")
    assert announced.json()["state"] == "announced"
    problem(await ada.post(f"{path}/announce"), 409, "algorithms.already_announced")
    problem(await eve.post(f"{path}/withdraw"), 403, "algorithms.not_developer")

    for client in (eve, world.client):
        shown = (await client.get(path)).json()
        assert (shown["state"], shown["approved_version"]) == ("announced", None)
    slug = announced.json()["slug"]
    assert (await world.client.get(f"/v1/algorithms/by-slug/{slug}")).status_code == 200

    async def listed(query: str) -> list[str]:
        found = (await world.client.get(f"/v1/algorithms{query}")).json()["items"]
        return [it["state"] for it in found]

    narrowed = f"?developer_id={ada.id}"
    assert await listed(narrowed) == await listed(f"?tag={tag}") == []
    assert await listed(f"{narrowed}&state=announced") == ["announced"]
    assert await listed(f"?tag={tag}&state=announced&sort=runs") == ["announced"]
    assert await listed(f"/search?q={word}") == []
    assert await listed(f"/search?q={word}&state=announced") == ["announced"]
    mine = (await ada.get("/v1/algorithms?mine=true&state=draft")).json()["items"]
    assert mine == []

    version = await upload(ada, path)
    problem(await eve.get(version), 404, "algorithms.version_not_found")
    asked = order(VersionId(UUID(version.rsplit("/", 1)[1])))
    problem(await eve.post("/v1/jobs", asked), 404, "algorithms.version_not_found")

    assert (await ada.post(f"{path}/withdraw")).json()["state"] == "draft"
    problem(await ada.post(f"{path}/withdraw"), 409, "algorithms.not_announced")
    problem(await eve.get(path), 404, "algorithms.not_found")
    await ada.post(f"{path}/announce")
    await approve(world, ada, version)
    assert await listed(narrowed) == ["listed"]
    assert await listed(f"{narrowed}&state=announced") == []


async def test_each_step_is_told(at: At, owner: UserId, rival: UserId) -> None:
    mine = at(owner)
    version = await bring_to(at, owner, rival, VersionState.IN_REVIEW)
    await announcing.announce(mine, version.algorithm_id)
    await announcing.withdraw(mine, version.algorithm_id)
    algorithm = await announcing.announce(at(owner, hours=1), version.algorithm_id)
    assert algorithm.announced_at == at(owner, hours=1).now
    await service.approve(at(rival, Role.MODERATOR), algorithm.id, version.id, reason=None)
    entries = await event_log.history(mine.tx, algorithm.reference)
    assert [(it.action, it.from_state, it.to_state) for it in entries[1:]] == [
        ("announced", "draft", "announced"),
        ("withdrawn", "announced", "draft"),
        ("announced", "draft", "announced"),
        ("listed", "announced", "listed"),
    ]
    assert "everyone" in entries[1].readers


async def test_a_moderator_stops_an_announced_one_which_is_announced_again(
    at: At, owner: UserId, rival: UserId
) -> None:
    mine, theirs = at(owner), at(rival, Role.MODERATOR)
    algorithm = await make_algorithm(mine)
    await announcing.announce(mine, algorithm.id)
    await suspending.suspend(theirs, algorithm.id, reason="it offends")
    assert (algorithm.state, algorithm.suspended_by) == (
        AlgorithmState.SUSPENDED,
        SuspendedBy.MODERATOR,
    )
    with pytest.raises(rules.AlgorithmNotFound):
        await queries.get_algorithm(mine.tx, NOBODY, algorithm.id)
    with pytest.raises(announcing_rules.NotAnnounced):
        await announcing.withdraw(mine, algorithm.id)
    await suspending.resume(theirs, algorithm.id, reason="it was mended")
    assert algorithm.state is AlgorithmState.ANNOUNCED
    archived = await service.archive(theirs, algorithm.id, reason="it offends again")
    assert archived.state == "archived"


async def test_an_announced_one_is_deleted_as_a_draft_is(at: At, owner: UserId) -> None:
    mine = at(owner)
    algorithm = await make_algorithm(mine)
    await add_checked(mine, algorithm)
    await announcing.announce(mine, algorithm.id)
    await service.delete_draft(mine, algorithm.id)
    await mine.tx.flush()
    with pytest.raises(rules.AlgorithmNotFound):
        await queries.get_algorithm(mine.tx, mine.actor, algorithm.id)


async def test_a_developer_announces_only_so_many(at: At, owner: UserId) -> None:
    mine = at(owner)
    for _ in range(announcing_rules.ANNOUNCED_MOST):
        await announcing.announce(mine, (await make_algorithm(mine)).id)
    one_more = await make_algorithm(mine)
    with pytest.raises(announcing_rules.TooManyAnnounced):
        await announcing.announce(mine, one_more.id)


async def test_to_the_release_before_an_announced_one_is_a_draft(at: At, owner: UserId) -> None:
    """It reads the column, and raises at a word that it does not know."""
    mine = at(owner)
    algorithm = await make_algorithm(mine)
    await announcing.announce(mine, algorithm.id)
    await mine.tx.flush()
    kept = text("SELECT state FROM algorithms WHERE id = :id")
    assert await mine.tx.scalar(kept, {"id": algorithm.id}) == "draft"
    # And what it lists, as it does a draft, is listed to us.
    listing = text("UPDATE algorithms SET state = 'listed' WHERE id = :id")
    await mine.tx.execute(listing, {"id": algorithm.id})
    await mine.tx.refresh(algorithm)
    assert algorithm.state is AlgorithmState.LISTED
