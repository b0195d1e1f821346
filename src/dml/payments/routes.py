"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from dml.accounts.queries import UserNotFound
from dml.accounts.rules import AdminsOnly
from dml.core.errors import NotSignedIn
from dml.core.ids import CreditId
from dml.edge.files import SendExport
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.payments import credits, exports, queries, rules, service
from dml.payments.models import Credit
from dml.payments.queries import Balance, Books
from dml.payments.rules import MoreThanCanExist
from dml.payments.schemas import (
    BalanceOut,
    BooksOut,
    CreditIn,
    CreditOut,
    CreditRefusalIn,
    CreditReversalIn,
    StatementWanted,
    TransferOut,
)

router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=StrictRoute)
admin_router = APIRouter(prefix="/v1/admin", tags=["admin"], route_class=IdempotentRoute)
CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {
                "example": "at,id,code,reference,counterparty,amount,balance\r\n"
                "2026-01-01T00:00:00+00:00,,opening_balance,,,,12.5\r\n"
            }
        }
    }
}


@router.get("/balance", response_model=BalanceOut)
async def get_balance(ctx: Ctx) -> Balance:
    """What you have: to spend, on its way in, and held by what is under way."""
    return await queries.get_balance(ctx.tx, ctx.actor.id)


@router.get("/transfers")
async def list_transfers(ctx: Ctx, paging: Paged) -> Page[TransferOut]:
    """Every transfer into or out of your wallet, newest first."""
    rows = await queries.list_transfers(
        ctx.tx, ctx.actor.id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(TransferOut, rows)


@router.get("/statement.csv", response_class=Response, responses=CSV | refusals(NotSignedIn))
async def export_statement(
    begin: SignedInBegin, wanted: Annotated[StatementWanted, Query()], send: SendExport
) -> Response:
    """Every transfer of your wallet as CSV, the oldest first, with the balance after each.

    It begins with the balance before the first. Safe to open in a spreadsheet.
    """
    async with begin() as ctx:
        user_id, since, until = ctx.actor.id, wanted.from_, wanted.until or ctx.now
        count = await queries.count_statement(ctx.tx, user_id, since=since, until=until)
    lines = exports.stream_statement(begin, user_id, since=since, until=until)
    # Transfers only come: so many of them, until now or until the same moment, are the same.
    version = f"{user_id} {since} {wanted.until} {count}"
    return send(lines, version=version, name="statement.csv")


@admin_router.get("/books", response_model=BooksOut, responses=refusals(AdminsOnly))
async def get_books(ctx: Ctx) -> Books:
    """What rests where in the whole ledger. The sum is zero, or the books are wrong."""
    return await service.read_books(ctx)


@admin_router.post(
    "/credits",
    status_code=201,
    response_model=CreditOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly,
        UserNotFound,
        MoreThanCanExist,
        rules.OwnCredit,
        rules.NotCovered,
        IdempotencyKeyReused,
    ),
)
async def credit(ctx: Ctx, server: Server, body: CreditIn) -> Credit:
    """Credit a user with tokens from outside. Audited.

    Where there is a chain, send as many to the vault first. Above a bound, alone or with what you
    credited in 24 hours, it waits as `requested` until another admin approves it, for seven days.
    """
    return await credits.credit(
        ctx,
        body.user_id,
        body.amount,
        reason=body.reason,
        alone_up_to=server.settings.second_admin_above,
    )


@admin_router.get("/credits", responses=refusals(AdminsOnly))
async def list_credits(ctx: Ctx, paging: Paged) -> Page[CreditOut]:
    """The credits that wait for a second admin, the oldest first."""
    rows = await credits.list_requested(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(CreditOut, rows)


@admin_router.get(
    "/credits/{credit_id}",
    response_model=CreditOut,
    responses=refusals(AdminsOnly, rules.CreditNotFound),
)
async def get_credit(ctx: Ctx, credit_id: CreditId) -> Credit:
    """One credit."""
    return await credits.get(ctx, credit_id)


@admin_router.post(
    "/credits/{credit_id}/approve",
    response_model=CreditOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly,
        MoreThanCanExist,
        rules.OwnCredit,
        rules.NotCovered,
        rules.CreditNotFound,
        rules.CreditExpired,
        rules.WrongCreditState,
        IdempotencyKeyReused,
    ),
)
async def approve_credit(ctx: Ctx, credit_id: CreditId) -> Credit:
    """Agree to a credit that another admin asked for, and that is not yours. Audited."""
    return await credits.approve(ctx, credit_id)


@admin_router.post(
    "/credits/{credit_id}/refuse",
    response_model=CreditOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly, rules.CreditNotFound, rules.WrongCreditState, IdempotencyKeyReused
    ),
)
async def refuse_credit(ctx: Ctx, credit_id: CreditId, body: CreditRefusalIn) -> Credit:
    """Call off a credit that waits for a second admin. Audited."""
    return await credits.refuse(ctx, credit_id, reason=body.reason)


@admin_router.post(
    "/credits/{credit_id}/reverse",
    response_model=CreditOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly,
        rules.CreditNotFound,
        rules.WrongCreditState,
        rules.MoreThanCredited,
        rules.SpentAlready,
        IdempotencyKeyReused,
    ),
)
async def reverse_credit(ctx: Ctx, credit_id: CreditId, body: CreditReversalIn) -> Credit:
    """Take a credit back that was a mistake, whole or in part, as far as it is there. Audited."""
    return await credits.reverse(ctx, credit_id, body.amount, reason=body.reason)
