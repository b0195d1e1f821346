"""The use cases of ratings: give, change, delete, answer, hide and restore one.

Rows are changed in this order: the rating, the statistics of its version and day, the algorithm. So
does the end of a job, which holds no rating (docs/decisions/0069).
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts import rules as account_rules
from dml.accounts.organisations import queries as organisations
from dml.algorithms import queries as algorithm_queries, rules as algorithm_rules
from dml.algorithms.models import Algorithm
from dml.algorithms.ratings import queries, rules
from dml.algorithms.ratings.events import (
    RatingAnswered,
    RatingChanged,
    RatingDeleted,
    RatingEvent,
    RatingGiven,
    RatingHidden,
    RatingReplyDeleted,
    RatingRestored,
)
from dml.algorithms.ratings.models import Rating, RatingReply
from dml.algorithms.statistics import statements
from dml.core import events
from dml.core.context import Context
from dml.core.ids import AlgorithmId, RatingId, UserId, VersionId, new_id

# Finds which version a customer's last job of an algorithm ran, of those that ended with an answer
# that was shown. The domain above knows.
FindRun: TypeAlias = Callable[[AsyncSession, UserId, AlgorithmId], Awaitable[VersionId | None]]
_FIND_RUN: Final[list[FindRun]] = []


def rated_by(find_run: FindRun) -> None:
    """Say how it is known who may rate. Called by an entrypoint."""
    _FIND_RUN[:] = [find_run]


async def rate(
    ctx: Context, algorithm_id: AlgorithmId, *, stars: int, text: str | None
) -> RatingId:
    """Give the actor's rating of an algorithm, or change it."""
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    await _require_no_party(ctx, algorithm)
    (find_run,) = _FIND_RUN
    version_id = rules.require_run(await find_run(ctx.tx, ctx.actor.id, algorithm_id))
    rating = Rating(
        id=RatingId(new_id()),
        algorithm_id=algorithm_id,
        user_id=ctx.actor.id,
        version_id=version_id,
        stars=stars,
        text=text,
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    if not await _add(ctx, rating):
        return await _change(ctx, algorithm, stars=stars, text=text)
    await _count(ctx, rating, ratings=1, stars=stars)
    given = RatingGiven(rating.id, algorithm_id, stars)
    await events.record(ctx, given, [*_seen_by(rating, algorithm), events.EVERYONE])
    return rating.id


async def delete(ctx: Context, algorithm_id: AlgorithmId) -> None:
    """Delete the actor's rating of an algorithm, with the reply."""
    rating = await queries.find_own(ctx.tx, ctx.actor.id, algorithm_id)
    if rating is None:
        raise rules.RatingNotFound
    rules.require_deletable(rating)
    await ctx.tx.delete(rating)
    await ctx.tx.flush()
    await _count(ctx, rating, ratings=-1, stars=-rating.stars)
    await _record(ctx, RatingDeleted(rating.id, algorithm_id), rating)


async def answer(
    ctx: Context, algorithm_id: AlgorithmId, rating_id: RatingId, *, text: str
) -> None:
    """Reply to a rating as the algorithm's developer, or change the reply."""
    rating = await _lock_for_developer(ctx, algorithm_id, rating_id)
    reply = await queries.find_reply(ctx.tx, rating_id)
    if reply is not None and reply.text == text:
        return
    if reply is None:
        now = ctx.now
        ctx.tx.add(RatingReply(rating_id=rating_id, text=text, created_at=now, updated_at=now))
    else:
        reply.text, reply.updated_at = text, ctx.now
    await ctx.tx.flush()
    await _record(ctx, RatingAnswered(rating_id, algorithm_id), rating)


async def delete_reply(ctx: Context, algorithm_id: AlgorithmId, rating_id: RatingId) -> None:
    """Take the reply back."""
    rating = await _lock_for_developer(ctx, algorithm_id, rating_id)
    reply = await queries.find_reply(ctx.tx, rating_id)
    if reply is None:
        raise rules.ReplyNotFound
    await ctx.tx.delete(reply)
    await _record(ctx, RatingReplyDeleted(rating_id, algorithm_id), rating)


async def hide(
    ctx: Context, algorithm_id: AlgorithmId, rating_id: RatingId, *, reason: str
) -> None:
    """Neither show nor count a rating any more. Its author and the developer read why."""
    rating = await _lock_to_moderate(ctx, algorithm_id, rating_id)
    rules.require_shown(rating)
    rating.hidden_at, rating.hidden_reason = ctx.now, reason
    await ctx.tx.flush()
    await _count(ctx, rating, ratings=-1, stars=-rating.stars)
    await _record(ctx, RatingHidden(rating_id, algorithm_id), rating, reason)


async def restore(
    ctx: Context, algorithm_id: AlgorithmId, rating_id: RatingId, *, reason: str
) -> None:
    """Show and count a rating again that was hidden."""
    rating = await _lock_to_moderate(ctx, algorithm_id, rating_id)
    rules.require_hidden(rating)
    rating.hidden_at = rating.hidden_reason = None
    await ctx.tx.flush()
    await _count(ctx, rating, ratings=1, stars=rating.stars)
    await _record(ctx, RatingRestored(rating_id, algorithm_id), rating, reason)


async def _add(ctx: Context, rating: Rating) -> bool:
    """Insert a rating, unless its author gave one already."""
    columns = {it.name: getattr(rating, it.name) for it in Rating.__table__.columns}
    row = insert(Rating).values(columns).on_conflict_do_nothing().returning(Rating.id)
    return await ctx.tx.scalar(row) is not None


async def _change(ctx: Context, algorithm: Algorithm, *, stars: int, text: str | None) -> RatingId:
    rating = await queries.find_own(ctx.tx, ctx.actor.id, algorithm.id)
    if rating is None:  # It was deleted at this moment.
        raise rules.RatingNotFound
    if (rating.stars, rating.text) == (stars, text):
        return rating.id
    more, rating.stars = stars - rating.stars, stars
    rating.text, rating.updated_at = text, ctx.now
    await ctx.tx.flush()
    if rating.hidden_at is None:
        await _count(ctx, rating, ratings=0, stars=more)
    await _record(ctx, RatingChanged(rating.id, algorithm.id, stars), rating)
    return rating.id


async def _count(ctx: Context, rating: Rating, *, ratings: int, stars: int) -> None:
    """Count a rating that is shown from now on, or no longer, or with other stars."""
    if not ratings and not stars:
        return
    await statements.count_rating(ctx.tx, rating, ratings=ratings, stars=stars)
    its = update(Algorithm).where(Algorithm.id == rating.algorithm_id)
    counted = its.values(
        rating_count=Algorithm.rating_count + ratings, rating_sum=Algorithm.rating_sum + stars
    )
    await ctx.tx.execute(counted.execution_options(synchronize_session=False))


async def _record(
    ctx: Context, event: RatingEvent, rating: Rating, reason: str | None = None
) -> None:
    algorithm = await algorithm_queries.get_any_algorithm(ctx.tx, rating.algorithm_id)
    await events.record(ctx, event, _seen_by(rating, algorithm), reason=reason)


def _seen_by(rating: Rating, algorithm: Algorithm) -> list[str]:
    return [events.user(rating.user_id), events.user(algorithm.developer_id)]


async def _require_no_party(ctx: Context, algorithm: Algorithm) -> None:
    """Refuse whose own it is: the developer, the team whose model it is, and who acts for one of
    them, in person or by an organisation of theirs (docs/decisions/0064).
    """
    authors = await queries.list_authors(ctx.tx, algorithm.id)
    owners = [algorithm.developer_id, *authors]
    interested = await organisations.list_interested(ctx.tx, owners, ctx.now)
    raters = await organisations.list_interested(ctx.tx, [ctx.actor.id], ctx.now)
    rules.require_no_party([*raters, ctx.actor.by or ctx.actor.id], interested)


async def _lock_for_developer(
    ctx: Context, algorithm_id: AlgorithmId, rating_id: RatingId
) -> Rating:
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    algorithm_rules.require_developer(algorithm, ctx.actor)
    return await queries.lock_rating(ctx.tx, algorithm_id, rating_id)


async def _lock_to_moderate(ctx: Context, algorithm_id: AlgorithmId, rating_id: RatingId) -> Rating:
    account_rules.require_moderator(ctx.actor)
    algorithm = await algorithm_queries.get_algorithm(ctx.tx, ctx.actor, algorithm_id)
    rating = await queries.lock_rating(ctx.tx, algorithm_id, rating_id)
    parties = [algorithm.developer_id, rating.user_id]
    interested = await organisations.list_interested(ctx.tx, parties, ctx.now)
    rules.require_impartial(ctx.actor, interested)
    return rating
