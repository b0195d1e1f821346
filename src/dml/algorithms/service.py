"""The use cases, one function per verb. A new version comes in by uploads.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from dml.accounts import rules as account_rules
from dml.accounts.models import DataKind
from dml.algorithms import queries, rules
from dml.algorithms.appeals import settling
from dml.algorithms.cards import service as cards
from dml.algorithms.events import (
    AlgorithmArchived,
    AlgorithmCreated,
    AlgorithmDeleted,
    AlgorithmEdited,
    AlgorithmListed,
    VersionApproved,
    VersionChecked,
    VersionDeleted,
    VersionRecalled,
    VersionRefused,
    VersionRejected,
    VersionSubmitted,
    VersionWithdrawn,
    seen_by,
)
from dml.algorithms.models import (
    Algorithm,
    AlgorithmKind,
    AlgorithmState,
    Version,
    VersionState,
)
from dml.algorithms.moderation import twins
from dml.algorithms.moderation.reasons import ReasonCode, ReviewDecision
from dml.algorithms.moderation.rules import told
from dml.algorithms.needs import needs_of
from dml.algorithms.owning import require_not_own
from dml.algorithms.resumable import service as uploads
from dml.algorithms.rules import Finding
from dml.algorithms.search import spelling
from dml.core import events, kept_files, processes
from dml.core.context import Context
from dml.core.ids import AlgorithmId, VersionId, new_id
from dml.core.money import MicroTokens
from dml.core.states import Move
from dml.inference import spec


@dataclass(frozen=True, slots=True)
class NewAlgorithm:
    """What a developer says of an algorithm. `labels` are its output columns, in their order."""

    title: str
    summary: str
    model_card: str
    kind: AlgorithmKind
    tags: list[str]
    data_kind: DataKind
    device_fee: MicroTokens
    labels: list[str]


async def create(ctx: Context, new: NewAlgorithm) -> Algorithm:
    """Begin an algorithm, which others see once one of its versions is approved."""
    algorithm = Algorithm(
        id=AlgorithmId(new_id()),
        developer_id=ctx.actor.id,
        title=new.title,
        summary=new.summary,
        model_card=new.model_card,
        kind=new.kind,
        tags=new.tags,
        data_kind=new.data_kind,
        device_fee=new.device_fee,
        labels=new.labels,
        kept_state=AlgorithmState.DRAFT,
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    ctx.tx.add(algorithm)
    await ctx.tx.flush()
    await cards.keep(ctx, algorithm.id, algorithm.model_card)
    created = AlgorithmCreated(algorithm.id)
    await events.record(ctx, created, seen_by(algorithm), Move(None, AlgorithmState.DRAFT))
    return algorithm


async def edit(
    ctx: Context,
    algorithm_id: AlgorithmId,
    fields: Mapping[str, Any],
    *,
    revision: int | None = None,
) -> Algorithm:
    """Change the columns in `fields`. Jobs that were ordered keep their price."""
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    rules.require_developer(algorithm, ctx.actor)
    rules.require_not_archived(algorithm)
    rules.EditedMeanwhile.require_newest(algorithm.revision, revision)
    changes = {name: it for name, it in fields.items() if it != getattr(algorithm, name)}
    if not changes:
        return algorithm
    if algorithm.state is AlgorithmState.LISTED:
        await spelling.forget(ctx.tx, algorithm.id)
    for name, value in changes.items():
        setattr(algorithm, name, value)
    algorithm.revision += 1
    algorithm.updated_at = ctx.now
    await spelling.learn(ctx.tx, algorithm.id)
    if "model_card" in changes:
        await cards.keep(ctx, algorithm.id, algorithm.model_card)
    readers = [events.EVERYONE] if algorithm.state in rules.SEEN_BY_ALL else []
    facts = {"fields": sorted(changes)}
    edited = AlgorithmEdited(algorithm.id)
    await events.record(ctx, edited, [*seen_by(algorithm), *readers], facts=facts)
    return algorithm


async def delete_draft(ctx: Context, algorithm_id: AlgorithmId) -> None:
    """Delete an algorithm that was never listed, with its versions and their files."""
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    rules.require_developer(algorithm, ctx.actor)
    rules.require_never_listed(algorithm)
    versions = await queries.list_all_versions(ctx.tx, algorithm_id)
    rules.require_none_under_way(versions)
    kept = [it.sha256 for it in versions if it.state is not VersionState.DELETED]
    await kept_files.give_up(ctx, *kept)
    await uploads.end_all_for(ctx, algorithm_id)
    for version in versions:
        await ctx.tx.delete(version)
    await ctx.tx.flush()
    await ctx.tx.delete(algorithm)
    told = [events.EVERYONE] if algorithm.state is AlgorithmState.ANNOUNCED else []
    await events.record(ctx, AlgorithmDeleted(algorithm.id), [*seen_by(algorithm), *told])


async def conclude_check(ctx: Context, version_id: VersionId, finding: Finding) -> VersionState:
    """Let a version pass its check, or refuse it. Whoever comes second changes nothing."""
    version = await queries.lock_version(ctx.tx, version_id)
    if version.state is not VersionState.UPLOADED:
        return version.state
    passed = not finding.refusals
    move = rules.move_version(version, VersionState.CHECKED if passed else VersionState.REFUSED)
    version.signature, version.refusals = finding.signature, list(finding.refusals)
    _note_passport(version, finding)
    # A worker of before tells none.
    if finding.signature is not None and (least := finding.signature.get("spec_version", 1)) > 1:
        version.input_spec = spec.raised(version.input_spec, least)
    version.checked_at = ctx.now
    await processes.cancel(ctx, f"give-up:{version_id}")
    detail = " ".join(it["detail"] for it in finding.refusals)
    algorithm = await queries.get_any_algorithm(ctx.tx, version.algorithm_id)
    if passed and finding.behaviour is not None:  # A worker of before tells none.
        await twins.keep(ctx, version, algorithm, finding.behaviour)
    about = VersionChecked if passed else VersionRefused
    concluded = about(version.id, version.algorithm_id)
    await events.record(ctx, concluded, seen_by(algorithm), move, reason=detail or None)
    return version.state


async def submit(ctx: Context, algorithm_id: AlgorithmId, version_id: VersionId) -> Version:
    """Ask the moderators to review a version that passed its check."""
    version, algorithm = await queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    rules.require_developer(algorithm, ctx.actor)
    rules.require_not_archived(algorithm)
    move = rules.move_version(version, VersionState.IN_REVIEW)
    version.submitted_at = ctx.now
    submitted = VersionSubmitted(version.id, algorithm.id)
    await events.record(ctx, submitted, [*seen_by(algorithm), events.MODERATORS], move)
    return version


async def withdraw(ctx: Context, algorithm_id: AlgorithmId, version_id: VersionId) -> Version:
    """Take a version back from review. It can be submitted again, or deleted."""
    version, algorithm = await queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    rules.require_developer(algorithm, ctx.actor)
    rules.require_in_review(version)
    move = rules.move_version(version, VersionState.CHECKED)
    version.submitted_at = None
    withdrawn = VersionWithdrawn(version.id, algorithm.id)
    await events.record(ctx, withdrawn, [*seen_by(algorithm), events.MODERATORS], move)
    return version


async def approve(
    ctx: Context,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    *,
    reason: str | None,
    code: ReasonCode | None = None,
) -> Version:
    """Let everybody run this version. The first one that is approved lists its algorithm."""
    account_rules.require_moderator(ctx.actor)
    version, algorithm = await queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    await require_not_own(ctx, algorithm, version)
    rules.require_not_archived(algorithm)
    rules.require_in_review(version)
    said = told(ReviewDecision.APPROVE, code, reason)
    return await accept(ctx, algorithm, version, reason=said, code=code)


async def accept(
    ctx: Context,
    algorithm: Algorithm,
    version: Version,
    *,
    reason: str | None,
    code: ReasonCode | None,
) -> Version:
    """Approve a version that the caller holds, with its algorithm, and may judge."""
    move = rules.move_version(version, VersionState.APPROVED)
    _note_review(ctx, version, reason, code)
    readers = [*seen_by(algorithm), events.EVERYONE]
    approved = VersionApproved(version.id, algorithm.id, reason_code=code)
    await events.record(ctx, approved, readers, move, reason=reason)
    algorithm.updated_at = ctx.now
    if algorithm.state in rules.UNLISTED:
        listed = rules.move_algorithm(algorithm, AlgorithmState.LISTED)
        await spelling.learn(ctx.tx, algorithm.id)
        await events.record(ctx, AlgorithmListed(algorithm.id, version.id), readers, listed)
    return version


async def reject(
    ctx: Context,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    *,
    reason: str | None,
    code: ReasonCode | None = None,
) -> Version:
    """Turn a version down, and tell its developer why. They may appeal once."""
    account_rules.require_moderator(ctx.actor)
    version, algorithm = await queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    await require_not_own(ctx, algorithm, version)
    said = told(ReviewDecision.REJECT, code, reason)
    move = rules.move_version(version, VersionState.REJECTED)
    _note_review(ctx, version, said, code)
    rejected = VersionRejected(version.id, algorithm.id, reason_code=code)
    await events.record(ctx, rejected, seen_by(algorithm), move, reason=said)
    return version


async def recall(
    ctx: Context,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    *,
    reason: str | None,
    code: ReasonCode | None = None,
) -> Version:
    """Let nobody run this version any more. What runs of it ends, and its jobs with a refund.

    From the commit on no device gets it, and no result of it is taken; the rest follows by itself.
    Its own developer may recall it, too, where a moderator: to stop harm is in nobody's favour.
    """
    account_rules.require_moderator(ctx.actor)
    version, algorithm = await queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    said = told(ReviewDecision.RECALL, code, reason)
    move = rules.move_version(version, VersionState.RECALLED)
    version.recalled_at, version.recalled_by = ctx.now, ctx.actor.user_id
    version.recall_reason, version.recall_code = said, code
    algorithm.updated_at = ctx.now
    recalled = VersionRecalled(version.id, algorithm.id, recalled_by=ctx.actor.id, reason_code=code)
    readers = [*seen_by(algorithm), events.EVERYONE]
    await events.record(ctx, recalled, readers, move, reason=said)
    return version


async def delete(ctx: Context, algorithm_id: AlgorithmId, version_id: VersionId) -> None:
    """Give up a version that nobody can depend on. Its file goes, its story stays."""
    version, algorithm = await queries.get_version(
        ctx.tx, ctx.actor, algorithm_id, version_id, lock=True
    )
    rules.require_developer(algorithm, ctx.actor)
    move = rules.move_version(version, VersionState.DELETED)
    await settling.settle_version(ctx, algorithm, version)
    await kept_files.give_up(ctx, version.sha256)
    deleted = VersionDeleted(version.id, algorithm.id)
    await events.record(ctx, deleted, seen_by(algorithm), move)


async def archive(ctx: Context, algorithm_id: AlgorithmId, *, reason: str | None) -> Algorithm:
    """Take an algorithm off the list for good. Jobs that run it go on."""
    algorithm = await queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id, lock=True)
    rules.require_developer_or_moderator(algorithm, ctx.actor)
    rules.require_reason_of_moderator(algorithm, ctx.actor, reason)
    move = rules.move_algorithm(algorithm, AlgorithmState.ARCHIVED)
    await settling.settle_all(ctx, algorithm)
    algorithm.updated_at = ctx.now
    await spelling.forget(ctx.tx, algorithm.id)
    archived = AlgorithmArchived(algorithm.id)
    await events.record(ctx, archived, seen_by(algorithm), move, reason=reason)
    return algorithm


async def count_runs(ctx: Context, algorithm_id: AlgorithmId, devices: int) -> None:
    """Add the devices that an ended job shows. The caller holds none of its accounts yet."""
    if devices == 0:
        return
    counted = update(Algorithm).where(Algorithm.id == algorithm_id)
    await ctx.tx.execute(counted.values(runs=Algorithm.runs + devices))


def _note_passport(version: Version, finding: Finding) -> None:
    """Keep what was measured, and what a device needs by that."""
    if finding.passport is None:
        version.passport = None
        return
    needs = needs_of(finding.passport)
    version.least_memory_mib, version.least_speed = needs.memory_mib, needs.speed
    version.passport = {name: it for name, it in finding.passport.items() if name != "speed"}


def _note_review(
    ctx: Context, version: Version, reason: str | None, code: ReasonCode | None
) -> None:
    version.reviewed_at, version.reviewed_by = ctx.now, ctx.actor.user_id
    version.review_reason, version.review_code = reason, code
    version.submitted_at = None
