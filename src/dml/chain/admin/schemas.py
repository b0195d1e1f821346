"""Shapes on the wire, of what admins decide."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import Field

from dml.accounts.schemas import PublicName
from dml.chain.addresses import AddressIn
from dml.chain.deposits.schemas import DepositOut, deposit_out
from dml.chain.models import DeniedAddress, Deposit, Vault
from dml.chain.withdrawals.schemas import WithdrawalOut
from dml.core.db import PAGE_MAX
from dml.core.ids import UserId
from dml.core.wire import Body, Parameters, Prose, Wire, example
from dml.edge.paging import CURSOR, LIMIT, Page


class ReviewedWithdrawalOut(WithdrawalOut):
    """A withdrawal, as admins see it."""

    user_id: UserId = Field(description="The user who asked for the withdrawal.")
    first_approved_by: UserId | None = Field(
        description="The first of two admins who have to approve it; `null` if none has, or if one "
        "admin is enough."
    )
    first_approved_at: datetime | None = Field(
        description="When the first of two admins approved it."
    )


class WithdrawalToReviewOut(ReviewedWithdrawalOut):
    """A withdrawal that waits for a review, with whose it is and who approved it first."""

    user_name: PublicName
    first_approved_by_name: PublicName


class WithdrawalApproval(Body):
    model_config = example(reason="The wallet is known.")

    reason: Prose | None = Field(
        None,
        max_length=2_000,
        description="Why it is approved. The user can read it, and it is kept in the audit log.",
    )


class WithdrawalRefusal(Body):
    model_config = example(reason="The account was reported as stolen.")

    reason: Prose = Field(
        max_length=2_000,
        description="Why it is refused. The user can read it, and it is kept in the audit log.",
    )


class AddressDenial(Body):
    model_config = example(reason="It is on a list of stolen wallets.")

    reason: Prose = Field(
        max_length=2_000, description="Why nothing may be paid there. Only admins can read it."
    )


class DeniedAddressOut(Wire):
    """An address on the chain that nothing is paid to."""

    address: str = Field(
        examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
        description="The address, with the capitals of its checksum (EIP-55).",
    )
    reason: str = Field(description="Why nothing may be paid there.")
    denied_by: UserId | None = Field(description="The admin who denied it.")
    denied_at: datetime = Field(description="When it was denied.")


class DeniedQuery(Parameters):
    limit: int = Field(20, ge=1, le=PAGE_MAX, description=LIMIT)
    cursor: AddressIn | None = Field(None, description=CURSOR)


class UnclaimedDepositOut(DepositOut):
    """A deposit that names no user, or that named none until an admin assigned it."""

    named_user_id: UUID = Field(
        description="The id that the deposit carries in the place of a user's: no user has it."
    )


class DepositAssignment(Body):
    model_config = example(
        user_id="01987c1e-0000-7000-8000-000000000001",
        reason="They showed the transaction in a signed message.",
    )

    user_id: UserId = Field(description="The user to credit.")
    reason: Prose = Field(
        max_length=2_000,
        description="How you know whose deposit it is. It is kept in the audit log.",
    )


def denied_page(rows: Sequence[DeniedAddress], limit: int) -> Page[DeniedAddressOut]:
    """Make the page of what was read with one row beyond the limit."""
    items = [DeniedAddressOut.model_validate(it) for it in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].address if len(rows) > limit else None)


def unclaimed_out(deposit: Deposit, vault: Vault) -> UnclaimedDepositOut:
    return UnclaimedDepositOut(**dict(deposit_out(deposit, vault)), named_user_id=deposit.named)
