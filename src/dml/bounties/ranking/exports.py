"""The board as CSV and the evidence as JSON, streamed: there may be many entrants."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from dml.bounties.models import Bounty
from dml.bounties.ranking import queries as ranking_queries
from dml.bounties.ranking.evidence import Evidence
from dml.bounties.ranking.queries import ROWS_MAX, Key, LeaderboardPart
from dml.bounties.ranking.schemas import LeaderboardRowOut, board_out, evidence_out
from dml.core import money
from dml.core.context import BeginFunction
from dml.edge.spreadsheets import as_csv

COLUMNS: Final = (
    "rank",
    "number",
    "name",
    "state",
    "score",
    "at",
    "submissions",
    "commitment",
    "predictions_sha256",
    "tied_from",
    "tied_to",
    "chance_of_first",
    "prize",
)


async def stream_csv(
    begin: BeginFunction, bounty: Bounty, part: LeaderboardPart
) -> AsyncIterator[str]:
    """Yield the board of a bounty in parts, each read in a transaction of its own."""
    yield as_csv([COLUMNS])
    after: Key | None = None
    before = 0
    while True:
        async with begin() as ctx:
            rows = await ranking_queries.list_board(
                ctx.tx, bounty, part, after=after, limit=ROWS_MAX
            )
        page = board_out(bounty, part, rows, before=before, limit=ROWS_MAX)
        yield as_csv([cells(it) for it in page.items])
        if page.next_cursor is None:
            return
        after, before = Key.read(page.next_cursor), before + len(page.items)


def cells(row: LeaderboardRowOut) -> list[object]:
    """Return a row's cells; unknown values are empty."""
    values = {**dict(row), "prize": None if row.prize is None else money.render(row.prize)}
    values["at"] = None if row.at is None else row.at.isoformat()
    return [values[name] for name in COLUMNS]


async def evidence_as_json(found: Evidence) -> str:
    """Write the evidence, off the event loop: there may be thousands of entries."""

    def write() -> str:
        return evidence_out(found.bounty, found.ranking, found.test_set).model_dump_json()

    return await asyncio.to_thread(write)
