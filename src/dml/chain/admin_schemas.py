"""Shapes on the wire, of what admins decide."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import Field

from dml.chain.addresses import AddressIn
from dml.chain.deposit_schemas import DepositOut, deposit_out
from dml.chain.models import DeniedAddress, Deposit, Vault
from dml.chain.withdrawal_schemas import WithdrawalOut
from dml.core.db import PAGE_MAX
from dml.core.ids import UserId
from dml.core.wire import Body, Parameters, Text, Wire, example


class ReviewOut(WithdrawalOut):
    """A withdrawal, whose it is, and which of two admins has approved it."""

    user_id: UserId
    first_approved_by: UserId | None
    first_approved_at: datetime | None


class ApprovalIn(Body):
    model_config = example(reason="The wallet is known.")

    reason: Text | None = Field(None, max_length=2_000, description="Its user reads it.")


class RefusalIn(Body):
    model_config = example(reason="The account was reported as stolen.")

    reason: Text = Field(max_length=2_000, description="Its user reads it.")


class DenialIn(Body):
    model_config = example(reason="It is on a list of stolen wallets.")

    reason: Text = Field(max_length=2_000, description="For admins alone.")


class DeniedOut(Wire):
    address: str = Field(examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"])
    reason: str
    denied_by: UserId | None
    denied_at: datetime


class DeniedWanted(Parameters):
    limit: int = Field(20, ge=1, le=PAGE_MAX)
    cursor: AddressIn | None = None


class DeniedPage(Wire):
    items: list[DeniedOut]
    next_cursor: str | None


class UnclaimedOut(DepositOut):
    """A deposit that belongs to nobody, and whom it names."""

    named: UUID = Field(description="The 16 bytes that it carries: no user has that id.")


class AssignmentIn(Body):
    model_config = example(
        user_id="01987c1e-0000-7000-8000-000000000001",
        reason="They showed the transaction in a signed message.",
    )

    user_id: UserId = Field(description="Whose it is.")
    reason: Text = Field(max_length=2_000, description="How you know: kept in the audit log.")


def denied_page(rows: Sequence[DeniedAddress], limit: int) -> DeniedPage:
    """Make the page of what was read with one row beyond the limit."""
    items = [DeniedOut.model_validate(it) for it in rows[:limit]]
    return DeniedPage(items=items, next_cursor=items[-1].address if len(rows) > limit else None)


def unclaimed_out(deposit: Deposit, vault: Vault) -> UnclaimedOut:
    return UnclaimedOut(**dict(deposit_out(deposit, vault)), named=deposit.named)
