"""REST of withdrawals: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from dml.accounts.rules import TooManyPasswords
from dml.accounts.sessions import FREE_GUESSES_KNOWN
from dml.chain import queries, wallet_rules, withdrawal_rules, withdrawing
from dml.chain.models import Withdrawal
from dml.chain.rules import NotConnected, WithdrawalNotFound, WrongWithdrawalState
from dml.chain.withdrawal_rules import Terms
from dml.chain.withdrawal_schemas import (
    TermsOut,
    WithdrawalIn,
    WithdrawalOut,
    WithdrawalShownOut,
    WithdrawalsWanted,
    shown_out,
    terms_out,
)
from dml.core import audit
from dml.core.context import Context
from dml.core.ids import WithdrawalId
from dml.core.settings import Settings
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once, once
from dml.edge.limits import TooManyTries, at_most, count_try, guess
from dml.edge.paging import Page
from dml.edge.problems import refusals
from dml.edge.timeline import TimelineOut, UpcomingActionOut, timeline
from dml.payments.rules import InsufficientFunds

router = APIRouter(
    prefix="/v1/payments/withdrawals", tags=["payments"], route_class=IdempotentRoute
)
ASKING: Final = (
    withdrawal_rules.WrongPassword,
    withdrawal_rules.FeeRose,
    withdrawal_rules.LessThanLeast,
    withdrawal_rules.AboveVaultLimit,
    withdrawal_rules.WithdrawalsOfDayUsed,
    withdrawal_rules.AmountOfDayUsed,
)


async def _check_password(server: Server, begin: SignedInBegin, body: WithdrawalIn) -> None:
    """Check the password before the request's own transaction opens: to hash it takes long."""
    user = await withdrawing.get_asking(begin)
    await count_try(server, f"withdraw:{user.id}", server.settings.withdrawal_tries_a_minute)
    async with guess(server, f"withdraw:{user.id}", free=FREE_GUESSES_KNOWN):
        await withdrawing.require_password(user, body.password)


async def _timeline(ctx: Context, settings: Settings, withdrawal: Withdrawal) -> TimelineOut:
    vault = await queries.find_current_vault(ctx.tx)
    stands_still = withdrawal_rules.stands_still(vault, ctx.now) is not None
    ahead = withdrawal_rules.upcoming(withdrawal, Terms.of(settings), stands_still=stands_still)
    entries = await audit.history(ctx.tx, withdrawal.reference)
    coming = [UpcomingActionOut(action=action, at=at) for action, at in ahead]
    return timeline(ctx.actor, withdrawal.user_id, entries, coming)


@router.get("/terms", responses=refusals(NotConnected))
async def get_terms(ctx: Ctx, server: Server) -> TermsOut:
    """What a withdrawal costs, what you may still withdraw today, and roughly when it goes."""
    vault = await queries.get_current_vault(ctx.tx)
    recent = await queries.get_recent(ctx.tx, ctx.actor.id, ctx.now)
    return terms_out(Terms.of(server.settings), vault, recent, ctx.now)


@router.post(
    "",
    status_code=201,
    response_model=WithdrawalOut,
    dependencies=[
        Depends(at_most("withdraw", lambda settings: settings.sign_ins_a_minute)),
        Depends(_check_password),
        once("password"),
    ],
    responses=refusals(
        *ASKING,
        NotConnected,
        InsufficientFunds,
        wallet_rules.WalletNotFound,
        wallet_rules.AddressDenied,
        wallet_rules.NobodysAddress,
        IdempotencyKeyReused,
        TooManyPasswords,
        TooManyTries,
    ),
)
async def request(ctx: Ctx, server: Server, body: WithdrawalIn, response: Response) -> Withdrawal:
    """Ask for a withdrawal to a linked wallet. What it takes is set aside at once."""
    withdrawal = await withdrawing.request(
        ctx,
        Terms.of(server.settings),
        wallet_id=body.wallet_id,
        amount=body.amount,
        max_fee=body.max_fee,
        memo=body.memo,
    )
    response.headers["Location"] = f"/v1/payments/withdrawals/{withdrawal.id}"
    return withdrawal


@router.get("")
async def list_withdrawals(
    ctx: Ctx, wanted: Annotated[WithdrawalsWanted, Query()]
) -> Page[WithdrawalOut]:
    """Your withdrawals, newest first."""
    rows = await queries.list_withdrawals(
        ctx.tx, ctx.actor.id, state=wanted.state, after=wanted.cursor, limit=wanted.limit
    )
    return wanted.page(WithdrawalOut, rows)


@router.get("/{withdrawal_id}", responses=refusals(WithdrawalNotFound))
async def get_withdrawal(
    ctx: Ctx, server: Server, withdrawal_id: WithdrawalId
) -> WithdrawalShownOut:
    """One withdrawal: how far it is on the chain, what happened to it, and what is next."""
    withdrawal = await queries.get_my_withdrawal(ctx.tx, ctx.actor, withdrawal_id)
    way = await queries.get_way(ctx.tx, withdrawal)
    return shown_out(withdrawal, way, await _timeline(ctx, server.settings, withdrawal))


@router.get("/{withdrawal_id}/timeline", responses=refusals(WithdrawalNotFound))
async def get_timeline(ctx: Ctx, server: Server, withdrawal_id: WithdrawalId) -> TimelineOut:
    """What happened to a withdrawal, and what is next."""
    withdrawal = await queries.get_my_withdrawal(ctx.tx, ctx.actor, withdrawal_id)
    return await _timeline(ctx, server.settings, withdrawal)


@router.post(
    "/{withdrawal_id}/cancel",
    response_model=WithdrawalOut,
    dependencies=[Once],
    responses=refusals(WithdrawalNotFound, WrongWithdrawalState, IdempotencyKeyReused),
)
async def cancel(ctx: Ctx, withdrawal_id: WithdrawalId) -> Withdrawal:
    """Take a withdrawal back, while it is `requested`: amount and fee return to your balance."""
    return await withdrawing.cancel(ctx, withdrawal_id)
