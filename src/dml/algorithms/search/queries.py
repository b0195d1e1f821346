"""The SELECTs of lists and searches, which show of an algorithm all but its long texts.

A list is one of a few statements that are kept. What has words or tags is planned each time, by a
function of PostgreSQL's, as its best plan depends on how common they are (docs/decisions/0065).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    DateTime,
    Integer,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    null,
    select,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from dml.accounts.models import DataKind
from dml.algorithms import rules
from dml.algorithms.models import Algorithm, AlgorithmKind, AlgorithmState
from dml.algorithms.queries import LISTED
from dml.algorithms.search import spelling
from dml.core.context import Actor
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import UserId
from dml.core.keyset import Seen, in_order, moment_of
from dml.core.money import MicroTokens

RANKED: Final = 1_000  # Of how many matches the best come first, and counts are exact.
TAGS_SHOWN: Final = 20
_OFFERED: Final = Algorithm.__table__.c
_SORTED_BY: Final = {
    it: _OFFERED[it] for it in ("created_at", "device_fee", "runs", "weighted_rating")
}
_BY_RANK: Final = "-relevance"
_MOST_RUN: Final = "-runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmFilter:
    """Which algorithms to list: those for which all that is said here is true.

    `q`: words that a search is for. `mine`: the viewer's own alone, in every state. Fees are from
    `fee_min` to `fee_max`, both included. `rating_min`: rated with so many stars or more, in the
    mean.
    """

    q: str | None = None
    kind: AlgorithmKind | None = None
    tags: tuple[str, ...] = ()
    data_kind: DataKind | None = None
    fee_min: MicroTokens | None = None
    fee_max: MicroTokens | None = None
    rating_min: int | None = None
    developer_id: UserId | None = None
    mine: bool = False
    state: AlgorithmState | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search; where its words were corrected, by which it was found then."""

    rows: Sequence[Shown]
    corrected: str | None


@dataclass(frozen=True, slots=True)
class Facets:
    """Of the most-run matches, counted up to one beyond `RANKED`."""

    row: Shown
    corrected: str | None


# What a list may ask for, each by a parameter of its name.
_ASKED: Final = {
    "developer": _OFFERED.developer_id == bindparam("developer"),
    "state": _OFFERED.state == bindparam("state"),
    # Drafts and announced ones have one state in their column (docs/decisions/0068).
    "draft": (_OFFERED.state == literal_column("'draft'")) & _OFFERED.announced_at.is_(None),
    "announced": (_OFFERED.state == literal_column("'draft'")) & _OFFERED.announced_at.is_not(None),
    "kind": _OFFERED.kind == bindparam("kind"),
    "data_kind": _OFFERED.data_kind == bindparam("data_kind"),
    "fee_min": _OFFERED.device_fee >= bindparam("fee_min"),
    "fee_max": _OFFERED.device_fee <= bindparam("fee_max"),
    "rating_min": and_(
        _OFFERED.rating_count > 0,
        _OFFERED.rating_sum >= bindparam("rating_min", type_=Integer()) * _OFFERED.rating_count,
    ),
}


async def list_algorithms(
    tx: AsyncSession,
    actor: Actor,
    chosen: AlgorithmFilter,
    *,
    sort: str = "-created_at",
    after: Seen | None = None,
    limit: int,
) -> Sequence[Shown]:
    """Return listed algorithms, or the actor's own, in this order, and one beyond `limit`.

    Refuses another state to whoever is no moderator.
    """
    assert 0 < limit <= PAGE_MAX
    asked = _asked(actor, chosen)
    if asked is None:
        return []
    given = {**asked, "rows": limit + 1}
    if chosen.tags:  # How to find them depends on how common they are.
        given |= {**_WITHOUT, **given, **_place(after), "words": None, "sort": sort}
        return (await tx.execute(_SORTED, given)).all()
    unlisted = given["state"] if given.get("state") in rules.UNLISTED else None
    named = (unlisted if unlisted and it == "state" else it for it in asked)
    return (await tx.execute(_page(sort, after, *named), given)).all()


@lru_cache(maxsize=100)
def _page(sort: str, after: Seen | None, *asked: str) -> Select[*tuple[Any, ...]]:
    """Return the list with these conditions: for the same page the same statement."""
    query = LISTED.where(*(_ASKED[it] for it in asked))
    query = in_order(query, sort, after, columns=_SORTED_BY, id_column=_OFFERED.id)
    return query.limit(bindparam("rows"))


async def search(
    tx: AsyncSession,
    actor: Actor,
    chosen: AlgorithmFilter,
    *,
    sort: str = _BY_RANK,
    after: Seen | None = None,
    limit: int,
) -> Found:
    """Return those of the list that have these words, and one beyond `limit`.

    Where none has, the words are corrected. A page that follows is corrected in the same way.
    """
    assert 0 < limit <= PAGE_MAX
    assert chosen.q is not None
    asked = _asked(actor, chosen)
    if asked is None:
        return Found([], None)
    place = _place(after)

    async def find(words: str) -> Sequence[Shown]:
        given = _WITHOUT | asked | place | {"words": words, "sort": sort, "rows": limit + 1}
        return (await tx.execute(_BEST if sort == _BY_RANK else _SORTED, given)).all()

    rows = await find(chosen.q)
    corrected = None if rows else await spelling.correct(tx, chosen.q)
    return Found(rows if corrected is None else await find(corrected), corrected)


async def get_facets(tx: AsyncSession, actor: Actor, chosen: AlgorithmFilter) -> Facets:
    """Count what a list, or a search, could be narrowed by."""
    asked = _asked(actor, chosen)
    given = _WITHOUT | (asked or {}) | {"sort": _MOST_RUN, "most": RANKED + 1 if asked else 0}

    async def count(words: str | None) -> Row[*tuple[Any, ...]]:
        return (await tx.execute(_FACETS, {**given, "words": words})).one()

    row = await count(chosen.q)
    corrected = None
    if chosen.q is not None and row.matched == 0:
        corrected = await spelling.correct(tx, chosen.q)
    return Facets(row if corrected is None else await count(corrected), corrected)


def _asked(actor: Actor, chosen: AlgorithmFilter) -> dict[str, Any] | None:
    """Return the parameters of what is asked for; None where nothing can be all of that."""
    rules.require_may_list(actor, mine=chosen.mine, state=chosen.state)
    if chosen.mine and chosen.developer_id not in (None, actor.id):
        return None
    asked = {
        "developer": actor.id if chosen.mine else chosen.developer_id,
        "state": chosen.state or (None if chosen.mine else AlgorithmState.LISTED),
        "kind": chosen.kind,
        "tags": list(chosen.tags) or None,
        "data_kind": chosen.data_kind,
        "fee_min": chosen.fee_min,
        "fee_max": chosen.fee_max,
        "rating_min": chosen.rating_min,
    }
    return {name: it for name, it in asked.items() if it is not None}


def _place(after: Seen | None) -> dict[str, Any]:
    if after is None:
        return {}
    is_moment = after.sort.endswith("created_at")
    name, key = ("moment", moment_of(after.key)) if is_moment else ("number", after.key)
    return {f"after_{name}": key, "after_id": after.id}


# All that `find_algorithms` takes and a search need not say.
_PLACE: Final[dict[str, Any]] = {
    "after_number": BigInteger(),
    "after_moment": DateTime(timezone=True),
    "after_id": Uuid(),
}
_TYPES: Final[dict[str, Any]] = {
    "developer": Uuid(),
    "state": Text(),
    "kind": Text(),
    "tags": ARRAY(Text),
    "data_kind": Text(),
    "fee_min": BigInteger(),
    "fee_max": BigInteger(),
    "rating_min": Integer(),
    "sort": Text(),
} | _PLACE
_WITHOUT: Final[dict[str, Any]] = dict.fromkeys(_TYPES)
_WORDS: Final = select(
    func.websearch_to_tsquery(
        literal_column("'english'::regconfig"),
        func.words_of(cast(bindparam("words", type_=Text()), Text)),
    ).label("query")
).subquery()
# And the words by which a match is ranked, each by itself: those that are to be there, and of which
# some may be in the model card alone.
_QUERY: Final = (
    select(
        _WORDS.c.query,
        cast(func.replace(func.querytree(_WORDS.c.query), "&", "|"), TSQUERY).label("each"),
    )
    .cte("asked")
    .prefix_with("MATERIALIZED")
)


def _matches(most: Any, *, in_brief: bool = False, **instead: Any) -> Select[*tuple[Any, ...]]:
    """Return the ids of matches in an order, from a place on."""
    given = {
        name: instead.get(name, cast(bindparam(name, type_=it), it)) for name, it in _TYPES.items()
    }
    found = (
        func.find_algorithms(_QUERY.c.query, literal(in_brief), *given.values(), most)
        .table_valued(column("id", Uuid))
        .render_derived()
        .lateral()
    )
    return select(found.c.id).select_from(_QUERY).join(found, literal(True))


# A match in title or tags counts most, then one in the summary; among those that fit as well, and
# of those with the words in their model card alone, the most-run comes first. The card's words are
# not looked at: they are kept apart from the row, and to fetch them took longer than all else.
_RELEVANCE: Final = cast(
    func.round(
        cast(
            func.ts_rank(
                _OFFERED.brief_words,
                _QUERY.c.each,
            )
            * 1_000,
            BigInteger,
        )
    )
    * 1_048_576
    + func.least(_OFFERED.runs, 1_048_575),
    Integer,
)


def _best() -> Select[*tuple[Any, ...]]:
    """Return the statement of a page that begins with the best match."""
    most_run: dict[str, Any] = {"sort": literal(_MOST_RUN), **dict.fromkeys(_PLACE, null())}
    found = union(
        _matches(literal(RANKED), in_brief=True, **most_run),
        _matches(literal(RANKED), **most_run),
    ).subquery()
    ranked = (
        select(_OFFERED.id, _RELEVANCE.label("relevance"))
        .select_from(_QUERY)
        .join(found, literal(True))
        .join(Algorithm.__table__, _OFFERED.id == found.c.id)
        .subquery()
    )
    key, last = bindparam("after_number", type_=BigInteger()), bindparam("after_id", type_=Uuid())
    follows = tuple_(ranked.c.relevance, ranked.c.id) < tuple_(
        cast(key, BigInteger), cast(last, Uuid)
    )
    page = (
        select(ranked.c.id, ranked.c.relevance)
        .where(cast(last, Uuid).is_(None) | follows)
        .order_by(ranked.c.relevance.desc(), ranked.c.id.desc())
        .limit(bindparam("rows"))
        .subquery()
    )
    query = LISTED.add_columns(page.c.relevance).join(page, _OFFERED.id == page.c.id)
    return query.order_by(page.c.relevance.desc(), page.c.id.desc())


def _sorted() -> Select[*tuple[Any, ...]]:
    """Return the statement of a page in the order of one of an algorithm's columns."""
    rows = cast(bindparam("rows", type_=Integer()), Integer)
    place = func.row_number().over().label("place")
    page = _matches(rows).add_columns(place).subquery()
    return LISTED.join(page, _OFFERED.id == page.c.id).order_by(page.c.place)


_BEST: Final = _best()
_SORTED: Final = _sorted()


def _counted(value: str, rows: str) -> Any:
    """Count the rows by a value, the most frequent first."""
    return literal_column(
        f"""coalesce((SELECT json_agg(json_build_object('value', value, 'count', rows)
                ORDER BY rows DESC, value)
            FROM (SELECT {value} AS value, count(*) AS rows FROM {rows}
                GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TAGS_SHOWN}) it), '[]')""",  # noqa: S608 - our constants
        JSON,
    )


def _facets() -> Select[*tuple[Any, ...]]:
    found = _matches(cast(bindparam("most", type_=Integer()), Integer)).subquery()
    shown = ("kind", "tags", "data_kind", "device_fee")
    matches = (
        select(*(_OFFERED[it] for it in shown))
        .select_from(found)
        .join(Algorithm.__table__, _OFFERED.id == found.c.id)
        .cte("matches")
        .prefix_with("MATERIALIZED")
    )
    return select(
        literal_column("(SELECT count(*) FROM matches)", BigInteger).label("matched"),
        _counted("kind", "matches").label("kinds"),
        _counted("data_kind", "matches").label("data_kinds"),
        _counted("tag", "matches, unnest(tags) tag").label("tags"),
        literal_column("(SELECT min(device_fee) FROM matches)", BigInteger).label("fee_min"),
        literal_column("(SELECT max(device_fee) FROM matches)", BigInteger).label("fee_max"),
    ).add_cte(matches)


_FACETS: Final = _facets()
