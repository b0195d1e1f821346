"""The hidden test set: sealed when it comes in, checked by a worker, published at the end.

Its plain content is only in the memory of the process that seals it and of a scorer, and stored
nowhere until `publish`. A late finding about a file that was replaced meanwhile changes nothing.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from dml.algorithms.rules import storable
from dml.bounties import queries, rules
from dml.bounties.events import (
    BountyTestSetChecked,
    BountyTestSetPublished,
    BountyTestSetRefused,
    BountyTestSetToBeCheckedAgain,
    BountyTestSetUploaded,
    seen_by,
)
from dml.bounties.models import Bounty, BountyState, SubmissionKind, TestSet, TestSetState
from dml.bounties.submissions import queries as submission_queries, rules as submission_rules
from dml.core import events, kept_files, processes, worker
from dml.core.blobs import Stored
from dml.core.context import Context
from dml.core.ids import BountyId, new_id
from dml.core.kept_files import FileQuota
from dml.core.states import Move
from dml.inference.signature import Refused
from dml.scoring.names import TableLayout

T = TypeVar("T")
PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ToCheck:
    """Which file is to be checked, and how it is to be read."""

    check_id: UUID
    bounty_id: BountyId
    sealed: str  # No two uploads are sealed alike.
    format: str
    id_column: str
    target_column: str
    metric: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the check made of a file. The salt is sealed, in hexadecimal digits."""

    prepared: str
    sealed_salt: str
    commitment: str
    rows: int
    public_rows: int
    classes: list[str] | None
    features: list[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check found, or every reason to refuse the file. `seconds` are what it took."""

    found: Found | None
    refusals: list[dict[str, Any]]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A test set's file as it is kept. `sealed` is the blob's SHA-256, `size` the file's bytes."""

    sealed: str
    size: int
    format: SubmissionKind
    id_column: str
    target_column: str


@dataclass(frozen=True, slots=True)
class Revealed:
    """What is published at the end: the salt, in hexadecimal digits, and the blob."""

    salt: str
    published: str


CHECK_FAILED: Final = Finding(None, submission_rules.TEST_SET_CHECK_FAILED)


def purpose(bounty_id: BountyId) -> str:
    """The purpose under which a test set's file is sealed."""
    return f"test-set:{bounty_id}"


def prepared_purpose(bounty_id: BountyId) -> str:
    """The purpose under which the prepared test set is sealed."""
    return f"prepared:{bounty_id}"


def salt_purpose(bounty_id: BountyId) -> str:
    """The purpose under which the salt of a test set is sealed."""
    return f"salt:{bounty_id}"


async def get_replaceable(ctx: Context, bounty_id: BountyId, *, lock: bool = False) -> Bounty:
    """Load a bounty whose test set this actor may upload now, or refuse."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id, lock=lock)
    rules.require_owner(bounty, ctx.actor)
    submission_rules.require_judged_by_metric(bounty)
    rules.require_state(bounty, BountyState.DRAFT)
    return bounty


async def replace(
    ctx: Context,
    bounty_id: BountyId,
    file: SealedFile,
    *,
    quota: FileQuota | None = None,
) -> TestSet:
    """Record a sealed file as the bounty's test set, replacing the one before."""
    bounty = await get_replaceable(ctx, bounty_id, lock=True)
    before = await submission_queries.find_test_set(ctx.tx, bounty_id, lock=True)
    if before is not None:
        await ctx.tx.delete(before)
        await ctx.tx.flush()
        await kept_files.give_up(ctx, before.sealed, before.prepared)
    if quota is not None:
        await quota.require_room(ctx, Stored(file.sealed, file.size))
    test_set = TestSet(
        bounty_id=bounty_id,
        state=TestSetState.UPLOADED,
        format=file.format,
        id_column=file.id_column,
        target_column=file.target_column,
        sealed=file.sealed,
        size=file.size,
        created_at=ctx.now,
    )
    ctx.tx.add(test_set)
    await ctx.tx.flush()
    move = Move(before.state if before else None, TestSetState.UPLOADED)
    await events.record(ctx, BountyTestSetUploaded(bounty_id), seen_by(bounty), move)
    return test_set


async def begin_again(ctx: Context, bounty: Bounty) -> TestSet | None:
    """Discard what a check found, because the bounty's metric has changed. Locks the row.

    Returns the test set if it is to be checked again.
    """
    test_set = await submission_queries.find_test_set(ctx.tx, bounty.id, lock=True)
    if test_set is None or test_set.state is TestSetState.UPLOADED:
        return test_set
    move = submission_rules.move_test_set(test_set, TestSetState.UPLOADED)
    await kept_files.give_up(ctx, test_set.prepared)
    _set(test_set, None)
    test_set.refusals, test_set.checked_at = [], None
    again = BountyTestSetToBeCheckedAgain(bounty.id)
    await events.record(ctx, again, seen_by(bounty), move)
    return test_set


def to_check(bounty: Bounty, test_set: TestSet) -> ToCheck:
    """Return what a check has to know of a test set."""
    return ToCheck(
        check_id=new_id(),
        bounty_id=bounty.id,
        sealed=test_set.sealed,
        format=test_set.format,
        id_column=test_set.id_column,
        target_column=test_set.target_column,
        metric=submission_rules.require_judged_by_metric(bounty),
    )


async def inspect(check: ToCheck, seconds: float | None = None) -> Finding:
    """Read and split a test set, or say why it is refused; raises where the platform is at fault.

    A file at which the scorer breaks down twice is refused for that, and one that takes more than
    `seconds` as too slow. The salt is drawn here, so that whoever uploads a file cannot choose
    which rows are public.
    """
    parts, bounty_id = worker.parts(), check.bounty_id
    async with parts.scoring:
        began = time.perf_counter()
        try:
            sealed = await parts.blobs.get(check.sealed)
        except FileNotFoundError:  # It was replaced, so nobody needs this finding.
            return CHECK_FAILED

        def prepare() -> tuple[worker.PreparedTestSet, bytes, bytes]:
            made = parts.scorer.prepare(
                parts.opener.open(sealed, purpose(bounty_id)),
                TableLayout(check.format, check.id_column, check.target_column),
                metric=check.metric,
                seconds=seconds,
            )
            prepared = parts.opener.seal(made.test_set, prepared_purpose(bounty_id))
            return made, prepared, parts.opener.seal(made.salt, salt_purpose(bounty_id))

        try:
            made, prepared, salt = await _twice(prepare)
        except worker.ScorerFailed as failure:
            if failure.reason is None:
                raise
            return Finding(None, against(failure), time.perf_counter() - began)
        except Refused as refused:
            return Finding(None, problems_of(refused), time.perf_counter() - began)
        kept = await parts.blobs.keep(prepared)
    found = Found(
        prepared=kept.sha256,
        sealed_salt=salt.hex(),
        commitment=made.commitment,
        rows=made.rows,
        public_rows=made.public_rows,
        classes=storable(made.classes),
        features=storable(made.features),
    )
    return Finding(found, [], time.perf_counter() - began)


async def conclude(ctx: Context, check: ToCheck, finding: Finding) -> str:
    """Accept a test set, or refuse it. A second call changes nothing.

    Nor does a finding about a file that was replaced since, or for another metric.
    """
    bounty = await queries.lock_bounty(ctx.tx, check.bounty_id)
    test_set = await submission_queries.find_test_set(ctx.tx, check.bounty_id, lock=True)
    if test_set is None or test_set.sealed != check.sealed or bounty.metric != check.metric:
        await kept_files.give_up(ctx, finding.found.prepared if finding.found else None)
        return "replaced"
    if test_set.state is not TestSetState.UPLOADED:
        return test_set.state
    passed = finding.found is not None
    to = TestSetState.CHECKED if passed else TestSetState.REFUSED
    move = submission_rules.move_test_set(test_set, to)
    _set(test_set, finding.found)
    test_set.refusals, test_set.checked_at = list(finding.refusals), ctx.now
    await processes.cancel(ctx, give_up_id(check))
    # Without the reasons, which quote hidden cells: once it is funded everybody reads this.
    about = BountyTestSetChecked if passed else BountyTestSetRefused
    await events.record(ctx, about(bounty.id), seen_by(bounty), move)
    return to


def give_up_id(check: ToCheck) -> str:
    return f"give-up-test-set:{check.check_id}"


async def reveal(bounty_id: BountyId, sealed: str, sealed_salt: bytes) -> Revealed:
    """Decrypt a test set and its salt, and store the plain file, once submissions have closed.

    For `steps.call`; `publish` is the `steps.change` that follows.
    """
    parts = worker.parts()
    async with parts.scoring:
        content = await parts.blobs.get(sealed)
        plain = await asyncio.to_thread(parts.opener.open, content, purpose(bounty_id))
        kept = await parts.blobs.keep(plain)
    salt = parts.opener.open(sealed_salt, salt_purpose(bounty_id))
    return Revealed(salt.hex(), kept.sha256)


async def publish(ctx: Context, bounty_id: BountyId, revealed: Revealed) -> None:
    """Publish the test set and its salt, so that everybody can check the commitment."""
    test_set = await submission_queries.find_test_set(ctx.tx, bounty_id, lock=True)
    assert test_set is not None, "a bounty that is ranked has a test set"
    if test_set.published is None:
        test_set.salt, test_set.published = revealed.salt, revealed.published
        bounty = await queries.lock_bounty(ctx.tx, bounty_id)
        await events.record(ctx, BountyTestSetPublished(bounty_id), seen_by(bounty))


def problems_of(refused: Refused) -> list[dict[str, Any]]:
    """Return the reasons of a refusal, fit to be stored and shown."""
    reasons = [{"code": code, "detail": detail} for code, detail in refused.reasons]
    kept: list[dict[str, Any]] = storable(reasons)
    return kept


async def _twice(work: Callable[[], T]) -> T:
    """Call it; once more if the scorer broke down, which may be the machine's fault."""
    try:
        return await asyncio.to_thread(work)
    except worker.ScorerFailed as failure:
        if failure.reason is None:
            raise
    await asyncio.sleep(PAUSE_SECONDS)
    return await asyncio.to_thread(work)


def against(failure: worker.ScorerFailed) -> list[dict[str, Any]]:
    """Return why to refuse a file at which the scorer failed twice, if the file can be at fault."""
    return [] if failure.reason is None else problems_of(Refused([failure.reason]))


def _set(test_set: TestSet, found: Found | None) -> None:
    test_set.prepared = found.prepared if found else None
    test_set.sealed_salt = bytes.fromhex(found.sealed_salt) if found else None
    test_set.commitment = found.commitment if found else None
    test_set.rows = found.rows if found else None
    test_set.public_rows = found.public_rows if found else None
    test_set.classes = found.classes if found else None
    test_set.features = found.features if found else None
