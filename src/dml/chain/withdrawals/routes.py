"""REST of withdrawals: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate_once
from dml.chain import queries
from dml.chain.models import Withdrawal
from dml.chain.rules import NotConnected, WithdrawalNotFound, WrongWithdrawalState
from dml.chain.wallets import rules as wallet_rules
from dml.chain.withdrawals import rules as withdrawal_rules, service as withdrawal_service
from dml.chain.withdrawals.rules import WithdrawalTerms
from dml.chain.withdrawals.schemas import (
    WithdrawalCreate,
    WithdrawalDetailsOut,
    WithdrawalOut,
    WithdrawalsQuery,
    WithdrawalTermsOut,
    shown_out,
    terms_out,
)
from dml.core import event_log
from dml.core.context import Context
from dml.core.ids import WithdrawalId
from dml.core.settings import Settings
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, KeyHeader, Once, once
from dml.edge.limits import at_most
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline
from dml.payments.rules import InsufficientFunds

router = APIRouter(prefix="/v1/payments/withdrawals", route_class=IdempotentRoute)
REQUEST_REFUSALS: Final = (
    *PROOF_REFUSALS,
    withdrawal_rules.FeeRose,
    withdrawal_rules.LessThanLeast,
    withdrawal_rules.AboveVaultLimit,
    withdrawal_rules.WithdrawalsOfDayUsed,
    withdrawal_rules.AmountOfDayUsed,
)


async def _require_proof(
    server: Server, begin: SignedInBegin, body: WithdrawalCreate, idempotency_key: KeyHeader = None
) -> None:
    await reauthenticate_once(server, begin, body.proven_by, idempotency_key)


async def _timeline(ctx: Context, settings: Settings, withdrawal: Withdrawal) -> TimelineOut:
    vault = await queries.find_current_vault(ctx.tx)
    is_paused = withdrawal_rules.paused_reason(vault, ctx.now) is not None
    ahead = withdrawal_rules.upcoming(withdrawal, WithdrawalTerms.of(settings), is_paused=is_paused)
    entries = await event_log.history(ctx.tx, withdrawal.reference)
    coming = [UpcomingActionOut(action=action, at=at) for action, at in ahead]
    return timeline(ctx.actor, withdrawal.user_id, entries, coming)


@router.get("/terms", operation_id="withdrawals.get_terms", responses=refusals(NotConnected))
async def get_terms(ctx: Ctx, server: Server) -> WithdrawalTermsOut:
    """Get the terms of withdrawals.

    For signed-in users: what a withdrawal costs, how much you can still withdraw within 24 hours,
    and how soon it is paid.
    """
    vault = await queries.get_current_vault(ctx.tx)
    recent = await queries.get_recent(ctx.tx, ctx.actor.id, ctx.now)
    return terms_out(WithdrawalTerms.of(server.settings), vault, recent, ctx.now)


@router.post(
    "",
    operation_id="withdrawals.create",
    status_code=201,
    response_model=WithdrawalOut,
    dependencies=[
        Depends(at_most("withdraw", lambda settings: settings.sign_ins_a_minute)),
        Depends(_require_proof),
        once("password", "proof"),
    ],
    responses=refusals(
        *REQUEST_REFUSALS,
        NotConnected,
        InsufficientFunds,
        wallet_rules.WalletNotFound,
        wallet_rules.AddressDenied,
        wallet_rules.NobodysAddress,
        IdempotencyKeyReused,
    ),
)
async def request(
    ctx: Ctx, server: Server, body: WithdrawalCreate, response: Response
) -> Withdrawal:
    """Create a withdrawal.

    For signed-in users, with a proof of who they are: pays tokens to one of your linked wallets.
    Amount and fee leave your balance at once. The withdrawal is paid with others in one batch; a
    large one waits until an admin has approved it.
    """
    withdrawal = await withdrawal_service.request(
        ctx,
        WithdrawalTerms.of(server.settings),
        wallet_id=body.wallet_id,
        amount=body.amount,
        max_fee=body.max_fee,
        memo=body.memo,
    )
    response.headers["Location"] = f"/v1/payments/withdrawals/{withdrawal.id}"
    return withdrawal


@router.get("", operation_id="withdrawals.list")
async def list_withdrawals(
    ctx: Ctx, query: Annotated[WithdrawalsQuery, Query()]
) -> Page[WithdrawalOut]:
    """List your withdrawals.

    For signed-in users: newest first.
    """
    rows = await queries.list_withdrawals(
        ctx.tx, ctx.actor.id, state=query.state, after=query.cursor, limit=query.limit
    )
    return query.page(WithdrawalOut, rows)


@router.get(
    "/{withdrawal_id}", operation_id="withdrawals.get", responses=refusals(WithdrawalNotFound)
)
async def get_withdrawal(
    ctx: Ctx, server: Server, withdrawal_id: WithdrawalId
) -> WithdrawalDetailsOut:
    """Get a withdrawal of yours.

    For its user: the withdrawal, its batch, its transactions on the chain, and its timeline.
    """
    withdrawal = await queries.get_my_withdrawal(ctx.tx, ctx.actor, withdrawal_id)
    way = await queries.get_way(ctx.tx, withdrawal)
    return shown_out(withdrawal, way, await _timeline(ctx, server.settings, withdrawal))


@router.get(
    "/{withdrawal_id}/timeline",
    operation_id="withdrawals.get_timeline",
    responses=refusals(WithdrawalNotFound),
)
async def get_timeline(ctx: Ctx, server: Server, withdrawal_id: WithdrawalId) -> TimelineOut:
    """Get a withdrawal's timeline.

    For its user: what happened to the withdrawal, and what happens next.
    """
    withdrawal = await queries.get_my_withdrawal(ctx.tx, ctx.actor, withdrawal_id)
    return await _timeline(ctx, server.settings, withdrawal)


@router.post(
    "/{withdrawal_id}/cancel",
    operation_id="withdrawals.cancel",
    response_model=WithdrawalOut,
    dependencies=[Once],
    responses=refusals(WithdrawalNotFound, WrongWithdrawalState, IdempotencyKeyReused),
)
async def cancel(ctx: Ctx, withdrawal_id: WithdrawalId) -> Withdrawal:
    """Cancel a withdrawal.

    For its user, while it is `requested`: amount and fee return to your balance.
    """
    return await withdrawal_service.cancel(ctx, withdrawal_id)
