"""`/` and `/bounties` in a browser: what this marketplace is, what is on offer, and the ways in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from dml.algorithms.search import queries as algorithm_queries
from dml.algorithms.search.queries import AlgorithmFilter
from dml.bounties import queries as bounty_queries
from dml.bounties.models import BountyState
from dml.bounties.page import STATES
from dml.bounties.queries import BountyFilter
from dml.core.context import Context
from dml.core.db import Shown
from dml.edge.http import PublicCtx
from dml.edge.pages import Page
from dml.edge.routing import StrictRoute
from dml.entrypoints import shipped

SHOWN: Final = 12
OPEN: Final = (BountyState.ENROLLING, BountyState.SUBMITTING)
BOUNTIES: Final = 50
_PAGE: Final = Page(Path(__file__).with_name("home.html"))
_BOUNTIES: Final = Page(Path(__file__).with_name("bounties.html"))
_HAS_CONSOLE: Final = shipped.console() is not None
router = APIRouter(route_class=StrictRoute)


@router.get("/", operation_id="pages.get_home", response_class=HTMLResponse)
async def show_home(ctx: PublicCtx) -> HTMLResponse:
    """Show the marketplace as a web page.

    HTML for people: what this marketplace is, the newest listed models and open bounties, and the
    ways in. It shows nothing that `algorithms.list` and `bounties.list` do not tell everybody.
    """
    return _PAGE.answer(await _facts(ctx, OPEN))


@router.get("/bounties", operation_id="pages.list_bounties", response_class=HTMLResponse)
async def show_bounties(ctx: PublicCtx) -> HTMLResponse:
    """Show the newest bounties as a web page.

    HTML for people. Programs ask `bounties.list`, which has filters and pages.
    """
    return _BOUNTIES.answer({"bounties": await _bounties(ctx, None, BOUNTIES), "states": STATES})


async def _facts(ctx: Context, states: Sequence[BountyState]) -> Mapping[str, Any]:
    algorithms = await algorithm_queries.list_algorithms(
        ctx.tx, ctx.actor, AlgorithmFilter(), limit=SHOWN
    )
    bounties = [it for state in states for it in await _bounties(ctx, state, SHOWN)]
    return {
        "algorithms": algorithms[:SHOWN],
        "bounties": bounties[:SHOWN],
        "states": STATES,
        "has_console": _HAS_CONSOLE,
    }


async def _bounties(ctx: Context, state: BountyState | None, limit: int) -> Sequence[Shown]:
    chosen = BountyFilter(state=state)
    found = await bounty_queries.list_bounties(ctx.tx, ctx.actor, chosen, after=None, limit=limit)
    return found[:limit]
