"""REST of an organisation's money: parse, call one function, shape the answer."""

from fastapi import APIRouter, Depends

from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate_once
from dml.accounts.organisations import rules as organisation_rules
from dml.core.ids import UserId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, KeyHeader, once
from dml.edge.limits import at_most
from dml.edge.problems import refusals
from dml.payments.organisations import service
from dml.payments.organisations.schemas import ContributionOut, MoneyMoved
from dml.payments.organisations.service import Contribution
from dml.payments.rules import InsufficientFunds

router = APIRouter(prefix="/v1/organisations/{organisation_id}", route_class=IdempotentRoute)


async def _require_proof(
    server: Server, begin: SignedInBegin, body: MoneyMoved, key: KeyHeader = None
) -> None:
    await reauthenticate_once(server, begin, body.proof, key)


PROVEN = [
    Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute)),
    Depends(_require_proof),
    once("proof"),
]
REFUSALS = (
    organisation_rules.OrganisationNotFound,
    organisation_rules.OrganisationSuspended,
    InsufficientFunds,
    *PROOF_REFUSALS,
    IdempotencyKeyReused,
)


@router.post(
    "/contributions",
    operation_id="contributions.create",
    status_code=201,
    response_model=ContributionOut,
    dependencies=PROVEN,
    responses=refusals(*REFUSALS),
)
async def contribute(ctx: Ctx, organisation_id: UserId, body: MoneyMoved) -> Contribution:
    """Put tokens into an organisation.

    For its members, with a proof of who they are: from your own balance into its balance.
    """
    return await service.contribute(ctx, organisation_id, body.amount)


@router.post(
    "/distributions",
    operation_id="distributions.create",
    status_code=201,
    response_model=ContributionOut,
    dependencies=PROVEN,
    responses=refusals(*REFUSALS, organisation_rules.OwnersOnly),
)
async def distribute(ctx: Ctx, organisation_id: UserId, body: MoneyMoved) -> Contribution:
    """Take tokens out of an organisation.

    For its owners, with a proof of who they are: from its balance into your own, from which you
    withdraw them as ever.
    """
    return await service.distribute(ctx, organisation_id, body.amount)
