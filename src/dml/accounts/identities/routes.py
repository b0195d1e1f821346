"""REST of identities: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from fastapi import APIRouter, Depends

from dml.accounts.identities import queries, rules, service
from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.identities.schemas import IdentityOut, IdentityRevoke, identity_out
from dml.accounts.openid.late import TheOpenid
from dml.core.ids import IdentityId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.limits import at_most
from dml.edge.paging import Page, Paging
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/users/me/identities", route_class=StrictRoute)
limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))


async def _require_proof(server: Server, begin: SignedInBegin, body: IdentityRevoke) -> None:
    await reauthenticate(server, begin, body.proof)


@router.get("", operation_id="identities.list")
async def list_identities(ctx: Ctx, openid: TheOpenid) -> Page[IdentityOut]:
    """List your ways to sign in.

    For signed-in users: oldest first. They always fit on one page.
    """
    rows = await queries.list_identities(ctx.tx, ctx.actor.id)
    shown = [identity_out(it, openid.providers) for it in rows]
    return Paging(limit=queries.IDENTITIES_MAX).page(IdentityOut, shown)


@router.post(
    "/{identity_id}/revoke",
    operation_id="identities.revoke",
    status_code=204,
    dependencies=[limit, Depends(_require_proof)],
    responses=refusals(
        rules.IdentityNotFound,
        rules.LastIdentity,
        *PROOF_REFUSALS,
    ),
)
async def revoke(ctx: Ctx, identity_id: IdentityId, body: IdentityRevoke) -> None:
    """Revoke a way to sign in.

    For signed-in users, with a proof of who they are. Nobody signs in by it any more; sessions that
    are open stay. The last way to sign in cannot be revoked. A mail to your address says so.
    """
    await service.revoke_mine(ctx, identity_id)
