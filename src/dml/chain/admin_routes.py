"""REST for admins: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Query

from dml.accounts.queries import UserNotFound
from dml.accounts.rules import AdminsOnly
from dml.chain import claiming, denying, withdrawing
from dml.chain.addresses import AddressIn
from dml.chain.admin_schemas import (
    ApprovalIn,
    AssignmentIn,
    DenialIn,
    DeniedOut,
    DeniedPage,
    DeniedWanted,
    RefusalIn,
    ReviewOut,
    UnclaimedOut,
    denied_page,
    unclaimed_out,
)
from dml.chain.models import DeniedAddress, Withdrawal
from dml.chain.rules import DepositNotFound, NotDenied, WithdrawalNotFound, WrongDepositState
from dml.chain.wallet_rules import AddressDenied
from dml.chain.withdrawal_rules import ApprovedAlready, NotToReview, OwnWithdrawal
from dml.core.ids import DepositId, WithdrawalId
from dml.edge.http import Ctx, Server
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=IdempotentRoute)


@router.get("/withdrawals", responses=refusals(AdminsOnly))
async def list_to_review(ctx: Ctx, paging: Paged) -> Page[ReviewOut]:
    """The withdrawals that wait for a review, the oldest first."""
    rows = await withdrawing.list_to_review(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(ReviewOut, rows)


@router.post(
    "/withdrawals/{withdrawal_id}/approve",
    response_model=ReviewOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly,
        WithdrawalNotFound,
        NotToReview,
        OwnWithdrawal,
        ApprovedAlready,
        AddressDenied,
        IdempotencyKeyReused,
    ),
)
async def approve(
    ctx: Ctx, server: Server, withdrawal_id: WithdrawalId, body: ApprovalIn
) -> Withdrawal:
    """Let a withdrawal go that waits for a review, and is not yours. Audited.

    A large one goes by the word of two admins: after the first, `first_approved_by` says whose.
    """
    return await withdrawing.approve(
        ctx,
        withdrawal_id,
        reason=body.reason,
        alone_up_to=server.settings.second_admin_above,
    )


@router.post(
    "/withdrawals/{withdrawal_id}/refuse",
    response_model=ReviewOut,
    dependencies=[Once],
    responses=refusals(AdminsOnly, WithdrawalNotFound, NotToReview, IdempotencyKeyReused),
)
async def refuse(ctx: Ctx, withdrawal_id: WithdrawalId, body: RefusalIn) -> Withdrawal:
    """Call off a withdrawal that waits for a review: its tokens return. Audited."""
    return await withdrawing.refuse(ctx, withdrawal_id, reason=body.reason)


@router.get("/denied-addresses", responses=refusals(AdminsOnly))
async def list_denied(ctx: Ctx, wanted: Annotated[DeniedWanted, Query()]) -> DeniedPage:
    """The addresses that nothing is paid to."""
    rows = await denying.list_denied(ctx, after=wanted.cursor, limit=wanted.limit)
    return denied_page(rows, wanted.limit)


@router.put("/denied-addresses/{address}", response_model=DeniedOut, responses=refusals(AdminsOnly))
async def deny(ctx: Ctx, address: AddressIn, body: DenialIn) -> DeniedAddress:
    """Have nothing paid to an address. What is asked for already waits for a review. Audited."""
    return await denying.deny(ctx, address, reason=body.reason)


@router.delete(
    "/denied-addresses/{address}", status_code=204, responses=refusals(AdminsOnly, NotDenied)
)
async def allow(ctx: Ctx, address: AddressIn) -> None:
    """Take an address off the deny list. Audited."""
    await denying.allow(ctx, address)


@router.get("/deposits/unclaimed", responses=refusals(AdminsOnly))
async def list_unclaimed(ctx: Ctx, paging: Paged) -> Page[UnclaimedOut]:
    """Final deposits that name nobody, the oldest first."""
    rows = await claiming.list_unclaimed(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(UnclaimedOut, [unclaimed_out(*row) for row in rows])


@router.post(
    "/deposits/{deposit_id}/assign",
    response_model=UnclaimedOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly, DepositNotFound, UserNotFound, WrongDepositState, IdempotencyKeyReused
    ),
)
async def assign(ctx: Ctx, deposit_id: DepositId, body: AssignmentIn) -> UnclaimedOut:
    """Credit a user with a deposit that names nobody. Audited."""
    assigned = await claiming.assign(ctx, deposit_id, body.user_id, reason=body.reason)
    return unclaimed_out(*assigned)
