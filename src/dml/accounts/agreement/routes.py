"""REST for agreements: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from dml.accounts.agreement import queries, rules, service
from dml.accounts.agreement.schemas import (
    AgreementAcceptanceCreate,
    AgreementAcceptanceListOut,
    AgreementAcceptanceOut,
    CurrentAgreementOut,
    DeveloperAgreementOut,
)
from dml.edge.http import Ctx, PublicCtx, Server
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1", route_class=IdempotentRoute)
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The SHA-256 of the text.")]


@router.get("/developer-agreement", operation_id="developer_agreements.get_current")
async def get_current(ctx: PublicCtx, server: Server) -> CurrentAgreementOut:
    """Get the developer agreement.

    For anybody: what whoever uploads a model agrees to, and whether it is asked for here. Who has
    signed in reads whether they have accepted it.
    """
    demands = server.demands
    current = demands.agreement
    return CurrentAgreementOut(
        version=current.version,
        title=current.title,
        text=current.text,
        sha256=current.sha256,
        is_required=demands.is_required,
        needs_github=demands.needs_github,
        accepted_at=await queries.find_acceptance(
            ctx.tx, ctx.actor.by or ctx.actor.user_id, current.sha256
        ),
    )


@router.get(
    "/developer-agreements/{sha256}",
    operation_id="developer_agreements.get",
    response_model=DeveloperAgreementOut,
    responses=refusals(rules.AgreementNotFound),
)
async def get_text(ctx: PublicCtx, server: Server, sha256: Digest) -> Any:
    """Get an earlier developer agreement.

    For anybody: each text that somebody has accepted is kept.
    """
    return await queries.get_text(ctx.tx, server.demands.agreement, sha256)


@router.get("/users/me/developer-agreements", operation_id="developer_agreements.list")
async def list_accepted(ctx: Ctx) -> AgreementAcceptanceListOut:
    """List the developer agreements that you accepted.

    For signed-in users: which, and when.
    """
    rows = await queries.list_accepted(ctx.tx, ctx.actor.id)
    return AgreementAcceptanceListOut(
        items=[AgreementAcceptanceOut.model_validate(it) for it in rows]
    )


@router.post(
    "/users/me/developer-agreements",
    operation_id="developer_agreements.agree",
    status_code=201,
    dependencies=[Once],
    responses=refusals(rules.AgreementNotCurrent, IdempotencyKeyReused),
)
async def accept(
    ctx: Ctx, server: Server, body: AgreementAcceptanceCreate, response: Response
) -> AgreementAcceptanceOut:
    """Accept the developer agreement.

    For signed-in users who have read it, each in person, also where they act for an organisation.
    Name the version that you read: if there is another one by now, this is refused. It is kept
    which text you accepted, and when.
    """
    current = server.demands.agreement
    made = await service.accept(ctx, current, body.version)
    response.headers["Location"] = f"/v1/developer-agreements/{made.sha256}"
    return AgreementAcceptanceOut(
        version=current.version,
        title=current.title,
        sha256=made.sha256,
        accepted_at=made.accepted_at,
    )
