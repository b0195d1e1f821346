"""How many bytes one user may have kept, and what is said to who would have more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dml.bounties.models import BountyState, Judging
from dml.core.blobs import Stored
from dml.core.context import Actor, Context
from dml.core.kept_files import FileQuota, FilesFull
from dml.core.settings import Settings
from dml.entrypoints import collector
from tests.algorithms.offers import (
    check,
    file_part,
    form,
    make_algorithm,
    send as send_version,
    spec_part,
)
from tests.bounties.entries import (
    ANY,
    make_draft,
    send as send_submission,
    submit,
    unscored,
    upload_test_set,
)
from tests.bounties.factories import make_bounty
from tests.bounties.test_attachments import attach
from tests.world import World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")
MOST = 3_000
Limit = Callable[[int], None]


@pytest.fixture(autouse=True)
def limit(world: World, settings: Settings) -> Iterator[Limit]:
    """The limit of each user, which a test can set."""
    before = world.app.state.quota

    def set_to(most: int) -> None:
        own = settings.model_copy(update={"files_of_one_user_bytes": most})
        world.app.state.quota = collector.make_quota(own)

    set_to(MOST)
    yield set_to
    world.app.state.quota = before


def stored(settings: Settings) -> set[Path]:
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


async def in_pieces(size: int, read: list[int]) -> AsyncIterator[bytes]:
    for _ in range(0, size, 100):
        read.append(100)
        yield bytes(100)


async def test_a_version_too_many_is_refused_and_may_come_once_another_is_deleted(
    world: World, settings: Settings
) -> None:
    ada = await world.person("ada")
    path = await make_algorithm(ada)
    sent = await send_version(ada, path, form(spec_part(), file_part(b"a" * 2_000)))
    version_path = sent.headers["location"]
    assert (await check(world, ada, version_path))["state"] == "refused"
    before = stored(settings)
    body = form(spec_part(), file_part(b"b" * 1_001))
    refused = problem(await send_version(ada, path, body), 409, "core.files_full")
    assert (refused["used_bytes"], refused["most_bytes"]) == (2_000, MOST)
    id_ = version_path.rsplit("/", 1)[1]
    told = {"kind": "version", "id": id_, "path": version_path, "size": 2_000}
    assert refused["may_be_deleted"] == [told]
    assert stored(settings) == before  # What was refused while it came is nowhere.

    fits = form(spec_part(), file_part(b"b" * 1_000))
    assert (await send_version(ada, path, fits)).status_code == 201
    assert (await ada.ask("DELETE", version_path)).status_code == 204
    eve = await world.person("eve")  # Others have room of their own.
    its = form(spec_part(), file_part(b"c" * MOST))
    assert (await send_version(eve, await make_algorithm(eve), its)).status_code == 201


async def test_who_has_no_room_is_refused_before_a_byte_is_read(world: World) -> None:
    contest = await unscored(world, judging=Judging.MANUAL)
    (ada,), read = contest.entrants, list[int]()
    await submit(contest, ada, b"a" * MOST, ANY)
    answer = await send_submission(ada, contest.submissions, in_pieces(1_000, read), ANY)
    assert problem(answer, 409, "core.files_full")["may_be_deleted"] == []
    assert read == []


async def test_all_kinds_of_files_count_together_and_a_cancelled_draft_can_be_emptied(
    world: World,
) -> None:
    bounty = await make_draft(world)
    owner = bounty.owner
    made = (await attach(bounty, b"d" * 1_500)).json()
    first = await upload_test_set(owner, bounty.path, b"t" * 1_500)
    assert first.status_code == 200, first.text
    assert (await upload_test_set(owner, bounty.path, b"T" * 1_500)).status_code == 200
    refused = await upload_test_set(owner, bounty.path, b"T" * 1_501)
    told = problem(refused, 409, "core.files_full")
    assert [it["id"] for it in told["may_be_deleted"]] == [made["id"]]
    problem(await attach(bounty, b"e", name="more.csv"), 409, "core.files_full")
    path = await make_algorithm(owner)
    body = form(spec_part(), file_part(b"x"))
    problem(await send_version(owner, path, body), 409, "core.files_full")

    assert (await owner.post(f"{bounty.path}/cancel", {"reason": "no"})).status_code == 200
    problem(await send_version(owner, path, body), 409, "core.files_full")
    (it,) = told["may_be_deleted"]
    assert (await owner.ask("DELETE", it["path"])).status_code == 204
    assert (await send_version(owner, path, body)).status_code == 201


async def test_the_same_content_counts_once(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    for name in ("a.csv", "b.csv", "c.csv"):
        assert (await attach(bounty, b"s" * 1_400, name=name)).status_code == 201
    problem(await attach(bounty, b"t" * 1_601, name="d.csv"), 409, "core.files_full")


async def test_of_two_at_once_that_fit_alone_one_is_taken(world: World) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    other = await make_bounty(world, state=BountyState.FUNDED, owner=bounty.owner)
    answers = await asyncio.gather(
        *(attach(it, bytes([n]) * 2_000) for n, it in enumerate((bounty, other)))
    )
    assert sorted(it.status_code for it in answers) == [201, 409]


async def test_two_that_came_whole_are_counted_one_after_the_other(world: World) -> None:
    """Both had room as they began: the last look is taken in turn."""
    quota: FileQuota = world.app.state.quota
    ada = await world.person("ada")
    done = []

    async def second() -> None:
        async with world.parts.sessions.begin() as tx:
            ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
            await quota.require_room(ctx, Stored("2" * 64, 1))
            done.append(2)

    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
        await quota.require_room(ctx, Stored("1" * 64, 1))
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.3)
        assert done == []
    await waiting
    async with world.parts.sessions.begin() as tx:
        ctx = Context(tx, Actor(ada.id), datetime.now(UTC))
        with pytest.raises(FilesFull):
            await quota.require_room(ctx, Stored("3" * 64, MOST + 1))


async def test_at_most_twenty_files_are_named_the_largest_first(world: World, limit: Limit) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    sizes = range(100, 125)
    for size in sizes:
        answer = await attach(bounty, bytes([size]) * size, name=f"{size}.csv")
        assert answer.status_code == 201, answer.text
    limit(sum(sizes))
    told: Any = problem(await attach(bounty, b"x", name="x"), 409, "core.files_full")
    assert [it["size"] for it in told["may_be_deleted"]] == list(reversed(sizes))[:20]
