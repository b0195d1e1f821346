"""A file that comes to nothing, or is given up, leaves the disk at once, so that it never fills."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from dml.bounties.models import BountyState, Judging
from dml.core import kept_files
from dml.core.blobs import Blobs
from dml.core.context import SYSTEM, Context
from dml.core.kept_files import FileGivenUp
from dml.core.settings import Settings
from dml.entrypoints import collector
from tests.algorithms.offers import check, file_part, form, make_algorithm, send, spec_part
from tests.bounties import entries
from tests.bounties.factories import bring_to, make_bounty
from tests.bounties.test_attachments import attach
from tests.world import Person, World, problem

pytestmark = pytest.mark.usefixtures("worker_parts")
Act = Callable[[], Awaitable[Any]]
Ask = Callable[[AsyncIterator[bytes]], Awaitable[Any]]


def stored(settings: Settings) -> set[Path]:
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


async def forget(world: World, sha256: str) -> None:
    """What a worker does about a file that was given up."""
    async with world.parts.sessions.begin() as tx:
        await collector.forget(Context(tx, SYSTEM, datetime.now(UTC)), FileGivenUp(sha256))


async def forget_all(world: World) -> list[str]:
    """Do what the queue says about files that were given up. Return which those were."""
    query = """SELECT i.inputs FROM dbos.workflow_status
        JOIN dbos.workflow_input AS i USING (workflow_uuid) WHERE name = 'files.forget.v1'"""
    done = "DELETE FROM dbos.workflow_status WHERE name = 'files.forget.v1'"
    async with world.parts.sessions.begin() as tx:
        queued = (await tx.scalars(text(query))).all()
        await tx.execute(text(done))
    hashes = [it for inputs in queued for it in re.findall("[0-9a-f]{64}", inputs)]
    for sha256 in hashes:
        await forget(world, sha256)
    return hashes


async def then(body: bytes, act: Act) -> AsyncIterator[bytes]:
    """A file during which something happens."""
    yield body[:1]
    await act()
    yield body[1:]


async def test_files_that_are_refused_once_they_came_leave_nothing_however_many(
    world: World, settings: Settings
) -> None:
    ada = await world.person("ada")
    path = await make_algorithm(ada)
    assert (await send(ada, path, form(spec_part(), file_part(b"first")))).status_code == 201
    bounty = await make_bounty(world, state=BountyState.ENROLLING)
    assert (await attach(bounty, b"a,b", reason="forgotten")).status_code == 201
    before = stored(settings)
    for number in range(25):
        body = form(spec_part(), file_part(b"%d" % number * 1_000))
        problem(await send(ada, path, body), 429, "algorithms.check_pending")
        other = await attach(bounty, b"%d" % number * 1_000, reason="another")
        problem(other, 409, "bounties.attachment_exists")
    assert stored(settings) == before


async def ways_in(world: World) -> dict[str, tuple[Person, Ask, bytes]]:
    """Each way that a file comes in by, and who sends it."""
    ada = await world.person("ada")
    path = await make_algorithm(ada)
    draft = await entries.make_draft(world)
    contest = await entries.unscored(world, judging=Judging.MANUAL)
    (entrant,) = contest.entrants

    async def attached(body: AsyncIterator[bytes]) -> Any:
        asked = {"kind": "data", "name": "a.csv"}
        return await draft.owner.ask(
            "POST", f"{draft.path}/attachments", content=body, params=asked
        )

    return {
        "version": (
            ada,
            lambda body: send(ada, path, body),
            form(spec_part(), file_part(b"a model")),
        ),
        "attachment": (draft.owner, attached, b"a,b"),
        "test set": (
            draft.owner,
            lambda body: entries.upload_test_set(draft.owner, draft.path, body),
            b"id,target",
        ),
        "submission": (
            entrant,
            lambda body: entries.send(entrant, contest.submissions, body, entries.ANY),
            b"an entry",
        ),
    }


async def test_a_session_that_ends_while_a_file_comes_refuses_it_and_nothing_stays(
    world: World, settings: Settings
) -> None:
    for name, (person, ask, body) in (await ways_in(world)).items():
        before = stored(settings)

        async def end_session(person: Person = person) -> None:
            async with world.parts.sessions.begin() as tx:
                ended = "UPDATE user_sessions SET ended_at = now() WHERE user_id = :id"
                await tx.execute(text(ended), {"id": person.id})

        problem(await ask(then(body, end_session)), 401, "core.not_signed_in")
        assert stored(settings) == before, name
    kept = "SELECT (SELECT count(*) FROM submissions WHERE submitter_id = :id)"
    async with world.parts.sessions() as tx:
        assert await tx.scalar(text(kept), {"id": person.id}) == 0


async def test_what_changes_while_a_file_comes_refuses_it_and_nothing_stays(
    world: World, settings: Settings
) -> None:
    draft = await entries.make_draft(world, judging=Judging.METRIC)
    contest = await entries.unscored(world, judging=Judging.MANUAL)
    (entrant,) = contest.entrants
    before = stored(settings)

    async def cancel() -> None:
        await draft.owner.post(f"{draft.path}/cancel", {"reason": "no"})

    refused = await entries.upload_test_set(draft.owner, draft.path, then(b"id,target", cancel))
    problem(refused, 409, "bounties.wrong_state")

    async def close() -> None:
        await bring_to(contest.bounty, BountyState.EVALUATING)

    for _ in range(3):
        body = then(b"an entry", close)
        answer = await entries.send(entrant, contest.submissions, body, entries.ANY)
        assert answer.status_code == 409, answer.text
    assert stored(settings) == before


async def test_to_send_and_delete_by_turns_takes_the_room_of_one_file(
    world: World, settings: Settings
) -> None:
    bounty = await make_bounty(world, state=BountyState.FUNDED)
    draft = await entries.make_draft(world)
    ada = await world.person("ada")
    await forget_all(world)  # What other tests left.
    path, before = await make_algorithm(ada), len(stored(settings))
    for number in range(8):
        made = (await attach(bounty, b"%d" % number * 1_000)).json()
        assert (await bounty.owner.ask("DELETE", made["url"])).status_code == 204
        replaced = await attach(draft, b"%d" % number * 2_000)
        assert replaced.status_code == 201, replaced.text
        sealed = await entries.upload_test_set(draft.owner, draft.path, b"id,%d" % number)
        assert sealed.status_code == 200, sealed.text
        body = form(spec_part(), file_part(b"no model: %d" % number))
        version = (await send(ada, path, body)).headers["location"]
        assert (await check(world, ada, version))["state"] == "refused"
        assert (await ada.ask("DELETE", version)).status_code == 204
        await forget_all(world)
        assert len(stored(settings)) - before == 2  # The draft's data, and its test set.


async def test_what_another_row_names_or_is_about_to_name_stays(
    world: World, settings: Settings
) -> None:
    one = await make_bounty(world, state=BountyState.FUNDED)
    other = await make_bounty(world, state=BountyState.FUNDED)
    await forget_all(world)  # What other tests left.
    made = [(await attach(it, b"data of both")).json() for it in (one, other)]
    sha256, blobs = made[0]["sha256"], world.parts.blobs
    assert (await one.owner.ask("DELETE", made[0]["url"])).status_code == 204
    assert await forget_all(world) == [sha256]
    assert (await other.owner.get(made[1]["url"])).content == b"data of both"

    async def once() -> AsyncIterator[bytes]:
        yield b"data of both"

    incoming = await blobs.take_in(once(), limit=100)
    assert (await other.owner.ask("DELETE", made[1]["url"])).status_code == 204
    async with blobs.unless_kept(incoming), world.parts.sessions.begin() as tx:
        # Somebody is about to name it; the row is not there yet for others.
        await kept_files.keep(Context(tx, SYSTEM, datetime.now(UTC)), blobs, incoming)
        assert await forget_all(world) == [sha256]
    assert await blobs.get(sha256) == b"data of both"
    await forget(world, sha256)
    assert not await blobs.has(sha256)


async def test_who_sends_what_another_gives_up_at_the_same_time_has_it(world: World) -> None:
    """However the two meet: what was answered with 201 is there."""
    blobs: Blobs = world.parts.blobs
    one = await make_bounty(world, state=BountyState.FUNDED)
    other = await make_bounty(world, state=BountyState.FUNDED)
    for number in range(15):
        content = b"%d" % number * 10
        made = (await attach(one, content, name="x")).json()

        async def give_up(made: Any = made) -> None:
            assert (await one.owner.ask("DELETE", made["url"])).status_code == 204
            await forget_all(world)

        sent, _ = await asyncio.gather(attach(other, content, name="y"), give_up())
        assert sent.status_code == 201, sent.text
        assert await blobs.get(sent.json()["sha256"]) == content


async def test_what_may_be_deleted_is_asked_only_for_a_refusal(world: World) -> None:
    bounty, asked = await make_bounty(world, state=BountyState.FUNDED), list[str]()
    engine = world.parts.sessions.kw["bind"].sync_engine

    def listen(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "WHERE deletable" in statement:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        assert (await attach(bounty)).status_code == 201
        assert asked == []
    finally:
        event.remove(engine, "before_cursor_execute", listen)
