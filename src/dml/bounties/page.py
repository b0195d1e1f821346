"""The page of a bounty for people: its board, its plot, and what was decided."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from dml.bounties import queries, rules
from dml.bounties.models import Bounty, BountyState
from dml.bounties.ranking import plot, queries as ranking_queries
from dml.bounties.ranking.plot import Plot, Point
from dml.bounties.ranking.queries import RECORDS_MAX
from dml.bounties.ranking.schemas import board_out
from dml.bounties.rules import BountyNotFound
from dml.bounties.submissions import queries as submission_queries
from dml.core.context import Context
from dml.core.db import PAGE_MAX, Shown
from dml.core.ids import BountyId, EnrollmentId
from dml.edge.http import PublicCtx
from dml.edge.pages import Page
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.scoring import names
from dml.scoring.names import MetricName

router = APIRouter(route_class=StrictRoute)

TALK_MAX: Final = 50  # Decisions and disputes that the page shows, the newest.
STATES: Final[Mapping[BountyState, str]] = {
    BountyState.DRAFT: "Draft",
    BountyState.FUNDED: "Opens soon",
    BountyState.ENROLLING: "Open for enrollment",
    BountyState.SUBMITTING: "Open for submissions",
    BountyState.EVALUATING: "Being judged",
    BountyState.DISPUTING: "Ranked, open to disputes",
    BountyState.FINISHED: "Finished",
    BountyState.CANCELLED: "Cancelled",
}


@router.get(
    "/bounties/{bounty_id}",
    operation_id="pages.get_bounty",
    response_class=HTMLResponse,
    responses=refusals(BountyNotFound),
)
async def show_bounty(ctx: PublicCtx, bounty_id: BountyId) -> HTMLResponse:
    """Show a bounty as a web page.

    HTML for people: the bounty, its leaderboard and records, and what was decided and disputed. It
    shows nothing that the bounty's JSON does not. Anybody may read it once the bounty is funded;
    before, its owner and moderators.
    """
    facts = await _facts(ctx, bounty_id)
    return _PAGE.answer(facts)


async def _facts(ctx: Context, bounty_id: BountyId) -> dict[str, Any]:
    """Return all that the page shows: nothing beyond what the bounty's JSON shows everybody."""
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    part = ranking_queries.part_of(bounty, None)
    rows = await ranking_queries.list_board(ctx.tx, bounty, part, after=None, limit=PAGE_MAX)
    beside = await queries.get_beside(ctx.tx, bounty_id)
    decisions = await ranking_queries.list_decisions(ctx.tx, bounty_id, after=None, limit=TALK_MAX)
    named = [EnrollmentId(UUID(it)) for decision in decisions for it in decision.winners]
    test_set = await submission_queries.find_test_set(ctx.tx, bounty_id)
    records = await ranking_queries.list_records(ctx.tx, bounty_id, after=None, limit=RECORDS_MAX)
    return {
        "bounty": bounty,
        "state": STATES[bounty.state],
        "next": _next(bounty),
        "entrants": beside.counts["entrants"],
        "submissions": beside.counts["submissions"],
        "greater_is_better": bounty.metric and names.greater_is_better(MetricName(bounty.metric)),
        "board": board_out(bounty, part, rows, before=0, limit=PAGE_MAX),
        "records": records[::-1],
        "plot": _plot(bounty, records, ctx.now),
        "decisions": decisions,
        "names": await ranking_queries.get_names(ctx.tx, named),
        "disputes": await ranking_queries.list_disputes(
            ctx.tx, bounty_id, after=None, limit=TALK_MAX
        ),
        "disqualified": await ranking_queries.list_disqualified(ctx.tx, bounty_id),
        "commitment": test_set and rules.has_opened(bounty) and test_set.commitment,
        "salt": test_set and test_set.salt,
    }


def _next(bounty: Bounty) -> tuple[str, datetime] | None:
    """Return the next event and its date; None if nothing more happens by itself."""
    if bounty.paused_at is not None:
        return None
    match bounty.state:
        case BountyState.FUNDED:
            return "Enrollment opens", bounty.enrolls_at
        case BountyState.ENROLLING:
            return "Enrollment ends and submissions open", bounty.submits_at
        case BountyState.SUBMITTING:
            return "Submissions close", bounty.closes_at
        case BountyState.EVALUATING:
            return "Winners are known by", bounty.judged_by
        case BountyState.DISPUTING if bounty.disputes_until is not None:
            return "Prizes are paid", bounty.disputes_until
        case _:
            return None


def _plot(bounty: Bounty, records: Sequence[Shown], now: datetime) -> Plot | None:
    points = [Point(it.at, it.score) for it in records[::-1]]
    return plot.draw(points, start=bounty.submits_at, end=min(now, bounty.closes_at))


def _score(score: float) -> str:
    """Write scores as the Ladder rounds them, in one width; large ones in six digits."""
    return f"{score:.5f}" if abs(score) < 100 else f"{score:.6g}"


def _percent(chance: float) -> str:
    return "<1 %" if chance < 0.01 else f"{chance:.0%}".replace("%", " %")


_PAGE: Final = Page(Path(__file__).with_name("page.html"), score=_score, percent=_percent)
