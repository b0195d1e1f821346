"""The SELECTs of bounties themselves. Edges may read through these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import JSON, Row, Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.bounties import rules
from dml.bounties.attachments import rules as attachment_rules
from dml.bounties.models import (
    WORDS,
    Attachment,
    Bounty,
    BountyState,
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

# A row that is shown and not changed.
Shown: TypeAlias = Row[*tuple[Any, ...]]
# Of the table, not the class: there is less to look at when a statement that was compiled before is
# recognised, and a row is made a tuple.
_COLUMNS: Final = Bounty.__table__.c
SORTED_BY: Final = {it: _COLUMNS[it] for it in ("created_at", "closes_at", "prize_pool")}
_LONG: Final = ("description", "data", "evaluation", "rules")

# What is shown of a bounty beside its own columns: who is in, or was disqualified, and what they
# had scored; what its escrow holds of prizes and of fees (`Bounty.escrow`); and its images.
# PostgreSQL finds these for the rows of a page alone, when it has sorted and cut them.
_BESIDE: Final = (
    literal_column(
        """(SELECT json_build_object('entrants', count(*),
                'submissions', coalesce(sum(e.submissions), 0))
            FROM enrollments e WHERE e.bounty_id = bounties.id AND e.state <> 'withdrawn')""",
        JSON,
    ).label("counts"),
    literal_column(
        """(SELECT json_build_object('prizes', coalesce(sum(a.balance) FILTER (WHERE a.code
                    = 'escrow:bounty:' || bounties.id), 0),
                'fees', coalesce(sum(a.balance) FILTER (WHERE a.code
                    <> 'escrow:bounty:' || bounties.id), 0))
            FROM ledger_accounts a WHERE a.code IN ('escrow:bounty:' || bounties.id,
                'escrow:bounty:' || bounties.id || ':fees'))""",
        JSON,
    ).label("escrow"),
    literal_column(
        """(SELECT json_object_agg(f.kind, f.id ORDER BY f.id) FROM bounty_attachments f
            WHERE f.bounty_id = bounties.id AND f.kind IN ('thumbnail', 'cover'))""",
        JSON,
    ).label("images"),
)

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
) -> Sequence[Shown]:
    """Return bounties that the actor may see, in the order asked for, and one beyond `limit`.

    Without their long texts, and with what is shown beside their columns: one statement.
    """
    assert 0 < limit <= PAGE_MAX
    query = in_order(
        _matching(actor, chosen), chosen.sort, after, columns=SORTED_BY, id_column=_COLUMNS.id
    )
    return (await tx.execute(query.limit(limit + 1))).all()


_SUMMARIES: Final = select(
    *(it.label(name) for name, it in Bounty.__mapper__.columns.items() if name not in _LONG),
    *_BESIDE,
)


def _matching(actor: Actor, chosen: BountyFilter) -> Select[*tuple[Any, ...]]:
    query = _SUMMARIES
    if chosen.mine:
        rules.require_signed_in(actor)
        query = query.where(_COLUMNS.owner_id == actor.id)
    else:
        query = query.where(_COLUMNS.funded_at.is_not(None))
    if chosen.entered:
        rules.require_signed_in(actor)
        entered = select(Member.bounty_id).where(Member.user_id == actor.id, Member.is_in)
        query = query.where(_COLUMNS.id.in_(entered))
    if chosen.state is not None:
        query = query.where(_COLUMNS.state == chosen.state)
    if chosen.tag is not None:
        query = query.where(_COLUMNS.tags.contains([chosen.tag]))
    if chosen.prize_min is not None:
        query = query.where(_COLUMNS.prize_pool >= chosen.prize_min)
    if chosen.closes_before is not None:
        query = query.where(_COLUMNS.closes_at < chosen.closes_before)
    if chosen.closes_after is not None:
        query = query.where(_COLUMNS.closes_at >= chosen.closes_after)
    if chosen.q is not None:
        words = func.websearch_to_tsquery(literal_column("'english'"), chosen.q)
        query = query.where(literal_column(WORDS).op("@@")(words))
    return query


_ALONE: Final = select(*_BESIDE).select_from(Bounty.__table__)


async def get_beside(tx: AsyncSession, bounty_id: BountyId) -> Shown:
    """Return what is shown of a bounty beside its own columns: `counts`, `escrow`, `images`."""
    return (await tx.execute(_ALONE.where(_COLUMNS.id == bounty_id))).one()


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
