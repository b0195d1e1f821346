"""REST of personal access tokens: parse, call one function, shape the answer."""

from fastapi import APIRouter, Depends

from dml.accounts.identities.reauthentication import PROOF_REFUSALS
from dml.accounts.tokens import proving, queries, rules, service
from dml.accounts.tokens.schemas import TokenCreate, TokenOut, TokenWithSecretOut
from dml.core.ids import TokenId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.limits import at_most
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/users/me/tokens", route_class=StrictRoute)
limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))


async def _require_proof(server: Server, begin: SignedInBegin, body: TokenCreate) -> None:
    await proving.require_proof(server, begin, body)


# Without an Idempotency-Key: an answer that is kept to be repeated would keep the secret.
@router.post(
    "",
    operation_id="tokens.create",
    status_code=201,
    dependencies=[limit, Depends(_require_proof)],
    responses=refusals(rules.TooManyTokens, rules.ProofNeeded, *PROOF_REFUSALS),
)
async def create(ctx: Ctx, body: TokenCreate) -> TokenWithSecretOut:
    """Create a personal access token.

    For who has signed in, and for no other such token; where it may do more than read, with a proof
    of who you are. A program sends it as `Authorization: Bearer …`, and may do what its scopes name
    until it expires or is revoked. It is shown this once: if the answer is lost, revoke it and
    create another.
    """
    return TokenWithSecretOut.of(
        await service.create(ctx, name=body.name, scopes=body.scopes, days=body.days)
    )


@router.get("", operation_id="tokens.list")
async def list_mine(ctx: Ctx, paging: Paged) -> Page[TokenOut]:
    """List your personal access tokens.

    For signed-in users: newest first, without their secrets. One that has expired is listed for a
    month.
    """
    rows = await queries.list_tokens(ctx.tx, ctx.actor.id, after=paging.cursor, limit=paging.limit)
    return paging.page(TokenOut, rows)


@router.delete(
    "/{token_id}",
    operation_id="tokens.revoke",
    status_code=204,
    responses=refusals(rules.TokenNotFound),
)
async def revoke(ctx: Ctx, token_id: TokenId) -> None:
    """Revoke a personal access token.

    For the user who created it. It stops working at once.
    """
    await service.revoke(ctx, token_id)
