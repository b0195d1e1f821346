"""`/algorithms` and the page of each, for people: what is on offer, how good it is, what to type.

They show nothing that the JSON of lists, algorithms and versions does not show to who asks.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dml.algorithms import queries
from dml.algorithms.cards import service as cards
from dml.algorithms.cards.rendering import plain
from dml.algorithms.models import AlgorithmState, SuspendedBy, VersionState
from dml.algorithms.page_schemas import SORTS, AlgorithmsPageQuery
from dml.algorithms.ratings import queries as rating_queries
from dml.algorithms.rules import AlgorithmNotFound
from dml.algorithms.search import queries as search_queries
from dml.algorithms.search.queries import AlgorithmFilter, Found
from dml.core.context import Context
from dml.core.keyset import Seen
from dml.core.wire import Text
from dml.edge.http import Begin, PublicCtx
from dml.edge.origins import KnownUrl
from dml.edge.pages import Page
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(route_class=StrictRoute)

LISTED: Final = 20
RATINGS: Final = 10  # The newest, that the page shows.
VERSIONS: Final = 20  # The newest.
LABELS: Final = 12  # Beyond, they wait to be unfolded.
OPERATORS: Final = 8
MOVED: Final[dict[int | str, dict[str, Any]]] = {
    308: {"description": "The title has changed since: `Location` is its path now."}
}
# What people read of an algorithm that not everybody can use.
STATES: Final[Mapping[str, str]] = {
    AlgorithmState.DRAFT: "Not on offer yet: none of its versions is approved",
    AlgorithmState.ANNOUNCED: "Announced: it is coming, and nobody can order it yet",
    AlgorithmState.SUSPENDED: "Suspended: nobody can order it for now",
    AlgorithmState.ARCHIVED: "Archived: nobody can order it any more",
}
GONE: Final[Mapping[str, int]] = {AlgorithmState.SUSPENDED: 404, AlgorithmState.ARCHIVED: 410}
VERSION_STATES: Final[Mapping[str, str]] = {
    VersionState.APPROVED: "approved",
    VersionState.RECALLED: "recalled",
}


@router.get("/algorithms", operation_id="pages.list_algorithms", response_class=HTMLResponse)
async def show_algorithms(
    ctx: PublicCtx, query: Annotated[AlgorithmsPageQuery, Query()]
) -> HTMLResponse:
    """Show the models on offer as a web page.

    HTML for people: a search and a list, twenty at a time. Programs ask `algorithms.list` and
    `algorithms.search`, which have more filters.
    """
    return _LIST.answer(await _listed(ctx, query))


@router.get(
    "/algorithms/{slug}",
    operation_id="pages.get_algorithm",
    response_class=HTMLResponse,
    responses=MOVED | refusals(AlgorithmNotFound),
)
async def show_algorithm(
    begin: Begin,
    url: KnownUrl,
    slug: Annotated[Text, Path(max_length=100, description="Its `slug`, now or at some time.")],
) -> Response:
    """Show an algorithm as a web page.

    HTML for people: what it does, its model card, what its newest version takes and gives, what
    running it takes, and what to type to use it. Of one that is suspended or archived it says that
    alone, unless its developer or a moderator asks.
    """
    async with begin() as ctx:  # Of a card that nobody has rendered yet, the HTML is kept.
        return await _answer(ctx, slug, url)


async def _listed(ctx: Context, query: AlgorithmsPageQuery) -> dict[str, Any]:
    chosen = AlgorithmFilter(
        q=query.q,
        tags=() if query.tag is None else (query.tag,),
        developer_id=query.developer_id,
        state=AlgorithmState.LISTED,
    )
    found = await _find(ctx, chosen, query)
    rows = found.rows
    shown = rows[:LISTED]
    last = Seen.of(query.order, shown[-1]).write() if len(rows) > LISTED else None
    return {
        "algorithms": shown,
        "asked": query,
        "sorts": SORTS,
        "corrected": found.corrected,
        "next": None if last is None else _path_of(query, after=last),
        "first": _path_of(query, after=None) if query.after is not None else None,
    }


async def _find(ctx: Context, chosen: AlgorithmFilter, query: AlgorithmsPageQuery) -> Found:
    """Search where there are words, else list: the page, and one beyond."""
    if query.q is None:
        rows = await search_queries.list_algorithms(
            ctx.tx, ctx.actor, chosen, sort=query.order, after=query.after, limit=LISTED
        )
        return Found(rows, None)
    return await search_queries.search(
        ctx.tx, ctx.actor, chosen, sort=query.order, after=query.after, limit=LISTED
    )


def _path_of(query: AlgorithmsPageQuery, *, after: str | None) -> str:
    """Return the path of another page of the same list."""
    asked = {**query.model_dump(mode="json"), "after": after}
    return "/algorithms?" + urlencode({name: it for name, it in asked.items() if it is not None})


async def _answer(ctx: Context, slug: str, url: str | None) -> Response:
    try:
        row = await queries.get_listing_by_slug(ctx.tx, ctx.actor, slug)
    except AlgorithmNotFound:
        state = await queries.find_state_of_gone(ctx.tx, slug)
        if state is None:
            raise
        return _GONE.answer({"state": STATES[state]}, status_code=GONE[state])
    if slug != row.slug:  # A path alone: it leads nowhere that the request could name.
        return RedirectResponse(f"/algorithms/{row.slug}", status_code=308)
    return _PAGE.answer(await _facts(ctx, row, url))


async def _facts(ctx: Context, row: Any, url: str | None) -> dict[str, Any]:
    versions = await queries.list_versions(ctx.tx, ctx.actor, row.id, after=None, limit=VERSIONS)
    approved = row.approved_version and str(row.approved_version["id"])
    version = next((it for it in versions if str(it.id) == approved), None)
    ratings = await rating_queries.list_ratings(
        ctx.tx, ctx.actor, row.id, hidden=False, after=None, limit=RATINGS
    )
    return {
        "algorithm": row,
        "card": await cards.get_html(ctx, row.id, row.model_card) if row.model_card else "",
        "state": STATES.get(row.state),
        "by_moderator": row.suspended_by is SuspendedBy.MODERATOR,
        "version": version,
        "passport": _passport(version.passport if version is not None else None),
        "versions": versions[:VERSIONS],
        "has_more": len(versions) > VERSIONS,
        "ratings": ratings[:RATINGS],
        "has_more_ratings": len(ratings) > RATINGS,
        "states": VERSION_STATES,
        "labels": LABELS,
        "end": row.slug[-queries.SLUG_END :],
        "url": url,
    }


def _passport(measured: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what the page shows of a passport: of the operators the most frequent."""
    if measured is None:
        return None
    counts = sorted(measured["operators"].items(), key=lambda it: (-it[1], it[0]))
    named = ", ".join(f"{count} {name}" for name, count in counts[:OPERATORS])
    more = len(counts) - OPERATORS
    return {**measured, "operators": f"{named} and {more} more" if more > 0 else named}


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 // 10 else f"{size:,} bytes"


def _milliseconds(took: float | None) -> str:
    return "more than 3 s" if took is None else f"{took:.3g} ms"


def _shape(shape: Sequence[int | str | None] | None) -> str:
    if shape is None:
        return "of any shape"
    return " × ".join("any" if it is None else str(it) for it in shape) or "one number"


def _indented(it: object) -> str:
    return json.dumps(it, indent=2, ensure_ascii=False)


_HERE: Final = FilePath(__file__).parent
_FILTERS: Final[Mapping[str, Any]] = {
    "plain": plain,
    "size": _size,
    "milliseconds": _milliseconds,
    "shape": _shape,
    "indented": _indented,
}
_PAGE: Final = Page(_HERE / "page.html", **_FILTERS)
_LIST: Final = Page(_HERE / "list.html", has_form=True, **_FILTERS)
_GONE: Final = Page(_HERE / "gone.html")
