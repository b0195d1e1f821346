"""A developer's word against a decision, and what another moderator makes of it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import queries as algorithm_queries, rules as algorithm_rules, service
from dml.algorithms.appeals import queries, rules, service as appeals
from dml.algorithms.appeals.models import Appeal, AppealState
from dml.algorithms.models import AlgorithmState, Version, VersionState
from dml.algorithms.suspending import service as suspending
from dml.core import event_log
from dml.core.context import SYSTEM, Actor, Context, Role
from dml.core.ids import UserId, new_id
from tests.algorithms.test_use_cases import PASSED, add, bring_to, make_algorithm
from tests.conftest import NOW, At, Sessions
from tests.two_connections import after
from tests.world import make_user

KEPT_SINCE = NOW - timedelta(days=30)


@pytest.fixture
async def second(at: At, owner: UserId) -> UserId:
    """Another moderator than the one who decided."""
    return (await make_user(at(owner).tx, f"second-{new_id()}", Role.MODERATOR)).id


async def appeal(ctx: Context, version: Version) -> Appeal:
    ids = version.algorithm_id, version.id
    return await appeals.appeal_version(ctx, *ids, text="It is mine.", kept_since=KEPT_SINCE)


@pytest.mark.parametrize("state", [VersionState.REJECTED, VersionState.RECALLED])
async def test_another_moderator_overturns_and_the_version_is_approved(
    at: At, owner: UserId, rival: UserId, second: UserId, state: VersionState
) -> None:
    version = await bring_to(at, owner, rival, state)
    made = await appeal(at(owner, hours=1), version)
    assert (made.decided_by, made.state) == (rival, AppealState.OPEN)
    with pytest.raises(rules.OwnDecision):
        await appeals.overturn(at(rival, Role.MODERATOR), made.id, reason="no")
    with pytest.raises(ModeratorsOnly):
        await appeals.overturn(at(owner), made.id, reason="no")

    judge = at(second, Role.MODERATOR, hours=2)
    await appeals.overturn(judge, made.id, reason="It is theirs.")
    assert (version.state, version.reviewed_by) == (VersionState.APPROVED, second)
    assert (version.recalled_at, version.recall_reason) == (None, None)
    algorithm = await algorithm_queries.get_any_algorithm(judge.tx, version.algorithm_id)
    assert algorithm.state is AlgorithmState.LISTED
    assert (made.state, made.resolved_by) == (AppealState.OVERTURNED, second)
    with pytest.raises(rules.AppealResolved):
        await appeals.uphold(judge, made.id, reason="after all")

    entries = await event_log.history(judge.tx, version.reference)
    assert [(it.action, it.to_state, it.reason) for it in entries[-3:]] == [
        ("appealed", None, "It is mine."),
        ("appeal_overturned", None, "It is theirs."),
        ("approved", "approved", "It is theirs."),
    ]
    assert f"user:{owner}" in entries[-2].readers


async def test_what_is_upheld_stays_and_cannot_be_appealed_again(
    at: At, owner: UserId, rival: UserId, second: UserId
) -> None:
    version = await bring_to(at, owner, rival, VersionState.REJECTED)
    made = await appeal(at(owner), version)
    with pytest.raises(rules.AppealedAlready):
        await appeal(at(owner), version)
    await appeals.uphold(at(second, Role.MODERATOR), made.id, reason="No data is named.")
    assert (version.state, made.state) == (VersionState.REJECTED, AppealState.UPHELD)
    with pytest.raises(rules.AppealedAlready):
        await appeal(at(owner), version)


async def test_each_decision_can_be_appealed(
    at: At, owner: UserId, rival: UserId, second: UserId
) -> None:
    version = await bring_to(at, owner, rival, VersionState.RECALLED)
    made = await appeal(at(owner), version)
    judge = at(second, Role.MODERATOR)
    await appeals.overturn(judge, made.id, reason="It does no harm.")
    again = at(rival, Role.MODERATOR, hours=1)
    await service.recall(again, version.algorithm_id, version.id, reason="It does.")
    assert (await appeal(at(owner, hours=2), version)).id != made.id


@pytest.mark.parametrize("state", [it for it in VersionState if it not in ("rejected", "recalled")])
async def test_there_is_nothing_to_appeal_where_no_moderator_decided_against_it(
    at: At, owner: UserId, rival: UserId, state: VersionState
) -> None:
    version = await bring_to(at, owner, rival, state)
    with pytest.raises(rules.NothingToAppeal):
        await appeal(at(owner), version)
    with pytest.raises(rules.NothingToAppeal):
        await appeals.appeal_suspension(at(owner), version.algorithm_id, text="why?")


async def test_a_suspension_is_appealed_and_overturned(
    at: At, owner: UserId, rival: UserId, second: UserId
) -> None:
    version = await bring_to(at, owner, rival, VersionState.APPROVED)
    mine, algorithm_id = at(owner), version.algorithm_id
    await suspending.suspend(mine, algorithm_id, reason="a pause")
    with pytest.raises(rules.NothingToAppeal):  # It can be resumed.
        await appeals.appeal_suspension(mine, algorithm_id, text="why?")
    await suspending.suspend(at(rival, Role.MODERATOR), algorithm_id, reason="a complaint")
    made = await appeals.appeal_suspension(mine, algorithm_id, text="It is wrong.")
    assert (made.decided_reason, made.version_id) == ("a complaint", None)
    with pytest.raises(rules.OwnDecision):
        await appeals.overturn(at(rival, Role.MODERATOR), made.id, reason="no")
    await appeals.overturn(at(second, Role.MODERATOR), made.id, reason="It was wrong.")
    algorithm = await algorithm_queries.get_any_algorithm(mine.tx, algorithm_id)
    assert algorithm.state is AlgorithmState.LISTED


async def test_nobody_decides_about_what_is_their_own(at: At, owner: UserId, rival: UserId) -> None:
    version = await bring_to(at, owner, rival, VersionState.REJECTED)
    made = await appeal(at(owner), version)
    for role in (Role.MODERATOR, Role.ADMIN):
        with pytest.raises(algorithm_rules.OwnVersion):
            await appeals.overturn(at(owner, role), made.id, reason="mine")


async def test_a_rejected_version_cannot_be_approved_past_the_appeal(
    at: At, owner: UserId, rival: UserId, second: UserId
) -> None:
    version = await bring_to(at, owner, rival, VersionState.REJECTED)
    judge = at(second, Role.MODERATOR)
    with pytest.raises(algorithm_rules.WrongState):
        await service.approve(judge, version.algorithm_id, version.id, reason=None)


async def test_an_appeal_ends_with_what_it_is_about(
    at: At, owner: UserId, rival: UserId, second: UserId
) -> None:
    mine, judge = at(owner), at(second, Role.MODERATOR)
    deleted = await bring_to(at, owner, rival, VersionState.REJECTED)
    about_deleted = await appeal(mine, deleted)
    await service.delete(mine, deleted.algorithm_id, deleted.id)
    assert about_deleted.state is AppealState.SETTLED
    with pytest.raises(rules.AppealResolved):
        await appeals.overturn(judge, about_deleted.id, reason="late")

    archived = await bring_to(at, owner, rival, VersionState.RECALLED)
    about_archived = await appeal(mine, archived)
    await service.archive(mine, archived.algorithm_id, reason=None)
    assert about_archived.state is AppealState.SETTLED

    resumed = await bring_to(at, owner, rival, VersionState.APPROVED)
    first = at(rival, Role.MODERATOR)
    await suspending.suspend(first, resumed.algorithm_id, reason="a complaint")
    about_resumed = await appeals.appeal_suspension(mine, resumed.algorithm_id, text="No.")
    await suspending.resume(first, resumed.algorithm_id, reason="I was wrong")
    assert (about_resumed.state, about_resumed.resolved_by) == (AppealState.SETTLED, None)


async def test_what_has_no_file_any_more_is_appealed_no_more_and_an_appeal_keeps_it(
    at: At, owner: UserId, rival: UserId
) -> None:
    version = await bring_to(at, owner, rival, VersionState.REJECTED)
    ids = version.algorithm_id, version.id
    with pytest.raises(algorithm_rules.FileForgotten):
        await appeals.appeal_version(at(owner), *ids, text="late", kept_since=NOW)
    await appeal(at(owner), version)
    await at(owner).tx.flush()
    kept = await at(owner).tx.execute(*_named_at(NOW + timedelta(days=365)))
    assert version.sha256 in kept.scalars().all()


def _named_at(refused_since: Any) -> tuple[Any, dict[str, Any]]:
    return text(algorithm_queries.NAMED_BLOBS), {"refused_since": refused_since}


async def test_a_draft_is_deleted_with_what_was_appealed(
    at: At, owner: UserId, rival: UserId
) -> None:
    version = await bring_to(at, owner, rival, VersionState.REJECTED)
    made = await appeal(at(owner), version)
    await service.delete_draft(at(owner), version.algorithm_id)
    await at(owner).tx.flush()
    at(owner).tx.expunge_all()
    with pytest.raises(rules.AppealNotFound):
        await queries.get_appeal(at(owner).tx, Actor(rival, Role.MODERATOR), made.id)


async def _rejected(sessions: Sessions) -> tuple[Version, list[Actor]]:
    async with sessions.begin() as tx:
        users = [await make_user(tx, f"{it}-{new_id()}") for it in ("dev", "one", "two", "three")]
        developer = Actor(users[0].id)
        judges = [Actor(it.id, Role.MODERATOR) for it in users[1:]]
        ctx = Context(tx, developer, NOW)
        version = await add(ctx, await make_algorithm(ctx))
        await service.conclude_check(Context(tx, SYSTEM, NOW), version.id, PASSED)
        ids = version.algorithm_id, version.id
        await service.submit(ctx, *ids)
        await service.reject(Context(tx, judges[0], NOW), *ids, reason="no")
    return version, [developer, *judges]


async def test_of_two_appeals_at_once_one_is_made(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    version, (developer, *_) = await _rejected(committing)
    async with committing() as first, committing() as second:
        await appeal(Context(first, developer, NOW), version)
        with pytest.raises(rules.AppealedAlready):
            await after(own_engine, first, appeal(Context(second, developer, NOW), version))


async def test_of_two_that_decide_at_once_the_first_counts(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    version, (developer, _, one, other) = await _rejected(committing)
    async with committing.begin() as tx:
        made = await appeal(Context(tx, developer, NOW), version)
    async with committing() as first, committing() as second:
        await appeals.overturn(Context(first, one, NOW), made.id, reason="yes")
        late = appeals.uphold(Context(second, other, NOW), made.id, reason="no")
        with pytest.raises(rules.AppealResolved):
            await after(own_engine, first, late)


async def test_of_two_approvals_at_once_the_second_is_told_that_it_is_done(
    own_engine: AsyncEngine, committing: Sessions
) -> None:
    version, (developer, _, one, other) = await _rejected(committing)
    async with committing.begin() as tx:
        ctx = Context(tx, developer, NOW)
        algorithm = await algorithm_queries.get_any_algorithm(tx, version.algorithm_id)
        newer = await add(ctx, algorithm, "b" * 64)
        await service.conclude_check(Context(tx, SYSTEM, NOW), newer.id, PASSED)
        await service.submit(ctx, algorithm.id, newer.id)
    ids = newer.algorithm_id, newer.id
    async with committing() as first, committing() as second:
        await service.approve(Context(first, one, NOW), *ids, reason=None)
        late = service.approve(Context(second, other, NOW), *ids, reason=None)
        with pytest.raises(algorithm_rules.WrongState):
            await after(own_engine, first, late)
