"""The SELECTs of bounties themselves. Edges may read through these."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties import rules
from dml.bounties.attachments import rules as attachment_rules
from dml.bounties.models import (
    WORDS,
    Attachment,
    AttachmentKind,
    Bounty,
    BountyState,
    Enrollment,
    EnrollmentState,
    Member,
    TestSet,
    TestSetState,
)
from dml.core.audit import AuditEntry
from dml.core.context import Actor
from dml.core.db import PAGE_MAX
from dml.core.ids import AttachmentId, BountyId, UserId
from dml.core.keyset import Seen, in_order
from dml.core.money import MicroTokens
from dml.payments import queries as payment_queries

SORTED_BY: Final = {
    "created_at": Bounty.created_at,
    "closes_at": Bounty.closes_at,
    "prize_pool": Bounty.prize_pool,
}

# Files of cancelled drafts, and of submissions that were only checked, failed or were cancelled,
# are needed only since $refused_since.
_BOUNTY_IS_KEPT: Final = """(b.state <> 'cancelled' OR b.funded_at IS NOT NULL
        OR b.ended_at > :refused_since)"""
_SUBMISSION_IS_KEPT: Final = """(s.state NOT IN ('valid', 'failed', 'cancelled')
        OR coalesce(s.ended_at, s.created_at) > :refused_since)"""
_OF_BOUNTY: Final = f"JOIN bounties b ON b.id = f.bounty_id WHERE {_BOUNTY_IS_KEPT}"
# The blobs that are needed. Predictions are published under their hash when the bounty is ranked.
NAMED_BLOBS: Final = f"""
    SELECT f.sha256 FROM bounty_attachments f {_OF_BOUNTY}
    UNION ALL SELECT f.sealed FROM bounty_test_sets f {_OF_BOUNTY}
    UNION ALL SELECT f.prepared FROM bounty_test_sets f {_OF_BOUNTY}
    UNION ALL SELECT f.published FROM bounty_test_sets f {_OF_BOUNTY}
    UNION ALL SELECT s.sha256 FROM submissions s WHERE {_SUBMISSION_IS_KEPT}
    UNION ALL SELECT s.sealed_predictions FROM submissions s WHERE {_SUBMISSION_IS_KEPT}
    UNION ALL SELECT s.predictions_sha256 FROM submissions s WHERE {_SUBMISSION_IS_KEPT}
    UNION ALL SELECT entry->>'predictions_sha256'
    FROM bounty_rankings CROSS JOIN LATERAL jsonb_array_elements(entries) AS entry
"""  # noqa: S608 - only constants of this file are inserted
# Those that count for $user_id, who uploaded them. What we derive from them does not count.
KEPT_FILES: Final = f"""
    SELECT 'attachment' AS kind, f.id,
        '/v1/bounties/' || b.id || '/attachments/' || f.id AS path, f.sha256, f.size,
        b.funded_at IS NULL OR b.state = 'funded' AS deletable
    FROM bounties b JOIN bounty_attachments f ON f.bounty_id = b.id
    WHERE b.owner_id = :user_id AND {_BOUNTY_IS_KEPT}
    UNION ALL
    SELECT 'test_set', b.id, '/v1/bounties/' || b.id || '/test-set', f.sealed, f.size, false
    FROM bounties b JOIN bounty_test_sets f ON f.bounty_id = b.id
    WHERE b.owner_id = :user_id AND {_BOUNTY_IS_KEPT}
    UNION ALL
    SELECT 'submission', s.id, '/v1/bounties/' || s.bounty_id || '/submissions/' || s.id,
        s.sha256, s.size, false
    FROM submissions s WHERE s.submitter_id = :user_id AND {_SUBMISSION_IS_KEPT}
"""  # noqa: S608 - only constants of this file are inserted


@dataclass(frozen=True, slots=True, kw_only=True)
class BountyFilter:
    """Which bounties a list shows, and in which order."""

    state: BountyState | None = None
    tag: str | None = None
    prize_min: MicroTokens | None = None
    closes_before: datetime | None = None
    closes_after: datetime | None = None
    mine: bool = False
    entered: bool = False
    q: str | None = None
    sort: str = "-created_at"


@dataclass(frozen=True, slots=True)
class Details:
    """What is shown of a bounty beside its own columns."""

    entrants: int
    submissions: int
    held: MicroTokens  # What its escrow holds of the prizes,
    fees_held: MicroTokens  # and of the fees.
    test_set: TestSet | None
    images: Mapping[AttachmentKind, Attachment]  # The thumbnail and the cover, where there are.


async def get_bounty(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId, *, lock: bool = False
) -> Bounty:
    """Load a bounty that this actor may see. `lock=True` locks its row, and so its state."""
    bounty = await tx.get(Bounty, bounty_id, with_for_update=lock, populate_existing=lock)
    if bounty is None or not rules.sees(bounty, actor):
        raise rules.BountyNotFound
    return bounty


async def lock_bounty(tx: AsyncSession, bounty_id: BountyId) -> Bounty:
    """Load and lock a bounty that is known to exist."""
    query = select(Bounty).where(Bounty.id == bounty_id).with_for_update()
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def count_drafts(tx: AsyncSession, owner_id: UserId) -> int:
    query = select(func.count()).where(
        Bounty.owner_id == owner_id, Bounty.state == BountyState.DRAFT
    )
    return await tx.scalar(query) or 0


async def is_test_set_checked(tx: AsyncSession, bounty_id: BountyId) -> bool:
    """Whether the bounty has a test set that passed its check."""
    query = select(TestSet.state).where(TestSet.bounty_id == bounty_id)
    return await tx.scalar(query) is TestSetState.CHECKED


async def list_bounties(
    tx: AsyncSession, actor: Actor, chosen: BountyFilter, *, after: Seen | None, limit: int
) -> Sequence[Bounty]:
    """Return bounties that the actor may see, in the order asked for, and one beyond `limit`."""
    assert 0 < limit <= PAGE_MAX
    query = in_order(
        _matching(actor, chosen), chosen.sort, after, columns=SORTED_BY, id_column=Bounty.id
    )
    return (await tx.scalars(query.limit(limit + 1))).all()


def _matching(actor: Actor, chosen: BountyFilter) -> Select[Bounty]:
    query = select(Bounty)
    if chosen.mine:
        rules.require_signed_in(actor)
        query = query.where(Bounty.owner_id == actor.id)
    else:
        query = query.where(Bounty.funded_at.is_not(None))
    if chosen.entered:
        rules.require_signed_in(actor)
        entered = select(Member.bounty_id).where(Member.user_id == actor.id, Member.is_in)
        query = query.where(Bounty.id.in_(entered))
    if chosen.state is not None:
        query = query.where(Bounty.state == chosen.state)
    if chosen.tag is not None:
        query = query.where(Bounty.tags.contains([chosen.tag]))
    if chosen.prize_min is not None:
        query = query.where(Bounty.prize_pool >= chosen.prize_min)
    if chosen.closes_before is not None:
        query = query.where(Bounty.closes_at < chosen.closes_before)
    if chosen.closes_after is not None:
        query = query.where(Bounty.closes_at >= chosen.closes_after)
    if chosen.q is not None:
        words = func.websearch_to_tsquery(literal_column("'english'"), chosen.q)
        query = query.where(literal_column(WORDS).op("@@")(words))
    return query


async def get_details(tx: AsyncSession, bounties: Sequence[Bounty]) -> dict[BountyId, Details]:
    """Return what is shown of each of these bounties beside its own columns, in four queries."""
    ids = [it.id for it in bounties]
    accounts = [code for it in bounties for code in (it.escrow, it.fees_escrow)]
    held = await payment_queries.get_account_balances(tx, accounts)
    counted = await count_entrants(tx, ids)
    test_sets = await tx.scalars(select(TestSet).where(TestSet.bounty_id.in_(ids)))
    test_set_of = {it.bounty_id: it for it in test_sets}
    images = await _find_images(tx, ids)
    return {
        it.id: Details(
            *counted.get(it.id, (0, 0)),
            held=held[it.escrow],
            fees_held=held[it.fees_escrow],
            test_set=test_set_of.get(it.id),
            images=images[it.id],
        )
        for it in bounties
    }


async def count_entrants(
    tx: AsyncSession, ids: Sequence[BountyId]
) -> dict[BountyId, tuple[int, int]]:
    """Count each bounty's entrants, disqualified ones included, and their scored submissions."""
    query = (
        select(Enrollment.bounty_id, func.count(), func.sum(Enrollment.submissions))
        .where(Enrollment.bounty_id.in_(ids), Enrollment.state != EnrollmentState.WITHDRAWN)
        .group_by(Enrollment.bounty_id)
    )
    rows = await tx.execute(query)
    return {bounty_id: (entrants, submissions) for bounty_id, entrants, submissions in rows}


async def _find_images(
    tx: AsyncSession, ids: Sequence[BountyId]
) -> defaultdict[BountyId, dict[AttachmentKind, Attachment]]:
    query = select(Attachment).where(
        Attachment.bounty_id.in_(ids),
        Attachment.kind.in_([AttachmentKind.THUMBNAIL, AttachmentKind.COVER]),
    )
    found: defaultdict[BountyId, dict[AttachmentKind, Attachment]] = defaultdict(dict)
    for it in await tx.scalars(query.order_by(Attachment.id)):
        found[it.bounty_id][it.kind] = it
    return found


async def list_changes(tx: AsyncSession, bounty: Bounty) -> Sequence[AuditEntry]:
    """Return every edit since the bounty was funded, oldest first: `EDITS_MAX` at most."""
    if bounty.funded_at is None:
        return []
    query = select(AuditEntry).where(
        AuditEntry.subject == bounty.reference,
        AuditEntry.action == "edited",
        AuditEntry.at >= bounty.funded_at,
    )
    return (await tx.scalars(query.order_by(AuditEntry.id))).all()


async def get_attachment(
    tx: AsyncSession, actor: Actor, bounty_id: BountyId, attachment_id: AttachmentId
) -> Attachment:
    """Load a file of a bounty that the actor may see."""
    await get_bounty(tx, actor, bounty_id)
    attachment = await tx.get(Attachment, attachment_id)
    if attachment is None or attachment.bounty_id != bounty_id:
        raise attachment_rules.AttachmentNotFound
    return attachment


async def list_attachments(tx: AsyncSession, bounty_id: BountyId) -> Sequence[Attachment]:
    """Return all files of a bounty: `ATTACHMENTS_MAX` at most."""
    query = select(Attachment).where(Attachment.bounty_id == bounty_id).order_by(Attachment.id)
    return (await tx.scalars(query)).all()
