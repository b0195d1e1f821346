"""Hidden test sets: who may upload one, what the check says of it, and that nobody reads it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from dml.bounties import queries
from dml.bounties.models import BountyState, Judging, TestSet, TestSetState
from dml.bounties.submissions import queries as submission_queries
from dml.bounties.test_sets import processes as test_set_processes, service as test_sets
from dml.core import processes as core_processes, worker
from dml.core.context import SYSTEM, Context
from dml.core.engine import Engine
from dml.core.ids import BountyId, new_id
from dml.core.settings import Settings
from dml.core.worker import WorkerParts
from dml.scoring.reader import Reader
from tests.bounties import tables
from tests.bounties.entries import (
    CSV,
    PARQUET,
    codes,
    end_of_check,
    make_contest,
    make_draft,
    upload_test_set,
)
from tests.bounties.factories import MadeBounty, make_bounty, moderator
from tests.core.engine_watch import until
from tests.worker_parts import make_parts
from tests.world import World, problem

# What is in no other file of these tests, in a file and in pieces of it.
SECRET = b"4815162342"


async def row_of(world: World, bounty: MadeBounty) -> TestSet:
    async with world.parts.sessions() as tx:
        found = await submission_queries.find_test_set(tx, _id(bounty))
    assert found is not None
    return found


def _id(bounty: MadeBounty) -> BountyId:
    return BountyId(UUID(str(bounty.id)))


def stored(settings: Settings) -> set[Path]:
    return {it for it in (settings.home / "blobs").rglob("*") if it.is_file()}


@pytest.fixture
async def draft(judged: World) -> MadeBounty:
    return await make_draft(judged)


async def test_a_test_set_is_checked_by_itself_and_split(
    judged: World, node: Engine, at_work: WorkerParts, draft: MadeBounty
) -> None:
    made = tables.rows()
    answer = await upload_test_set(draft.owner, draft.path, tables.hidden(made))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["commitment"]) == ("uploaded", None)

    shown = await end_of_check(draft.owner, draft.path)
    assert (shown["state"], shown["refusals"]) == ("checked", [])
    assert (shown["rows"], shown["classes"]) == (len(made), list(tables.CLASSES))
    assert shown["features"] == ["a", "b"]
    assert 0.2 * len(made) < shown["public_rows"] < 0.4 * len(made)
    assert len(shown["commitment"]) == 64
    asked = await (await moderator(judged)).get(f"{draft.path}/test-set")
    assert asked.json() == shown


async def test_what_is_told_in_the_end_is_what_was_promised(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    file = tables.hidden()
    contest = await make_contest(judged, hidden=file)
    row = await row_of(judged, contest.bounty)
    assert (row.salt, row.published) == (None, None)
    assert row.sealed_salt is not None
    revealed = await test_sets.reveal(row.bounty_id, row.sealed, row.sealed_salt)
    for _ in range(2):
        async with judged.parts.sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, datetime.now(UTC))
            await test_sets.publish(ctx, row.bounty_id, revealed)
    told = await row_of(judged, contest.bounty)
    assert told.salt is not None
    assert told.published is not None
    published = await judged.parts.blobs.get(told.published)
    assert published == file
    digest = hashlib.sha256(bytes.fromhex(told.salt) + published).hexdigest()
    assert digest == told.commitment


async def test_the_plain_file_is_written_nowhere(
    judged: World, node: Engine, at_work: WorkerParts, draft: MadeBounty, settings: Settings
) -> None:
    before = stored(settings)
    made = [(int(SECRET) + number, label, a, b) for number, label, a, b in tables.rows(300)]
    await upload_test_set(draft.owner, draft.path, tables.hidden(made))
    assert (await end_of_check(draft.owner, draft.path))["state"] == "checked"
    kept = stored(settings) - before
    assert len(kept) == 2  # The file and what was made of it, both sealed.
    for path in kept:
        content = path.read_bytes()
        assert SECRET not in content
        assert b"short" not in content
    row = await row_of(judged, draft)
    whole = await judged.parts.blobs.get(row.sealed)
    assert len(whole) > row.size
    async with judged.parts.sessions() as tx:  # Nor in any checkpoint.
        for table, column in (
            ("workflow_input", "inputs"),
            ("operation_outputs", "output"),
            ("datasource_outputs", "output"),
        ):
            found = await tx.scalar(
                text(f"SELECT count(*) FROM dbos.{table} WHERE {column}::text LIKE :part"),
                {"part": f"%{SECRET.decode()}%"},
            )
            assert found == 0


@pytest.mark.parametrize(
    ("file", "type_", "query"),
    [
        (b"id,target\n1,a\n1,b\n2,a\n", CSV, {}),
        (b"id,target\n1,a\n2,\n", CSV, {}),
        (b"id,target\n1,a\n2,a\n", CSV, {}),
        (b"number,target\n1,a\n2,b\n", CSV, {}),
        (b"id,class\n1,a\n2,b\n", CSV, {}),
        (b"id,target\n", CSV, {}),
        (b"PK\x03\x04" + bytes(200), CSV, {}),
        (b"\xff\xfe" + "id,target\n1,a\n".encode("utf-16-le"), CSV, {}),
        (b"id,target\n1,a\n2,b\n", PARQUET, {}),
        (b"id,target\n1,a\n2,b\n", CSV, {"id_column": "target", "target_column": "target"}),
        (tables.hidden(), CSV, {"target_column": "nothing"}),
    ],
)
async def test_a_file_that_is_no_test_set_is_refused_with_a_reason(
    judged: World,
    node: Engine,
    at_work: WorkerParts,
    file: bytes,
    type_: str,
    query: dict[str, str],
) -> None:
    draft = await make_draft(judged)
    answer = await upload_test_set(draft.owner, draft.path, file, type_, **query)
    assert answer.status_code == 200, answer.text
    shown = await end_of_check(draft.owner, draft.path)
    assert shown["state"] == "refused"
    assert shown["refusals"] != []
    assert not any(it.startswith("platform.") for it in codes(shown)), shown
    assert (shown["commitment"], shown["rows"]) == (None, None)
    refused = await draft.owner.post(f"{draft.path}/fund")
    assert refused.status_code == 409


async def test_nobody_else_is_told_why_an_earlier_file_was_refused(
    judged: World, node: Engine, at_work: WorkerParts
) -> None:
    """The reason quotes what is hidden; of a bounty that was funded everybody sees the history."""
    draft = await make_draft(judged, metric="rmse.v1")
    rows = [b"%d,%d.5" % (number, number) for number in range(100)]
    good = b"\n".join([b"id,target", *rows])
    await upload_test_set(draft.owner, draft.path, good.replace(b"77.5", b"seventy-seven"))
    shown = await end_of_check(draft.owner, draft.path)
    assert "seventy-seven" in str(shown["refusals"])
    await upload_test_set(draft.owner, draft.path, good)
    assert (await end_of_check(draft.owner, draft.path))["state"] == "checked"
    await draft.post("fund")
    told = (await judged.client.get(f"{draft.path}/timeline")).json()["entries"]
    assert "test_set_refused" in {it["action"] for it in told}
    assert "seventy" not in str(told)


async def test_only_the_newest_file_counts_however_late_the_check_of_an_older_one_is(
    judged: World, at_work: WorkerParts, draft: MadeBounty
) -> None:
    first = tables.hidden(tables.rows(300))
    await upload_test_set(draft.owner, draft.path, first)
    async with judged.parts.sessions() as tx:
        bounty = await queries.lock_bounty(tx, _id(draft))
        wanted = test_sets.to_check(bounty, await row_of(judged, draft))
    finding = await test_sets.inspect(wanted)
    assert finding.found is not None
    await upload_test_set(draft.owner, draft.path, tables.hidden(tables.rows(200)))
    async with judged.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        assert await test_sets.conclude(ctx, wanted, finding) == "replaced"
    row = await row_of(judged, draft)
    assert row.rows != 300
    assert row.sealed != wanted.sealed


async def test_the_file_of_one_that_was_replaced_goes_by_itself(
    judged: World, at_work: WorkerParts, node: Engine, draft: MadeBounty
) -> None:
    await upload_test_set(draft.owner, draft.path)
    await end_of_check(draft.owner, draft.path)
    before = await row_of(judged, draft)
    await upload_test_set(draft.owner, draft.path, tables.hidden(tables.rows(200)))

    async def gone() -> bool:
        left = [await judged.parts.blobs.has(str(it)) for it in (before.sealed, before.prepared)]
        return left == [False, False]

    await until(gone)
    assert (await end_of_check(draft.owner, draft.path))["state"] == "checked"


async def test_another_metric_has_the_test_set_checked_again(
    judged: World, node: Engine, at_work: WorkerParts, draft: MadeBounty
) -> None:
    await upload_test_set(draft.owner, draft.path)
    assert (await end_of_check(draft.owner, draft.path))["state"] == "checked"
    answer = await draft.owner.patch(draft.path, {"metric": "rmse.v1"})
    assert answer.status_code == 200, answer.text
    assert (await end_of_check(draft.owner, draft.path))["state"] == "refused"  # No numbers there.
    await draft.owner.patch(draft.path, {"metric": "accuracy.v1"})
    shown = await end_of_check(draft.owner, draft.path)
    assert (shown["state"], shown["rows"]) == ("checked", tables.ROWS)


async def test_nobody_else_uploads_or_sees_one(judged: World, draft: MadeBounty) -> None:
    eve = await judged.person("eve")
    problem(await upload_test_set(eve, draft.path), 404, "bounties.not_found")
    problem(await upload_test_set(eve, f"/v1/bounties/{new_id()}"), 404, "bounties.not_found")
    problem(await eve.get(f"{draft.path}/test-set"), 404, "bounties.not_found")
    public = await make_bounty(judged, judging=Judging.METRIC)
    problem(await upload_test_set(eve, public.path), 403, "bounties.not_owner")
    problem(await eve.get(f"{public.path}/test-set"), 404, "bounties.test_set_not_found")
    nobody = await judged.client.put(f"{public.path}/test-set", content=b"x")
    problem(nobody, 401, "core.not_signed_in")


async def test_one_is_replaced_in_a_draft_alone(judged: World) -> None:
    for state in (BountyState.FUNDED, BountyState.ENROLLING, BountyState.SUBMITTING):
        bounty = await make_bounty(judged, judging=Judging.METRIC, state=state)
        refused = problem(
            await upload_test_set(bounty.owner, bounty.path), 409, "bounties.wrong_state"
        )
        assert refused["state"] == state


async def test_a_bounty_judged_by_hand_has_none(judged: World) -> None:
    bounty = await make_draft(judged, judging=Judging.MANUAL)
    problem(await upload_test_set(bounty.owner, bounty.path), 409, "bounties.judged_by_hand")
    problem(await bounty.owner.get(f"{bounty.path}/test-set"), 404, "bounties.test_set_not_found")


@pytest.mark.parametrize("type_", ["application/zip", "application/onnx", "text/plain", ""])
async def test_another_type_of_file_is_refused(
    judged: World, draft: MadeBounty, type_: str
) -> None:
    problem(await upload_test_set(draft.owner, draft.path, b"x", type_), 415, "http.415")


async def test_a_file_that_is_empty_or_too_large_is_refused_and_leaves_nothing(
    judged: World, draft: MadeBounty, settings: Settings
) -> None:
    before = stored(settings)
    limit = settings.test_set_limit_bytes

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(limit // 1_000_000 + 2):
            yield bytes(1_000_000)

    problem(await upload_test_set(draft.owner, draft.path, b""), 422, "edge.file_empty")
    for body in (bytes(limit + 1), endless()):
        answer = await upload_test_set(draft.owner, draft.path, body)
        refused = problem(answer, 413, "edge.file_too_large")
        assert refused["limit_bytes"] == limit
    assert stored(settings) == before


async def test_bad_names_of_columns_are_refused(judged: World, draft: MadeBounty) -> None:
    for name in ("", "x" * 201, "a\0b"):
        answer = await upload_test_set(draft.owner, draft.path, id_column=name)
        problem(answer, 422, "http.422")


async def test_where_we_fail_the_check_ends_with_a_reason_that_says_so(
    judged: World,
    node: Engine,
    settings: Settings,
    at_work: WorkerParts,
    draft: MadeBounty,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dml.core.engine_steps._PAUSES_SECONDS", (0.01, 0.01))
    closed = Reader()
    closed.close()
    worker.provide(make_parts(settings, judged.parts, reader=closed))
    await upload_test_set(draft.owner, draft.path)
    shown = await end_of_check(draft.owner, draft.path)
    assert (shown["state"], codes(shown)) == ("refused", ["platform.check_failed"])
    worker.provide(at_work)
    await upload_test_set(draft.owner, draft.path)
    assert (await end_of_check(draft.owner, draft.path))["state"] == "checked"


async def test_what_nobody_checks_is_given_up_in_time(
    judged: World, node: Engine, at_work: WorkerParts, draft: MadeBounty
) -> None:
    async with judged.parts.sessions.begin() as tx:
        ctx = Context(tx, SYSTEM, datetime.now(UTC))
        bounty = await queries.lock_bounty(tx, _id(draft))
        test_set = await submission_queries.find_test_set(tx, _id(draft), lock=True)
        assert test_set is not None
        again = await test_sets.begin_again(ctx, bounty)
        assert again is test_set
        assert test_set.state is TestSetState.UPLOADED
        await test_set_processes.start_check(ctx, bounty, test_set)
        # As if every worker had died of this check.
        gone = text("DELETE FROM dbos.workflow_status WHERE workflow_uuid LIKE 'check-test-set:%'")
        await tx.execute(gone)
        alarm = await tx.scalar(
            text(
                "SELECT workflow_uuid FROM dbos.workflow_status WHERE status = 'DELAYED' "
                "AND workflow_uuid LIKE 'give-up-test-set:%' ORDER BY created_at DESC LIMIT 1"
            )
        )
        assert await core_processes.reschedule(ctx, alarm, ctx.now)
    shown = await end_of_check(draft.owner, draft.path)
    assert codes(shown) == ["platform.check_failed"]


async def test_who_sends_slowly_keeps_nobody_waiting_and_is_cut_off(
    judged: World, draft: MadeBounty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty-four that trickled held the four places, and an honest one waited for 45 s."""
    monkeypatch.setattr("dml.bounties.submissions.uploads.READ_SECONDS", 8.0)
    begun = 0

    async def without_end() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        yield b"id,target"
        await asyncio.sleep(60)

    async def upload() -> None:
        answer = await upload_test_set(draft.owner, draft.path, without_end())
        problem(answer, 422, "edge.file_cut_off")

    slow = [asyncio.create_task(upload()) for _ in range(24)]

    async def has_begun() -> bool:
        return begun == len(slow)

    await until(has_begun)
    answer = await upload_test_set(draft.owner, draft.path)
    assert answer.status_code == 200, answer.text
    assert not any(it.done() for it in slow)  # All of them still wait for their bytes.
    await asyncio.gather(*slow)


async def test_two_uploads_at_once_leave_one(
    judged: World, node: Engine, at_work: WorkerParts, draft: MadeBounty
) -> None:
    answers = await asyncio.gather(*(upload_test_set(draft.owner, draft.path) for _ in range(3)))
    assert [it.status_code for it in answers] == [200] * 3
    assert (await end_of_check(draft.owner, draft.path))["state"] == "checked"
