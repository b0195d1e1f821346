"""Which words the listed algorithms have, so that others which are meant for one can be corrected.

A word is written down when what has it is listed, and goes with the last that has it. Nobody's
draft is ever suggested. What two transactions do at once may lose a word until it is listed again:
then a word is not corrected, and nothing else (docs/decisions/0065).
"""

import re
from typing import Any, Final

from sqlalchemy import ARRAY, Text, bindparam, cast, column, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import AlgorithmId

CORRECTED_MOST: Final = 10  # Words of one search.
_WORD: Final = re.compile(r"[^\W\d_]{4,40}")

# In one order, so that two that learn the same words do not wait for each other.
_LEARN: Final = text("""
    INSERT INTO algorithm_words (word)
    SELECT word FROM algorithms, spelt_words(title, tags, summary) word
    WHERE id = :algorithm_id AND state = 'listed' ORDER BY word
    ON CONFLICT DO NOTHING
""")
_FORGET: Final = text("""
    DELETE FROM algorithm_words WHERE word IN (
        SELECT known.word FROM algorithms a, spelt_words(a.title, a.tags, a.summary) spelt
        JOIN algorithm_words known ON known.word = spelt
        WHERE a.id = :algorithm_id AND NOT EXISTS (
            SELECT FROM algorithms other
            WHERE other.words @@ plainto_tsquery('english', spelt)
                AND other.state = 'listed' AND other.id <> a.id
        )
        ORDER BY known.word FOR UPDATE OF known
    )
""")
_ASKED: Final = (
    func.unnest(cast(bindparam("words", type_=ARRAY(Text)), ARRAY(Text)))
    .table_valued(column("asked", Text))
    .render_derived()
)
_NEAREST: Final = select(
    _ASKED.c.asked,
    literal_column(
        """(SELECT word FROM algorithm_words WHERE word % lower(words_of(asked))
            ORDER BY similarity(word, lower(words_of(asked))) DESC, word LIMIT 1)""",
        Text,
    ).label("nearest"),
).where(
    literal_column(
        """NOT EXISTS (SELECT FROM algorithms
            WHERE words @@ plainto_tsquery('english', words_of(asked)) AND state = 'listed')"""
    )
)


async def learn(tx: AsyncSession, algorithm_id: AlgorithmId) -> None:
    """Write down the words of an algorithm, if it is listed: as it is in the database."""
    await tx.flush()
    await tx.execute(_LEARN, {"algorithm_id": algorithm_id})


async def forget(tx: AsyncSession, algorithm_id: AlgorithmId) -> None:
    """Forget which words it alone has. Before they are changed, or it is taken off the list."""
    await tx.execute(_FORGET, {"algorithm_id": algorithm_id})


async def correct(tx: AsyncSession, words: str) -> str | None:
    """Put right which of these words no listed algorithm has; None where none can be.

    O(words), each some milliseconds at most.
    """
    asked = list(dict.fromkeys(_WORD.findall(words)))[:CORRECTED_MOST]
    if not asked:
        return None
    found: Any = (await tx.execute(_NEAREST, {"words": asked})).all()
    nearest = {it.asked: it.nearest for it in found if it.nearest is not None}
    if not nearest:
        return None
    return _WORD.sub(lambda word: nearest.get(word[0], word[0]), words)
