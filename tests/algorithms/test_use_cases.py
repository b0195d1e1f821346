"""The story of an algorithm, and what happens where two tell it at once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts.models import DataKind
from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import processes as algorithm_processes, queries, rules, service, uploads
from dml.algorithms.models import Algorithm, AlgorithmKind, AlgorithmState, Version, VersionState
from dml.algorithms.rules import Finding
from dml.algorithms.suspending import service as suspending
from dml.core import event_log, nodes
from dml.core.blobs import Stored
from dml.core.context import SYSTEM, Actor, Context, Role
from dml.core.ids import UserId, VersionId, new_id
from dml.core.money import MicroTokens
from tests.conftest import NOW, At, Sessions
from tests.inference.models import image_spec
from tests.two_connections import after
from tests.world import make_user

PASSED = Finding({"inputs": []}, [])
REFUSED = Finding(None, [{"code": "model.zip", "detail": "This is a zip archive."}])


async def make_algorithm(ctx: Context) -> Algorithm:
    new = service.NewAlgorithm(
        title="Digits",
        summary="Digits.",
        model_card="Digits.",
        kind=AlgorithmKind.IMAGE,
        tags=["digits"],
        data_kind=DataKind.PHOTO,
        device_fee=MicroTokens(50_000),
        labels=["0", "1"],
    )
    algorithm = await service.create(ctx, new)
    await ctx.tx.flush()
    return algorithm


async def add(ctx: Context, algorithm: Algorithm, sha256: str = "a" * 64, **spec: Any) -> Version:
    stored = Stored(sha256, 100)
    version = await uploads.add_version(ctx, algorithm.id, image_spec(**spec), stored)
    await ctx.tx.flush()
    return version


async def add_checked(ctx: Context, algorithm: Algorithm, *file: str, **spec: Any) -> Version:
    version = await add(ctx, algorithm, *file, **spec)
    await service.conclude_check(Context(ctx.tx, SYSTEM, NOW), version.id, PASSED)
    return version


async def bring_to(at: At, owner: UserId, judge: UserId, state: VersionState) -> Version:
    """Make a version in this state by the verbs that lead there."""
    mine, theirs = at(owner), at(judge, Role.MODERATOR)
    version = await add(mine, await make_algorithm(mine))
    if state is VersionState.UPLOADED:
        return version
    finding = REFUSED if state is VersionState.REFUSED else PASSED
    await service.conclude_check(Context(mine.tx, SYSTEM, NOW), version.id, finding)
    if state is VersionState.DELETED:
        await service.delete(mine, version.algorithm_id, version.id)
    if state in (VersionState.CHECKED, VersionState.REFUSED, VersionState.DELETED):
        return version
    await service.submit(mine, version.algorithm_id, version.id)
    if state in (VersionState.APPROVED, VersionState.RECALLED):
        await service.approve(theirs, version.algorithm_id, version.id, reason=None)
    if state is VersionState.RECALLED:
        await service.recall(theirs, version.algorithm_id, version.id, reason="harm")
    if state is VersionState.REJECTED:
        await service.reject(theirs, version.algorithm_id, version.id, reason="no")
    return version


async def dues(ctx: Context, process_id: str) -> list[Any]:
    """Return state and due date of the process with this id, if there is one."""
    rows = await ctx.tx.execute(
        text(
            "SELECT status, delay_until_epoch_ms FROM dbos.workflow_status "
            "WHERE workflow_uuid = :id"
        ),
        {"id": process_id},
    )
    return [tuple(row) for row in rows]


async def test_from_a_draft_to_the_list_and_off_it_again(
    at: At, owner: UserId, rival: UserId
) -> None:
    mine, theirs = at(owner), at(rival, Role.MODERATOR, hours=1)
    algorithm = await make_algorithm(mine)
    version = await add(mine, algorithm)
    assert (version.number, version.state) == (1, VersionState.UPLOADED)

    state = await service.conclude_check(Context(mine.tx, SYSTEM, NOW), version.id, PASSED)
    assert state is VersionState.CHECKED
    assert (version.signature, version.checked_at) == (PASSED.signature, NOW)
    await service.submit(mine, algorithm.id, version.id)
    await service.approve(theirs, algorithm.id, version.id, reason="good")
    assert (version.reviewed_at, version.review_reason) == (theirs.now, "good")
    assert version.reviewed_by == theirs.actor.id
    assert algorithm.state is AlgorithmState.LISTED
    assert await queries.get_approved_version(mine.tx, version.id) == (version, algorithm)

    await suspending.suspend(theirs, algorithm.id, reason="a complaint")
    with pytest.raises(rules.NotListed):
        await queries.get_approved_version(mine.tx, version.id)
    await suspending.resume(theirs, algorithm.id, reason="it was wrong")
    await service.archive(mine, algorithm.id, reason=None)
    with pytest.raises(rules.NotListed):
        await queries.get_approved_version(mine.tx, version.id)

    entries = await event_log.history(mine.tx, algorithm.reference)
    assert [(it.action, it.from_state, it.to_state, it.reason, it.actor_id) for it in entries] == [
        ("created", None, "draft", None, owner),
        ("listed", "draft", "listed", None, rival),
        ("suspended", "listed", "suspended", "a complaint", rival),
        ("resumed", "suspended", "listed", "it was wrong", rival),
        ("archived", "listed", "archived", None, owner),
    ]
    entries = await event_log.history(mine.tx, version.reference)
    assert [(it.action, it.from_state, it.to_state, it.actor_id) for it in entries] == [
        ("uploaded", None, "uploaded", owner),
        ("checked", "uploaded", "checked", None),
        ("submitted", "checked", "in_review", owner),
        ("approved", "in_review", "approved", rival),
    ]


async def test_an_upload_starts_a_check_and_a_deadline_that_a_check_withdraws(
    at: At, owner: UserId
) -> None:
    ctx = at(owner)
    version = await add(ctx, await make_algorithm(ctx))
    late = int((NOW + rules.CHECK_WITHIN).timestamp() * 1000)
    assert [it[0] for it in await dues(ctx, f"check:{version.id}")] == ["ENQUEUED"]
    assert await dues(ctx, f"give-up:{version.id}") == [("DELAYED", late)]

    await service.conclude_check(Context(ctx.tx, SYSTEM, NOW), version.id, PASSED)
    assert [it[0] for it in await dues(ctx, f"give-up:{version.id}")] == ["CANCELLED"]


async def test_what_waits_for_its_turn_is_not_given_up_while_a_worker_lives(
    at: At, owner: UserId
) -> None:
    ctx = at(owner)
    version = await add(ctx, await make_algorithm(ctx))
    await nodes.renew(ctx.tx, "a-worker", "worker", {})
    assert await algorithm_processes.fail_late(ctx, version.id, 0) is VersionState.UPLOADED
    assert [it[0] for it in await dues(ctx, f"give-up:{version.id}:1")] == ["DELAYED"]


async def test_the_first_finding_counts(at: At, owner: UserId) -> None:
    ctx = at(owner)
    version = await add(ctx, await make_algorithm(ctx))
    system = Context(ctx.tx, SYSTEM, NOW + timedelta(hours=3))
    assert await service.conclude_check(system, version.id, REFUSED) is VersionState.REFUSED
    assert await service.conclude_check(system, version.id, PASSED) is VersionState.REFUSED
    assert (version.refusals, version.signature) == (REFUSED.refusals, None)
    (_, entry) = await event_log.history(ctx.tx, version.reference)
    assert entry.reason == "This is a zip archive."


async def test_the_same_file_and_spec_are_one_version_unless_turned_down(
    at: At, owner: UserId
) -> None:
    ctx = at(owner)
    algorithm = await make_algorithm(ctx)
    first = await add(ctx, algorithm)
    assert await add(ctx, algorithm) is first
    await service.conclude_check(Context(ctx.tx, SYSTEM, NOW), first.id, rules.CHECK_FAILED)
    assert (await add_checked(ctx, algorithm, width=16)).number == 2
    assert (await add_checked(ctx, algorithm, "b" * 64)).number == 3
    assert (await add_checked(ctx, await make_algorithm(ctx))).number == 1
    assert (await add(ctx, algorithm)).number == 4


async def test_a_developer_has_one_file_checked_at_a_time(
    at: At, owner: UserId, rival: UserId
) -> None:
    ctx = at(owner)
    first = await add(ctx, await make_algorithm(ctx))
    other = await make_algorithm(ctx)
    with pytest.raises(rules.CheckPending) as refused:
        await add(ctx, other, "b" * 64)
    assert refused.value.facts == {"retry_after_seconds": rules.PENDING_SECONDS}
    await add(at(rival), await make_algorithm(at(rival)))
    await service.conclude_check(Context(ctx.tx, SYSTEM, NOW), first.id, PASSED)
    await add(ctx, other, "b" * 64)


@pytest.mark.parametrize("state", VersionState)
async def test_each_verb_works_from_its_own_states_alone(
    at: At, owner: UserId, rival: UserId, state: VersionState
) -> None:
    version = await bring_to(at, owner, rival, state)
    assert version.state is state
    mine, theirs, ids = at(owner), at(rival, Role.MODERATOR), (version.algorithm_id, version.id)
    if state is not VersionState.CHECKED:
        with pytest.raises(rules.WrongState):
            await service.submit(mine, *ids)
    if state is not VersionState.IN_REVIEW:
        with pytest.raises(rules.WrongState):
            await service.approve(theirs, *ids, reason=None)
        with pytest.raises(rules.WrongState):
            await service.reject(theirs, *ids, reason="no")
    if state is not VersionState.APPROVED:
        with pytest.raises(rules.WrongState):
            await service.recall(theirs, *ids, reason="no")
    if state not in (VersionState.CHECKED, VersionState.REFUSED, VersionState.REJECTED):
        with pytest.raises(rules.WrongState):
            await service.delete(mine, *ids)
    assert version.state is state


async def test_only_another_moderator_reviews(at: At, owner: UserId, rival: UserId) -> None:
    version = await bring_to(at, owner, rival, VersionState.IN_REVIEW)
    ids = (version.algorithm_id, version.id)
    for ctx, refusal in (
        (at(owner), ModeratorsOnly),
        (at(rival), ModeratorsOnly),
        (at(owner, Role.MODERATOR), rules.OwnVersion),
        (at(owner, Role.ADMIN), rules.OwnVersion),
    ):
        with pytest.raises(refusal):
            await service.approve(ctx, *ids, reason=None)
        with pytest.raises(refusal):
            await service.reject(ctx, *ids, reason="no")
    assert version.state is VersionState.IN_REVIEW


async def test_a_second_approval_changes_nothing_of_a_suspended_algorithm(
    at: At, owner: UserId, rival: UserId
) -> None:
    mine, theirs = at(owner), at(rival, Role.MODERATOR)
    version = await bring_to(at, owner, rival, VersionState.APPROVED)
    algorithm = await suspending.suspend(theirs, version.algorithm_id, reason="a complaint")
    better = await add(mine, algorithm, "b" * 64)
    await service.conclude_check(Context(mine.tx, SYSTEM, NOW), better.id, PASSED)
    await service.submit(mine, algorithm.id, better.id)
    await service.approve(theirs, algorithm.id, better.id, reason=None)
    assert algorithm.state is AlgorithmState.SUSPENDED
    assert better.state is VersionState.APPROVED


async def test_nothing_enters_an_archive_but_a_check_may_end_there(
    at: At, owner: UserId, rival: UserId
) -> None:
    mine, theirs = at(owner), at(rival, Role.MODERATOR)
    version = await bring_to(at, owner, rival, VersionState.UPLOADED)
    algorithm = await service.archive(mine, version.algorithm_id, reason=None)
    with pytest.raises(rules.Archived):
        await add(mine, algorithm, "b" * 64)
    await service.conclude_check(Context(mine.tx, SYSTEM, NOW), version.id, PASSED)
    with pytest.raises(rules.Archived):
        await service.submit(mine, algorithm.id, version.id)
    with pytest.raises(rules.Archived):
        await service.approve(theirs, algorithm.id, version.id, reason=None)


async def test_what_a_new_job_may_pin(at: At, owner: UserId, rival: UserId) -> None:
    tx = at(owner).tx
    with pytest.raises(rules.VersionNotFound):
        await queries.get_approved_version(tx, VersionId(new_id()))
    draft = await bring_to(at, owner, rival, VersionState.CHECKED)
    with pytest.raises(rules.VersionNotFound):
        await queries.get_approved_version(tx, draft.id)
    listed = await bring_to(at, owner, rival, VersionState.APPROVED)
    algorithm = await queries.get_algorithm(tx, Actor(owner), listed.algorithm_id)
    newer = await add(at(owner), algorithm, "b" * 64)
    with pytest.raises(rules.VersionNotApproved):
        await queries.get_approved_version(tx, newer.id)


async def test_the_newest_approved_version_is_offered(at: At, owner: UserId, rival: UserId) -> None:
    mine, theirs = at(owner), at(rival, Role.MODERATOR)
    algorithm = await make_algorithm(mine)
    versions = [await add_checked(mine, algorithm, sign * 64) for sign in "abc"]
    for version in reversed(versions[:2]):  # The second is approved before the first.
        await service.submit(mine, algorithm.id, version.id)
        await service.approve(theirs, algorithm.id, version.id, reason=None)
    shown = await queries.get_listing(mine.tx, mine.actor, algorithm.id)
    assert shown.approved_version == {"id": str(versions[1].id), "number": 2}


async def test_of_two_uploads_of_one_developer_at_once_the_first_is_taken(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    async with committing.begin() as tx:
        developer = Actor((await make_user(tx, "developer")).id)
        algorithm = await make_algorithm(Context(tx, developer, NOW))
        another = await make_algorithm(Context(tx, developer, NOW))
    async with committing() as first, committing() as second:
        await add(Context(first, developer, NOW), algorithm)
        late = add(Context(second, developer, NOW), another, "b" * 64)
        with pytest.raises(rules.CheckPending):
            await after(own_engine, first, late)


async def test_the_same_upload_twice_at_once_is_one_version(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    async with committing.begin() as tx:
        developer = Actor((await make_user(tx, "developer")).id)
        algorithm = await make_algorithm(Context(tx, developer, NOW))
    async with committing() as first, committing() as second:
        one = await add(Context(first, developer, NOW), algorithm)
        other = await after(own_engine, first, add(Context(second, developer, NOW), algorithm))
    assert one.id == other.id


async def test_of_two_reviews_at_once_the_first_counts(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    async with committing.begin() as tx:
        developer = Actor((await make_user(tx, "developer")).id)
        judge = Actor((await make_user(tx, "judge")).id, Role.MODERATOR)
        ctx = Context(tx, developer, NOW)
        algorithm = await make_algorithm(ctx)
        version = await add(ctx, algorithm)
        await service.conclude_check(Context(tx, SYSTEM, NOW), version.id, PASSED)
        await service.submit(ctx, algorithm.id, version.id)
    ids = (algorithm.id, version.id)
    async with committing() as first, committing() as second:
        await service.approve(Context(first, judge, NOW), *ids, reason=None)
        late = service.reject(Context(second, judge, NOW), *ids, reason="no")
        with pytest.raises(rules.WrongState):
            await after(own_engine, first, late)
    async with committing() as tx:
        kept = (await tx.scalars(select(Version))).one()
        assert (kept.state, kept.review_reason) == (VersionState.APPROVED, None)


async def test_of_a_check_and_its_deadline_at_once_the_first_counts(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    async with committing.begin() as tx:
        developer = Actor((await make_user(tx, "developer")).id)
        ctx = Context(tx, developer, NOW)
        version = await add(ctx, await make_algorithm(ctx))
    async with committing() as first, committing() as second:
        await service.conclude_check(Context(first, SYSTEM, NOW), version.id, PASSED)
        late = service.conclude_check(Context(second, SYSTEM, NOW), version.id, rules.CHECK_FAILED)
        assert await after(own_engine, first, late) is VersionState.CHECKED


async def test_a_number_is_given_once(at: At, owner: UserId) -> None:
    ctx = at(owner)
    version = await add(ctx, await make_algorithm(ctx))
    twin = text(
        "INSERT INTO algorithm_versions SELECT (jsonb_populate_record(v, :changes)).* "
        "FROM algorithm_versions AS v WHERE id = :id"
    )
    with pytest.raises(IntegrityError):
        await ctx.tx.execute(twin, {"changes": f'{{"id": "{new_id()}"}}', "id": version.id})
