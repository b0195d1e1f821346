"""Shapes on the wire, of the chain itself."""

from datetime import datetime

from pydantic import Field

from dml.chain.deposits.schemas import ChainTokenOut, token_out
from dml.chain.models import Vault
from dml.chain.withdrawals.rules import paused_reason
from dml.core.context import Actor
from dml.core.money import AmountOut
from dml.core.wire import Wire


class VaultComparisonOut(Wire):
    """Whether the vault on the chain holds what the ledger says."""

    at: datetime | None = Field(
        description="When the two were last compared; `null` if they never were."
    )
    agrees: bool | None = Field(
        description="Whether they agreed; `null` if they were never compared."
    )
    differs_since: datetime | None = Field(
        description="When they were first found to differ; `null` if they agree."
    )
    vault_holds: AmountOut | None = Field(
        description="How many tokens the vault held at the last comparison."
    )


class ChainFaultsOut(Wire):
    """What is wrong, in an operator's words."""

    reading: str | None = Field(
        description="Why the chain could not be read the last time; `null` if it could."
    )
    difference: str | None = Field(
        description="How the vault and the ledger differ; `null` if they agree."
    )
    paying: str | None = Field(description="Why nothing is paid out; `null` if nothing is wrong.")


class ChainOut(Wire):
    """The vault, its token, and how far the chain was read."""

    chain_id: int = Field(description="The number of the chain (EIP-155).")
    vault: str = Field(
        examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
        description="The address of the vault.",
    )
    token: ChainTokenOut = Field(description="The token that the vault holds.")
    head_block: int = Field(description="The newest block of the chain.")
    final_block: int = Field(description="The newest block of the chain that is final.")
    indexed_block: int = Field(
        description="The block up to which all is read, and all deposits are credited."
    )
    lag_blocks: int = Field(description="How many final blocks are not read yet.")
    read_at: datetime | None = Field(
        description="When the chain was last read without a fault; `null` if it never was."
    )
    readable: bool = Field(description="Whether the chain could be read the last time.")
    halted_at: datetime | None = Field(
        description="Since when no deposits are credited, because a final block changed; `null` "
        "if they are credited."
    )
    payouts_paused_reason: str | None = Field(
        description="Why no withdrawals are paid just now; `null` if they are."
    )
    comparison: VaultComparisonOut = Field(
        description="The last comparison of the vault with the ledger."
    )
    faults: ChainFaultsOut | None = Field(
        description="What is wrong. Only admins see it; `null` for everybody else."
    )


def chain_out(vault: Vault, viewer: Actor, now: datetime) -> ChainOut:
    faults = ChainFaultsOut(
        reading=vault.reading_error, difference=vault.difference, paying=vault.paying_error
    )
    return ChainOut(
        chain_id=vault.chain_id,
        vault=vault.address,
        token=token_out(vault),
        head_block=vault.head_number,
        final_block=vault.chain_final_number,
        indexed_block=vault.final_number,
        lag_blocks=max(0, vault.chain_final_number - vault.final_number),
        read_at=vault.read_at,
        readable=vault.reading_error is None and vault.read_at is not None,
        halted_at=vault.halted_at,
        payouts_paused_reason=paused_reason(vault, now),
        comparison=VaultComparisonOut(
            at=vault.compared_at,
            agrees=None if vault.compared_at is None else vault.difference is None,
            differs_since=vault.differs_since,
            vault_holds=vault.balance,
        ),
        faults=faults if viewer.is_admin else None,
    )
