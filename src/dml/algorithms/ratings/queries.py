"""Every SELECT of ratings. Edges may read through these; only service writes."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import rules as account_rules
from dml.accounts.queries import name_of
from dml.algorithms.models import Version
from dml.algorithms.queries import get_algorithm
from dml.algorithms.ratings import rules
from dml.algorithms.ratings.models import Rating, RatingReply
from dml.core.context import Actor
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import AlgorithmId, RatingId, UserId

AUTHORS_MAX: Final = 1_000
_RATING: Final = Rating.__table__.c
_REPLY: Final = RatingReply.__table__.c
# Ratings as they are shown, each with its author's name, the version, and the developer's reply.
_SHOWN: Final = select(
    *_RATING,
    name_of(_RATING.user_id).label("user_name"),
    select(Version.number)
    .where(Version.id == _RATING.version_id)
    .scalar_subquery()
    .label("version_number"),
    select(
        func.jsonb_build_object(
            *("text", _REPLY.text),
            *("created_at", _REPLY.created_at),
            *("updated_at", _REPLY.updated_at),
            type_=JSONB,
        )
    )
    .where(_REPLY.rating_id == _RATING.id)
    .scalar_subquery()
    .label("reply"),
)


async def list_ratings(
    tx: AsyncSession,
    actor: Actor,
    algorithm_id: AlgorithmId,
    *,
    hidden: bool,
    after: UUID | None,
    limit: int,
) -> Sequence[Shown]:
    """Return the ratings of an algorithm, newest first, and one beyond `limit`.

    Those that were `hidden` are for moderators alone.
    """
    assert 0 < limit <= PAGE_MAX
    await get_algorithm(tx, actor, algorithm_id)
    if hidden:
        account_rules.require_moderator(actor)
    is_hidden = _RATING.hidden_at.is_not(None) if hidden else _RATING.hidden_at.is_(None)
    query = _SHOWN.where(_RATING.algorithm_id == algorithm_id, is_hidden)
    if after is not None:
        query = query.where(_RATING.id < after)
    return (await tx.execute(query.order_by(_RATING.id.desc()).limit(limit + 1))).all()


async def get_own(tx: AsyncSession, user_id: UserId, algorithm_id: AlgorithmId) -> Shown:
    """Return the rating that a user gave an algorithm, hidden or not, or refuse."""
    mine = _RATING.algorithm_id == algorithm_id, _RATING.user_id == user_id
    found = (await tx.execute(_SHOWN.where(*mine))).one_or_none()
    if found is None:
        raise rules.RatingNotFound
    return found


async def get_shown(tx: AsyncSession, rating_id: RatingId) -> Shown:
    """Return a rating that is known to be there, as it is shown."""
    return (await tx.execute(_SHOWN.where(_RATING.id == rating_id))).one()


async def find_own(tx: AsyncSession, user_id: UserId, algorithm_id: AlgorithmId) -> Rating | None:
    """Return the row of the rating that a user gave an algorithm, and hold it."""
    mine = Rating.algorithm_id == algorithm_id, Rating.user_id == user_id
    found: Rating | None = await tx.scalar(select(Rating).where(*mine).with_for_update())
    return found


async def lock_rating(tx: AsyncSession, algorithm_id: AlgorithmId, rating_id: RatingId) -> Rating:
    """Load a rating of this algorithm and hold its row, or refuse."""
    rating = await tx.get(Rating, rating_id, with_for_update=True, populate_existing=True)
    if rating is None or rating.algorithm_id != algorithm_id:
        raise rules.RatingNotFound
    return rating


async def find_reply(tx: AsyncSession, rating_id: RatingId) -> RatingReply | None:
    """Return the reply to a rating, which the caller holds."""
    return await tx.get(RatingReply, rating_id, populate_existing=True)


async def list_authors(tx: AsyncSession, algorithm_id: AlgorithmId) -> Sequence[UserId]:
    """Return who belongs to a team whose model is a version of this algorithm."""
    authors = select(func.unnest(Version.author_ids)).where(Version.algorithm_id == algorithm_id)
    return (await tx.scalars(authors.distinct().limit(AUTHORS_MAX))).all()
