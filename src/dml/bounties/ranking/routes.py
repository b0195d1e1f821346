"""REST of the leaderboard: parse, call one function, shape the answer. No `if`, SQL or `try`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from dml.bounties import queries
from dml.bounties.judging.rules import NoEvidence, NotRankedYet
from dml.bounties.ranking import evidence, exports, queries as ranking_queries
from dml.bounties.ranking.schemas import (
    BoardQuery,
    EvidenceOut,
    ExportQuery,
    LeaderboardOut,
    RecordPage,
    RecordsQuery,
    board_out,
    records_out,
)
from dml.bounties.rules import BountyNotFound
from dml.core.ids import BountyId
from dml.edge.files import SendExport, SendFile, digest_of
from dml.edge.http import Begin, PublicCtx
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/bounties", route_class=StrictRoute)

Sha256 = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{64}$",
        max_length=64,
        description="SHA-256 of the file, in hexadecimal digits, as the evidence names it.",
    ),
]
CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"example": "rank,number,name,score\r\n1,7,ada,0.91\r\n"}}}
}
A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. Its `ETag` is its SHA-256.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/{bounty_id}/leaderboard",
    operation_id="leaderboards.get",
    responses=refusals(BountyNotFound, NotRankedYet),
)
async def get_leaderboard(
    ctx: PublicCtx, bounty_id: BountyId, query: Annotated[BoardQuery, Query()]
) -> LeaderboardOut:
    """Get a bounty's leaderboard.

    The best first; entrants who withdrew or were disqualified are not on it. While submissions are
    open it shows public scores, and an entrant's score changes only where a submission is better
    than the best before by more than chance explains. Once there is a final ranking, it shows that,
    unless you ask for the part `public`. For everybody who sees the bounty.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    part = ranking_queries.part_of(bounty, query.part)
    rows = await ranking_queries.list_board(
        ctx.tx, bounty, part, after=query.cursor, limit=query.limit
    )
    before = await ranking_queries.count_before(ctx.tx, bounty, part, query.cursor)
    return board_out(bounty, part, rows, before=before, limit=query.limit)


@router.get(
    "/{bounty_id}/leaderboard.csv",
    operation_id="leaderboards.export",
    response_class=Response,
    responses=CSV | refusals(BountyNotFound, NotRankedYet),
)
async def export_leaderboard(
    begin: Begin,
    bounty_id: BountyId,
    query: Annotated[ExportQuery, Query()],
    send: SendExport,
) -> Response:
    """Export a bounty's leaderboard as CSV.

    All rows, with the fields of `leaderboards.get` as columns. No cell is taken for a formula by a
    spreadsheet. For everybody who sees the bounty.
    """
    async with begin() as ctx:
        bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
        part = ranking_queries.part_of(bounty, query.part)
    version = await digest_of(exports.stream_csv(begin, bounty, part))
    lines = exports.stream_csv(begin, bounty, part)
    return send(lines, version=version, name=f"bounty-{bounty_id}.csv")


@router.get("/{bounty_id}/records", operation_id="records.list", responses=refusals(BountyNotFound))
async def list_records(
    ctx: PublicCtx, bounty_id: BountyId, query: Annotated[RecordsQuery, Query()]
) -> RecordPage:
    """List a bounty's records.

    Each time that the best public score of all was beaten, by whom and when, newest first. For
    everybody who sees the bounty.
    """
    bounty = await queries.get_bounty(ctx.tx, ctx.actor, bounty_id)
    rows = await ranking_queries.list_records(
        ctx.tx, bounty_id, after=query.cursor, limit=query.limit
    )
    return records_out(bounty, rows, limit=query.limit)


@router.get(
    "/{bounty_id}/evidence",
    operation_id="evidence.get",
    response_model=EvidenceOut,
    responses=refusals(BountyNotFound, NotRankedYet, NoEvidence),
)
async def get_evidence(ctx: PublicCtx, bounty_id: BountyId) -> Response:
    """Get the evidence of a bounty's ranking.

    All that is needed to compute the final ranking again: the test set, each entry's predictions,
    and the salts of the commitments that were published before. It is public once the ranking is
    out; a bounty that is judged by hand has none.
    """
    found = await evidence.get_evidence(ctx.tx, ctx.actor, bounty_id)
    content = await exports.evidence_as_json(found)
    headers = {"Cache-Control": "public, max-age=300"}  # It never changes.
    return Response(content, media_type="application/json", headers=headers)


@router.get(
    "/{bounty_id}/evidence/{sha256}",
    operation_id="evidence.get_file",
    response_class=Response,
    responses=A_FILE | refusals(BountyNotFound, NotRankedYet, NoEvidence),
)
async def get_evidence_file(
    begin: Begin, bounty_id: BountyId, sha256: Sha256, send: SendFile
) -> Response:
    """Download a file of a ranking's evidence.

    The test set, or an entry's predictions in their canonical form, by the SHA-256 that the
    evidence names. It is public once the ranking is out.
    """
    async with begin() as ctx:
        await evidence.require_named(ctx.tx, ctx.actor, bounty_id, sha256)
    headers = {
        "Content-Disposition": f'attachment; filename="{sha256}"',
        "Cache-Control": "public, max-age=31536000, immutable",
    }
    return await send(sha256, headers=headers)
