"""How ratings get into the statistics. What jobs add there, a trigger does."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms.ratings.models import Rating

# Promises: the row of that version and day is there.
_BEGIN: Final = text("""
    INSERT INTO algorithm_statistics (version_id, day, algorithm_id)
    VALUES (:version_id, :day, :algorithm_id) ON CONFLICT DO NOTHING
""")
# Promises: it counts so many ratings and stars more, or fewer.
_COUNT: Final = text("""
    UPDATE algorithm_statistics SET ratings = ratings + :ratings, stars = stars + :stars
    WHERE version_id = :version_id AND day = :day
""")


async def count_rating(tx: AsyncSession, rating: Rating, *, ratings: int, stars: int) -> None:
    """Count a rating, or what changed of it, under its version and the day it was first given."""
    place = {"version_id": rating.version_id, "day": rating.day}
    await tx.execute(_BEGIN, place | {"algorithm_id": rating.algorithm_id})
    await tx.execute(_COUNT, place | {"ratings": ratings, "stars": stars})
