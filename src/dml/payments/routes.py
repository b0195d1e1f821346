"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from dml.accounts.queries import UserNotFound
from dml.accounts.rules import AdminsOnly
from dml.core.errors import NotSignedIn
from dml.core.ids import CreditId, UserId
from dml.edge.files import SendExport
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page, Paged
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.payments import credits, exports, queries, rules, service
from dml.payments.models import Credit
from dml.payments.queries import Balance, Books, UserBooks
from dml.payments.rules import MoreThanCanExist
from dml.payments.schemas import (
    BalanceOut,
    BooksOut,
    CreditCreate,
    CreditOut,
    CreditRefusal,
    CreditReversal,
    CreditToApproveOut,
    StatementQuery,
    TransferOut,
    UserBooksOut,
)

router = APIRouter(prefix="/v1/payments", route_class=StrictRoute)
admin_router = APIRouter(prefix="/v1/admin", route_class=IdempotentRoute)
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


@router.get("/balance", operation_id="balance.get", response_model=BalanceOut)
async def get_balance(ctx: Ctx) -> Balance:
    """Get your balance.

    For signed-in users: the tokens that you can spend, those that are on their way in, and those
    that your running jobs, bounties and withdrawals hold.
    """
    return await queries.get_balance(ctx.tx, ctx.actor.id)


@router.get("/transfers", operation_id="transfers.list")
async def list_transfers(ctx: Ctx, paging: Paged) -> Page[TransferOut]:
    """List your transfers.

    For signed-in users: every movement of tokens into and out of your balance, newest first.
    """
    rows = await queries.list_transfers(
        ctx.tx, ctx.actor.id, after=paging.cursor, limit=paging.limit
    )
    return paging.page(TransferOut, rows)


@router.get(
    "/statement.csv",
    operation_id="transfers.export",
    response_class=Response,
    responses=CSV | refusals(NotSignedIn),
)
async def export_statement(
    begin: SignedInBegin, query: Annotated[StatementQuery, Query()], send: SendExport
) -> Response:
    """Export your transfers as CSV.

    For signed-in users: every transfer into and out of your balance in a period, oldest first, with
    the balance after each. The first row is the balance before the period (`opening_balance`).
    Cells are safe to open in a spreadsheet.
    """
    async with begin() as ctx:
        user_id, since, until = ctx.actor.id, query.from_, query.until or ctx.now
        count = await queries.count_statement(ctx.tx, user_id, since=since, until=until)
    lines = exports.stream_statement(begin, user_id, since=since, until=until)
    # Transfers only come: so many of them, until now or until the same moment, are the same.
    version = f"{user_id} {since} {query.until} {count}"
    return send(lines, version=version, name="statement.csv")


@admin_router.get(
    "/books", operation_id="books.get", response_model=BooksOut, responses=refusals(AdminsOnly)
)
async def get_books(ctx: Ctx) -> Books:
    """Get the sums of the whole ledger.

    For admins: how many tokens rest in each kind of account. Every transfer takes from one account
    what it gives to another, so `sum` is zero; any other value is a fault in the ledger.
    """
    return await service.read_books(ctx)


@admin_router.get(
    "/users/{user_id}/books",
    operation_id="books.get_of_user",
    response_model=UserBooksOut,
    responses=refusals(AdminsOnly, UserNotFound),
)
async def get_books_of_user(ctx: Ctx, user_id: UserId) -> UserBooks:
    """Get what a user owns.

    For admins: the user's balance, each account of theirs that holds tokens, and their last
    transfers.
    """
    return await service.read_books_of_user(ctx, user_id)


@admin_router.post(
    "/credits",
    operation_id="credits.create",
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
async def credit(ctx: Ctx, server: Server, body: CreditCreate) -> Credit:
    """Credit a user with tokens.

    For admins, and not for themselves: for tokens that were paid outside this system. If a chain is
    connected, send as many tokens to the vault first. A credit that exceeds the operator's limit,
    alone or with your other credits of the last 24 hours, stays `requested` until another admin
    approves it, for at most seven days. It is written to the audit log.
    """
    return await credits.credit(
        ctx,
        body.user_id,
        body.amount,
        reason=body.reason,
        alone_up_to=server.settings.second_admin_above,
    )


@admin_router.get("/credits", operation_id="credits.list", responses=refusals(AdminsOnly))
async def list_credits(ctx: Ctx, paging: Paged) -> Page[CreditToApproveOut]:
    """List the credits that wait for a second admin.

    For admins, oldest first. A credit that waited for seven days is no longer listed.
    """
    rows = await credits.list_requested(ctx, after=paging.cursor, limit=paging.limit)
    return paging.page(CreditToApproveOut, rows)


@admin_router.get(
    "/credits/{credit_id}",
    operation_id="credits.get",
    response_model=CreditOut,
    responses=refusals(AdminsOnly, rules.CreditNotFound),
)
async def get_credit(ctx: Ctx, credit_id: CreditId) -> Credit:
    """Get a credit.

    For admins: how much was credited to whom and why, who asked for it and who decided.
    """
    return await credits.get(ctx, credit_id)


@admin_router.post(
    "/credits/{credit_id}/approve",
    operation_id="credits.approve",
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
    """Approve a credit.

    For admins: a credit that is `requested`, that another admin asked for, and that is not for
    yourself. The tokens reach the user's balance at once. It is written to the audit log.
    """
    return await credits.approve(ctx, credit_id)


@admin_router.post(
    "/credits/{credit_id}/refuse",
    operation_id="credits.refuse",
    response_model=CreditOut,
    dependencies=[Once],
    responses=refusals(
        AdminsOnly, rules.CreditNotFound, rules.WrongCreditState, IdempotencyKeyReused
    ),
)
async def refuse_credit(ctx: Ctx, credit_id: CreditId, body: CreditRefusal) -> Credit:
    """Refuse a credit.

    For admins, also for the one who asked for it: a credit that is `requested`. No tokens move.
    It is written to the audit log.
    """
    return await credits.refuse(ctx, credit_id, reason=body.reason)


@admin_router.post(
    "/credits/{credit_id}/reverse",
    operation_id="credits.reverse",
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
async def reverse_credit(ctx: Ctx, credit_id: CreditId, body: CreditReversal) -> Credit:
    """Take back a credit.

    For admins: for a credit that was a mistake, all of it or a part. It is refused if the user's
    balance no longer holds as much. It is written to the audit log.
    """
    return await credits.reverse(ctx, credit_id, body.amount, reason=body.reason)
