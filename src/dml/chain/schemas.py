"""Shapes on the wire, of the chain itself."""

from datetime import datetime

from pydantic import Field

from dml.chain.deposit_schemas import TokenOut, token_out
from dml.chain.models import Vault
from dml.chain.withdrawal_rules import stands_still
from dml.core.context import Actor
from dml.core.money import AmountOut
from dml.core.wire import Wire


class ComparisonOut(Wire):
    at: datetime | None = Field(description="When the vault was compared with the books last.")
    agrees: bool | None = Field(description="`null` where they never were.")
    differs_since: datetime | None
    vault_holds: AmountOut | None = Field(description="What the vault held then.")


class TroubleOut(Wire):
    """In an operator's words: for admins alone, since it may name what is not everybody's."""

    reading: str | None = Field(description="Why the last look at the chain did not go well.")
    difference: str | None = Field(description="Between chain and books.")
    paying: str | None = Field(description="Why nothing is paid out.")


class ChainOut(Wire):
    chain_id: int
    vault: str = Field(examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"])
    token: TokenOut
    head: int = Field(description="The chain's newest block that was seen.")
    final: int = Field(description="The chain's newest final block that was seen.")
    indexed: int = Field(description="The final block up to which all was read and credited.")
    lag_blocks: int = Field(description="Final blocks that are still to be read.")
    read_at: datetime | None = Field(description="When the chain was read well last.")
    reads_well: bool = Field(description="Whether the last look at the chain went well.")
    halted_at: datetime | None = Field(description="Since when nothing is credited any more.")
    payouts_stand_still: str | None = Field(description="Why nothing is paid out just now.")
    comparison: ComparisonOut
    trouble: TroubleOut | None = Field(description="For admins; `null` for everybody else.")


def chain_out(vault: Vault, viewer: Actor, now: datetime) -> ChainOut:
    told = TroubleOut(
        reading=vault.trouble, difference=vault.difference, paying=vault.paying_trouble
    )
    return ChainOut(
        chain_id=vault.chain_id,
        vault=vault.address,
        token=token_out(vault),
        head=vault.head_number,
        final=vault.chain_final_number,
        indexed=vault.final_number,
        lag_blocks=max(0, vault.chain_final_number - vault.final_number),
        read_at=vault.read_at,
        reads_well=vault.trouble is None and vault.read_at is not None,
        halted_at=vault.halted_at,
        payouts_stand_still=stands_still(vault, now),
        comparison=ComparisonOut(
            at=vault.compared_at,
            agrees=None if vault.compared_at is None else vault.difference is None,
            differs_since=vault.differs_since,
            vault_holds=vault.balance,
        ),
        trouble=told if viewer.is_admin else None,
    )
