"""The SELECTs of bounties themselves. Edges may read through these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import JSON, Select, Text, bindparam, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.queries import name_of
from dml.bounties import rules
from dml.bounties.attachments import rules as attachment_rules
from dml.bounties.events import BountyEdited
from dml.bounties.models import (
    WORDS,
    Attachment,
    Bounty,
    BountyState,
    Member,
    TestSet,
    TestSetState,
)
from dml.core.context import Actor
from dml.core.db import HELD, PAGE_MAX, Shown
from dml.core.event_log import EventRow
from dml.core.ids import AttachmentId, BountyId, UserId
from dml.core.keyset import Seen, in_order
from dml.core.money import MicroTokens

# Of the table, not the class: there is less to look at when a statement that was compiled before is
# recognised, and a row is made a tuple.
_COLUMNS: Final = Bounty.__table__.c
SORTED_BY: Final = {it: _COLUMNS[it] for it in ("created_at", "closes_at", "prize_pool")}
_LONG: Final = ("description", "data", "evaluation", "rules")

# What is shown of a bounty beside its own columns: who is in, or was disqualified, and what they
# had scored; what its escrow holds of prizes and of fees (`Bounty.escrow`); its images; and what
# its owner is called.
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
    name_of(_COLUMNS.owner_id).label("owner_name"),
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
    bounty = await tx.get(
        Bounty, bounty_id, with_for_update=HELD if lock else None, populate_existing=lock
    )
    if bounty is None or not rules.sees(bounty, actor):
        raise rules.BountyNotFound
    return bounty


async def share_bounty(tx: AsyncSession, actor: Actor, bounty_id: BountyId) -> Bounty:
    """Load a bounty that this actor may see, and lock its state. Others may share the lock."""
    query = select(Bounty).where(Bounty.id == bounty_id).with_for_update(read=True)
    bounty = (await tx.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if bounty is None or not rules.sees(bounty, actor):
        raise rules.BountyNotFound
    return bounty


async def lock_bounty(tx: AsyncSession, bounty_id: BountyId) -> Bounty:
    """Load and lock a bounty that is known to exist."""
    query = select(Bounty).where(Bounty.id == bounty_id).with_for_update(**HELD)
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def count_drafts(tx: AsyncSession, owner_id: UserId) -> int:
    query = select(func.count()).where(
        Bounty.owner_id == owner_id, Bounty.state == BountyState.DRAFT
    )
    return await tx.scalar(query) or 0


async def list_drafts(tx: AsyncSession, owner_id: UserId) -> Sequence[BountyId]:
    """Return the ids of a user's drafts, of which there are few."""
    drafts = Bounty.owner_id == owner_id, Bounty.state == BountyState.DRAFT
    query = select(Bounty.id).where(*drafts).order_by(Bounty.id).limit(PAGE_MAX)
    return (await tx.scalars(query)).all()


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
    if chosen.mine or chosen.entered:
        rules.require_signed_in(actor)
    asked = {
        "owner": actor.id if chosen.mine else None,
        "entrant": actor.id if chosen.entered else None,
        "state": chosen.state,
        "tags": None if chosen.tag is None else [chosen.tag],
        "prize_min": chosen.prize_min,
        "closes_before": chosen.closes_before,
        "closes_after": chosen.closes_after,
        "words": chosen.q,
    }
    asked = {name: it for name, it in asked.items() if it is not None}
    query = _page(chosen.sort, after, *asked)
    return (await tx.execute(query, {**asked, "rows": limit + 1})).all()


_SUMMARIES: Final = select(
    *(it.label(name) for name, it in Bounty.__mapper__.columns.items() if name not in _LONG),
    *_BESIDE,
)


# What a list may ask for, each by a parameter of its name.
_ASKED: Final = {
    "owner": _COLUMNS.owner_id == bindparam("owner"),
    "entrant": _COLUMNS.id.in_(
        select(Member.bounty_id).where(Member.user_id == bindparam("entrant"), Member.is_in)
    ),
    "state": _COLUMNS.state == bindparam("state"),
    "tags": _COLUMNS.tags.contains(bindparam("tags")),
    "prize_min": _COLUMNS.prize_pool >= bindparam("prize_min"),
    "closes_before": _COLUMNS.closes_at < bindparam("closes_before"),
    "closes_after": _COLUMNS.closes_at >= bindparam("closes_after"),
    "words": literal_column(WORDS).op("@@")(
        func.websearch_to_tsquery(literal_column("'english'"), bindparam("words", type_=Text))
    ),
}


@lru_cache(maxsize=100)
def _page(sort: str, after: Seen | None, *asked: str) -> Select[*tuple[Any, ...]]:
    """Return the list with these conditions: for the same page the same statement."""
    query = _SUMMARIES.where(*(_ASKED[it] for it in asked))
    if "owner" not in asked:
        query = query.where(_COLUMNS.funded_at.is_not(None))
    query = in_order(query, sort, after, columns=SORTED_BY, id_column=_COLUMNS.id)
    return query.limit(bindparam("rows"))


_ALONE: Final = select(*_BESIDE).select_from(Bounty.__table__)


async def get_beside(tx: AsyncSession, bounty_id: BountyId) -> Shown:
    """Return what is shown of a bounty beside its own columns: `counts`, `escrow`, `images`."""
    return (await tx.execute(_ALONE.where(_COLUMNS.id == bounty_id))).one()


@dataclass(frozen=True, slots=True)
class WithBeside:
    """A bounty with all that is shown of it."""

    bounty: Bounty
    beside: Shown
    test_set: TestSet | None


async def list_bounties_by_ids(
    tx: AsyncSession, actor: Actor, bounty_ids: Sequence[BountyId]
) -> Sequence[WithBeside]:
    """Return those of these bounties that the actor may see, in any order: two statements."""
    query = select(Bounty, *_BESIDE).where(Bounty.id.in_(bounty_ids))
    rows = (await tx.execute(query)).all()
    sets = await tx.scalars(select(TestSet).where(TestSet.bounty_id.in_(bounty_ids)))
    by_id = {it.bounty_id: it for it in sets}
    return [
        WithBeside(it.Bounty, it, by_id.get(it.Bounty.id))
        for it in rows
        if rules.sees(it.Bounty, actor)
    ]


async def list_changes(tx: AsyncSession, bounty: Bounty) -> Sequence[EventRow]:
    """Return every edit since the bounty was funded, oldest first: `EDITS_MAX` at most."""
    if bounty.funded_at is None:
        return []
    query = select(EventRow).where(
        EventRow.subject == bounty.reference,
        EventRow.type == BountyEdited.TYPE,
        EventRow.at >= bounty.funded_at,
    )
    return (await tx.scalars(query.order_by(EventRow.number))).all()


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
