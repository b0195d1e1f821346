"""Withdrawals and vaults as the use cases leave them, without the way there."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.models import Block, Vault, Wallet, Withdrawal
from dml.chain.states import WalletKind, WithdrawalState
from dml.core.context import SYSTEM, Context
from dml.core.ids import UserId, VaultId, WalletId, WithdrawalId, new_id
from dml.core.money import MicroTokens
from dml.payments import service as payments
from dml.payments.models import Movement, TransferCode
from dml.payments.rules import wallet as wallet_of

ADDRESS = "0x00000000000000000000000000000000000000AA"
HASH = "0x" + "0" * 64


async def make_vault(tx: AsyncSession, address: str = ADDRESS) -> Vault:
    vault = Vault(
        id=VaultId(new_id()),
        chain_id=31337,
        address=address,
        token=ADDRESS,
        token_name="Token",
        token_symbol="T",
        token_version=None,
        decimals=6,
        is_current=True,
        registered_at=datetime.now(UTC),
        start_block=0,
        final_number=0,
        final_hash=HASH,
        last_ordinal=0,
    )
    tx.add(vault)
    await tx.flush()
    tx.add(Block(vault_id=vault.id, number=0, hash=HASH))
    return vault


async def make_withdrawal(
    tx: AsyncSession,
    user_id: UserId,
    *,
    address: str = ADDRESS,
    amount: int = 1_000_000,
    fee: int = 0,
    number: int | None = None,
) -> Withdrawal:
    """Requested, or with a number authorised: its tokens are out of the user's wallet."""
    ctx = Context(tx, SYSTEM, datetime.now(UTC))
    its_wallet = Wallet(
        id=WalletId(new_id()),
        user_id=user_id,
        address=address,
        kind=WalletKind.KEY,
        linked_at=ctx.now,
        unlinked_at=ctx.now,
    )
    tx.add(its_wallet)
    await tx.flush()
    made = Withdrawal(
        id=WithdrawalId(new_id()),
        user_id=user_id,
        wallet_id=its_wallet.id,
        address=address,
        amount=MicroTokens(amount),
        fee=MicroTokens(fee),
        state=WithdrawalState.REQUESTED if number is None else WithdrawalState.AUTHORISED,
        requested_at=ctx.now,
        needs_review=False,
        number=number,
    )
    tx.add(made)
    await payments.open_reserve(ctx, f"payout:{made.id}", user_id)
    await payments.transfer_many(
        ctx,
        [
            Movement(
                TransferCode.WITHDRAWAL,
                made.reference,
                wallet_of(user_id),
                f"payout:{made.id}",
                MicroTokens(amount + fee),
            )
        ],
    )
    return made
