"""A user's statement as CSV, transfer after transfer, however many there are."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from dml.core import money
from dml.core.context import BeginFunction
from dml.core.ids import UserId
from dml.core.money import MicroTokens
from dml.edge.spreadsheets import as_csv
from dml.payments import queries
from dml.payments.models import Transfer
from dml.payments.queries import STATEMENT_ROWS_MAX
from dml.payments.rules import wallet

COLUMNS: Final = ("at", "id", "code", "reference", "counterparty", "amount", "balance")


async def stream_statement(
    begin: BeginFunction, user_id: UserId, *, since: datetime | None, until: datetime
) -> AsyncIterator[str]:
    """Yield a statement in parts, each of a transaction that ends before it is sent."""
    account, after = wallet(user_id), None
    async with begin() as ctx:
        balance = await queries.get_wallet_balance_at(ctx.tx, user_id, since)
    opened = since.isoformat() if since else None
    yield as_csv([COLUMNS, (opened, None, "opening_balance", None, None, None, _number(balance))])
    rows = await _read(begin, user_id, since, until, after)
    while rows:
        lines = []
        for it in rows:
            balance = MicroTokens(balance + _change(account, it))
            lines.append(_cells(account, it, balance))
        yield as_csv(lines)
        rows = await _read(begin, user_id, since, until, rows[-1].id)


async def _read(
    begin: BeginFunction,
    user_id: UserId,
    since: datetime | None,
    until: datetime,
    after: UUID | None,
) -> list[Transfer]:
    async with begin() as ctx:
        rows = await queries.list_statement(
            ctx.tx, user_id, since=since, until=until, after=after, limit=STATEMENT_ROWS_MAX
        )
    return list(rows)


def _change(account: str, transfer: Transfer) -> MicroTokens:
    """What the wallet gained or, below zero, gave."""
    return transfer.amount if transfer.target == account else MicroTokens(-transfer.amount)


def _cells(account: str, transfer: Transfer, balance: MicroTokens) -> tuple[object, ...]:
    other = transfer.source if transfer.target == account else transfer.target
    return (
        transfer.created_at.isoformat(),
        transfer.id,
        transfer.code.value,
        transfer.reference,
        other.partition(":")[0],  # Its kind: whose it is, is not told.
        _number(_change(account, transfer)),
        _number(balance),
    )


def _number(amount: MicroTokens) -> Decimal:
    """An amount as a number: a spreadsheet would run a text that begins with a minus."""
    return Decimal(money.render(amount))
