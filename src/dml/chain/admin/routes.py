"""REST for admins: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Query

from dml.accounts.queries import UserNotFound
from dml.accounts.rules import AdminsOnly
from dml.chain.addresses import AddressIn
from dml.chain.admin.schemas import (
    AddressDenial,
    DeniedAddressOut,
    DeniedQuery,
    DepositAssignment,
    ReviewedWithdrawalOut,
    UnclaimedDepositOut,
    WithdrawalApproval,
    WithdrawalRefusal,
    WithdrawalToReviewOut,
    denied_page,
    unclaimed_out,
)
from dml.chain.deposits import service as deposit_service
from dml.chain.models import DeniedAddress, Withdrawal
from dml.chain.rules import DepositNotFound, NotDenied, WithdrawalNotFound, WrongDepositState
from dml.chain.wallets.rules import AddressDenied
from dml.chain.withdrawals import denying, service as withdrawal_service
from dml.chain.withdrawals.rules import ApprovedAlready, NotToReview, OwnWithdrawal
from dml.core.ids import DepositId, WithdrawalId
from dml.edge.http import Ctx, Server
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/admin", route_class=IdempotentRoute)


@router.get(
    "/withdrawals", operation_id="withdrawals.list_to_review", responses=refusals(AdminsOnly)
)
async def list_to_review(ctx: Ctx, paging: Paged) -> Page[WithdrawalToReviewOut]:
    """List the withdrawals that wait for a review.

    For admins, oldest first. They are paid only after an admin has approved them.
    """
    rows = await withdrawal_service.list_to_review(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(WithdrawalToReviewOut, rows)


@router.post(
    "/withdrawals/{withdrawal_id}/approve",
    operation_id="withdrawals.approve",
    response_model=ReviewedWithdrawalOut,
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
    ctx: Ctx, server: Server, withdrawal_id: WithdrawalId, body: WithdrawalApproval
) -> Withdrawal:
    """Approve a withdrawal.

    For admins, and not for their own: a withdrawal that waits for a review. It is paid with the
    next batch. A large one needs two admins: after the first approval it still waits, and
    `first_approved_by` says who gave it. It is written to the audit log.
    """
    return await withdrawal_service.approve(
        ctx,
        withdrawal_id,
        reason=body.reason,
        alone_up_to=server.settings.second_admin_above,
    )


@router.post(
    "/withdrawals/{withdrawal_id}/refuse",
    operation_id="withdrawals.refuse",
    response_model=ReviewedWithdrawalOut,
    dependencies=[Once],
    responses=refusals(AdminsOnly, WithdrawalNotFound, NotToReview, IdempotencyKeyReused),
)
async def refuse(ctx: Ctx, withdrawal_id: WithdrawalId, body: WithdrawalRefusal) -> Withdrawal:
    """Refuse a withdrawal.

    For admins: a withdrawal that waits for a review. Its amount and fee return to the user's
    balance, and the user reads the reason. It is written to the audit log.
    """
    return await withdrawal_service.refuse(ctx, withdrawal_id, reason=body.reason)


@router.get(
    "/denied-addresses", operation_id="denied_addresses.list", responses=refusals(AdminsOnly)
)
async def list_denied(ctx: Ctx, query: Annotated[DeniedQuery, Query()]) -> Page[DeniedAddressOut]:
    """List the denied addresses.

    For admins: the addresses on the chain that nothing is paid to, in the order of the addresses.
    """
    rows = await denying.list_denied(ctx, after=query.cursor, limit=query.limit)
    return denied_page(rows, query.limit)


@router.put(
    "/denied-addresses/{address}",
    operation_id="denied_addresses.set",
    response_model=DeniedAddressOut,
    responses=refusals(AdminsOnly),
)
async def deny(ctx: Ctx, address: AddressIn, body: AddressDenial) -> DeniedAddress:
    """Deny an address.

    For admins: nothing more is paid to this address. Withdrawals to it that were already requested
    wait for a review. If the address is denied already, the reason is replaced. It is written to
    the audit log.
    """
    return await denying.deny(ctx, address, reason=body.reason)


@router.delete(
    "/denied-addresses/{address}",
    operation_id="denied_addresses.delete",
    status_code=204,
    responses=refusals(AdminsOnly, NotDenied),
)
async def allow(ctx: Ctx, address: AddressIn) -> None:
    """Allow a denied address again.

    For admins: the address is no longer denied. Withdrawals to it that wait for a review still do.
    It is written to the audit log.
    """
    await denying.allow(ctx, address)


@router.get(
    "/deposits/unclaimed", operation_id="deposits.list_unclaimed", responses=refusals(AdminsOnly)
)
async def list_unclaimed(ctx: Ctx, paging: Paged) -> Page[UnclaimedDepositOut]:
    """List the deposits that name no user.

    For admins, oldest first: deposits that are final, and that carry an id of no user.
    """
    rows = await deposit_service.list_unclaimed(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(UnclaimedDepositOut, [unclaimed_out(*row) for row in rows])


@router.post(
    "/deposits/{deposit_id}/assign",
    operation_id="deposits.assign",
    response_model=UnclaimedDepositOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly, DepositNotFound, UserNotFound, WrongDepositState, IdempotencyKeyReused
    ),
)
async def assign(ctx: Ctx, deposit_id: DepositId, body: DepositAssignment) -> UnclaimedDepositOut:
    """Assign an unclaimed deposit to a user.

    For admins: credits the user with a deposit that names no user. It is written to the audit log.
    """
    assigned = await deposit_service.assign(ctx, deposit_id, body.user_id, reason=body.reason)
    return unclaimed_out(*assigned)
