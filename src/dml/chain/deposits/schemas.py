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
    """Tokens that were paid into the vault on the chain, for a user."""

    id: DepositId
    state: DepositState = Field(description="Where the deposit stands.")
    amount: AmountOut = Field(description="How many tokens were paid in.")
    chain_id: int = Field(description="The number of the chain (EIP-155).")
    vault: str = Field(examples=[_ADDRESS], description="The address of the vault.")
    sender: str = Field(examples=[_ADDRESS], description="The address that paid.")
    tx_hash: str = Field(examples=[_HASH], description="The transaction that paid.")
    block_number: int = Field(description="The block that holds the transaction.")
    confirmations: int | None = Field(
        description="How many blocks there are from that block on, itself included; `null` if the "
        "deposit is `orphaned`."
    )
    seen_at: datetime = Field(description="When it was first read from the chain.")
    final_at: datetime | None = Field(
        description="When its block was final, so that it was credited; `null` before that."
    )


class DepositsQuery(Paging):
    state: DepositState | None = Field(
        None, description="List only deposits in this state. Default: in any."
    )


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


class SignedPermit(Body):
    """What a wallet signed, in place of an approval."""

    deadline: int = Field(
        ge=0,
        le=DEADLINE_MAX,
        description="The `deadline` in the message that was signed: seconds since 1970.",
    )
    signature: KeySignatureIn = Field(
        description="The signature: 65 bytes (r, s, v), in hexadecimal digits after `0x`."
    )


class DepositInstructionsCreate(Body):
    model_config = example(amount="12.5", wallet=_ADDRESS)

    amount: AmountIn = Field(gt=0, description="How many tokens to pay in.")
    wallet: AddressIn | None = Field(
        None,
        description="The address that will pay. Send it to get a `permit` to sign, in place of an "
        "approval.",
    )
    permit: SignedPermit | None = Field(
        None, description="The signed permit. Send it to get `deposit_with_permit`."
    )


class DepositStep(StrEnum):
    """`approve` lets the vault take the tokens; then `deposit` has it take them."""

    APPROVE = "approve"
    DEPOSIT = "deposit"


class QrQuery(Parameters):
    amount: AmountIn = Field(gt=0, description="How many tokens to pay in.")
    step: DepositStep = Field(DepositStep.DEPOSIT, description="Which transaction to show.")


class ChainTokenOut(Wire):
    """The token's contract on the chain (ERC-20)."""

    address: str = Field(examples=[_ADDRESS], description="The address of the contract.")
    name: str = Field(examples=["DML"], description="The name that the contract gives.")
    symbol: str = Field(examples=["DML"], description="The symbol that the contract gives.")
    decimals: int = Field(
        examples=[6], description="How many decimals a whole token has in the contract's units."
    )


def token_out(vault: Vault) -> ChainTokenOut:
    return ChainTokenOut(
        address=vault.token,
        name=vault.token_name,
        symbol=vault.token_symbol,
        decimals=vault.decimals,
    )


class UnsignedTransactionOut(Wire):
    """Parameters for `eth_sendTransaction`; the wallet adds the sender and the gas."""

    to: str = Field(examples=[_ADDRESS], description="The address of the contract to call.")
    data: str = Field(examples=["0x095ea7b3…"], description="The call, in hexadecimal digits.")
    value: str = Field(
        examples=["0x0"], description="How much of the chain's own currency to send: none."
    )


class DepositInstructionsOut(Wire):
    """All that a wallet needs to pay tokens in for you."""

    chain_id: int = Field(description="The number of the chain (EIP-155).")
    vault: str = Field(examples=[_ADDRESS], description="The address of the vault.")
    token: ChainTokenOut = Field(description="The token to pay with.")
    amount: AmountOut = Field(description="How many tokens to pay in.")
    units: str = Field(
        description="The same amount in the smallest units of the token's contract.",
        examples=["12500000"],
    )
    user_id: str = Field(
        description="Your id as the deposit carries it: 16 bytes, in hexadecimal digits after "
        "`0x`.",
        examples=["0x" + "01" * 16],
    )
    approve: UnsignedTransactionOut = Field(
        description="The first transaction: lets the vault take the tokens from the wallet."
    )
    deposit: UnsignedTransactionOut = Field(
        description="The second transaction: has the vault take the tokens for you."
    )
    approve_link: str = Field(description="The transaction `approve` as a link (EIP-681).")
    deposit_link: str = Field(description="The transaction `deposit` as a link (EIP-681).")
    permit: dict[str, Any] | None = Field(
        description="Typed data (EIP-712) to sign with `eth_signTypedData_v4`, in place of the "
        "transaction `approve`. `null` if no `wallet` was sent, or the token supports no permits."
    )
    deposit_with_permit: UnsignedTransactionOut | None = Field(
        description="The only transaction that is needed if a signed `permit` was sent; else "
        "`null`."
    )
