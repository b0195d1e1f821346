"""REST for finding algorithms: parse, call one function, shape the answer."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from dml.accounts.rules import ModeratorsOnly
from dml.algorithms import queries as algorithm_queries, rules
from dml.algorithms.schemas import AlgorithmOut, told
from dml.algorithms.search import queries
from dml.algorithms.search.schemas import (
    AlgorithmFacetsOut,
    AlgorithmSearch,
    AlgorithmSearchPage,
    AlgorithmsQuery,
    AlgorithmSummaryOut,
    FacetsQuery,
    Narrowing,
    facets_out,
    search_page,
)
from dml.core.db import Shown
from dml.core.errors import NotSignedIn
from dml.core.wire import Text
from dml.edge.etags import TellRevision
from dml.edge.http import PublicCtx
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/algorithms", route_class=StrictRoute)
# What tells the same to everybody who does not say who they are (docs/decisions/0070).
SHARED: Final = tuple(f"{router.prefix}{it}" for it in ("", "/search", "/facets"))


def _chosen(query: Narrowing, q: str | None = None) -> queries.AlgorithmFilter:
    several = (query.tags or "").split(",")
    named = dict.fromkeys(it.strip() for it in (query.tag or "", *several))
    return queries.AlgorithmFilter(
        q=q,
        kind=query.kind,
        tags=tuple(it for it in named if it),
        data_kind=query.data_kind,
        fee_min=query.fee_min,
        fee_max=query.fee_max,
        rating_min=query.rating_min,
        developer_id=query.developer_id,
        mine=query.mine,
        state=query.state,
    )


@router.get("", operation_id="algorithms.list", responses=refusals(NotSignedIn, ModeratorsOnly))
async def list_algorithms(
    ctx: PublicCtx, query: Annotated[AlgorithmsQuery, Query()]
) -> Page[AlgorithmSummaryOut]:
    """List algorithms.

    Newest first, unless `sort` says otherwise. Anybody gets the listed ones, without signing in;
    with `mine` you get your own, in every state. Other states than `listed` are for moderators, and
    for your own. Filters combine.
    """
    rows = await queries.list_algorithms(
        ctx.tx,
        ctx.actor,
        _chosen(query),
        sort=query.sort,
        after=query.cursor,
        limit=query.limit,
    )
    return query.sorted_page(AlgorithmSummaryOut, rows, lambda it: it)


@router.get(
    "/search", operation_id="algorithms.search", responses=refusals(NotSignedIn, ModeratorsOnly)
)
async def search(ctx: PublicCtx, query: Annotated[AlgorithmSearch, Query()]) -> AlgorithmSearchPage:
    """Search algorithms.

    By words, the best match first: the title and tags count most, then the summary, then the model
    card. Where nothing has the words, they are corrected, and `corrected_q` says to what. Of very
    common words, the 1,000 most-run matches are ranked. Takes the filters of the list.
    """
    found = await queries.search(
        ctx.tx,
        ctx.actor,
        _chosen(query, query.q),
        sort=query.sort,
        after=query.cursor,
        limit=query.limit,
    )
    return search_page(query, found)


@router.get(
    "/facets",
    operation_id="algorithms.get_facets",
    responses=refusals(NotSignedIn, ModeratorsOnly),
)
async def get_facets(ctx: PublicCtx, query: Annotated[FacetsQuery, Query()]) -> AlgorithmFacetsOut:
    """Count algorithms by what a list could be narrowed by.

    Takes the words and filters of a search, or none. Counts go up to 1,000, beyond which the
    most-run stand for all.
    """
    counted = await queries.get_facets(ctx.tx, ctx.actor, _chosen(query, query.q))
    return facets_out(counted, queries.RANKED)


@router.get(
    "/by-slug/{slug}",
    operation_id="algorithms.get_by_slug",
    response_model=AlgorithmOut,
    responses=refusals(rules.AlgorithmNotFound),
)
async def get_by_slug(
    ctx: PublicCtx,
    tell: TellRevision,
    slug: Annotated[Text, Path(max_length=100, description="Its `slug`, now or at some time.")],
) -> Shown:
    """Get an algorithm by its slug.

    The same as by its id. A slug follows the title, and one of before still leads here.
    """
    return told(await algorithm_queries.get_listing_by_slug(ctx.tx, ctx.actor, slug), tell)
