"""Shapes on the wire, of deposits and of what a wallet needs to make one."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from dml.chain.addresses import AddressIn
from dml.chain.models import Deposit, Vault
from dml.chain.states import DepositState
from dml.core.ids import DepositId
from dml.core.money import AmountIn, AmountOut
from dml.core.wire import Body, Parameters, Wire, example
from dml.edge.paging import Paging

DEADLINE_MAX: Final = 2**53 - 1
_SIGNATURE: Final = re.compile("0x[0-9a-fA-F]{130}", re.ASCII)
_HASH: Final = "0x" + "1f" * 32
_ADDRESS: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


class DepositOut(Wire):
    id: DepositId
    state: DepositState = Field(
        description="`seen` in a block; `credited` once that is final; `orphaned` where it was "
        "dropped, and it may come again."
    )
    amount: AmountOut
    chain_id: int
    vault: str
    sender: str = Field(examples=[_ADDRESS])
    tx_hash: str = Field(examples=[_HASH])
    block_number: int
    confirmations: int | None = Field(description="Blocks since then, its own included.")
    seen_at: datetime
    final_at: datetime | None


class DepositsWanted(Paging):
    state: DepositState | None = None


def deposit_out(deposit: Deposit, vault: Vault) -> DepositOut:
    is_there = deposit.state is not DepositState.ORPHANED
    return DepositOut(
        id=deposit.id,
        state=deposit.state,
        amount=deposit.amount,
        chain_id=vault.chain_id,
        vault=vault.address,
        sender=deposit.sender,
        tx_hash=deposit.tx_hash,
        block_number=deposit.block_number,
        confirmations=max(0, vault.head_number - deposit.block_number + 1) if is_there else None,
        seen_at=deposit.seen_at,
        final_at=deposit.final_at,
    )


def _signature(text: Any) -> bytes:
    if not (isinstance(text, str) and _SIGNATURE.fullmatch(text) and text[-2:].lower() in _ENDS):
        raise ValueError("must be 0x and 130 hexadecimal digits: r, s and v of a key's signature")
    return bytes.fromhex(text[2:])


_ENDS: Final = ("00", "01", "1b", "1c")

KeySignatureIn = Annotated[
    bytes,
    BeforeValidator(_signature),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^0x[0-9a-fA-F]{130}$",
            "examples": ["0x" + "5b" * 64 + "1c"],
        }
    ),
]


class PermitIn(Body):
    deadline: int = Field(ge=0, le=DEADLINE_MAX, description="As in what was signed.")
    signature: KeySignatureIn


class InstructionsIn(Body):
    model_config = example(amount="12.5", wallet=_ADDRESS)

    amount: AmountIn = Field(gt=0)
    wallet: AddressIn | None = Field(
        None, description="Who pays: for a permit to sign, in the place of an approval."
    )
    permit: PermitIn | None = Field(
        None, description="The signed permit: for the one transaction that uses it."
    )


class Step(StrEnum):
    APPROVE = "approve"
    DEPOSIT = "deposit"


class QrWanted(Parameters):
    amount: AmountIn = Field(gt=0)
    step: Step = Step.DEPOSIT


class TokenOut(Wire):
    address: str = Field(examples=[_ADDRESS])
    name: str
    symbol: str = Field(examples=["DML"])
    decimals: int = Field(examples=[6])


def token_out(vault: Vault) -> TokenOut:
    return TokenOut(
        address=vault.token,
        name=vault.token_name,
        symbol=vault.token_symbol,
        decimals=vault.decimals,
    )


class TransactionOut(Wire):
    """As a wallet takes it in `eth_sendTransaction`; the sender and gas are its own to add."""

    to: str = Field(examples=[_ADDRESS])
    data: str = Field(examples=["0x095ea7b3…"])
    value: str = Field(examples=["0x0"])


class InstructionsOut(Wire):
    chain_id: int
    vault: str = Field(examples=[_ADDRESS])
    token: TokenOut
    amount: AmountOut
    units: str = Field(description="The same in the token's smallest units.", examples=["12500000"])
    user_id: str = Field(
        description="Yours, as the 16 bytes that a deposit names.", examples=["0x" + "01" * 16]
    )
    approve: TransactionOut = Field(description="First: let the vault take the tokens.")
    deposit: TransactionOut = Field(description="Then: have it take them.")
    approve_link: str = Field(description="The same as a link for wallets (EIP-681).")
    deposit_link: str = Field(description="The same as a link for wallets (EIP-681).")
    permit: dict[str, Any] | None = Field(
        description="Typed data (EIP-712) for `eth_signTypedData_v4`, in the place of an approval. "
        "`null` where no `wallet` was named, or the token takes none."
    )
    deposit_with_permit: TransactionOut | None = Field(
        description="The one transaction that needs no approval, where a `permit` was sent."
    )
