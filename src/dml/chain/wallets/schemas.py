"""Shapes on the wire, of wallets."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from dml.accounts.identities.proofs import Proof
from dml.chain.addresses import AddressIn
from dml.chain.models import Wallet
from dml.chain.states import ChallengePurpose, WalletKind
from dml.chain.wallets.rules import primary_of
from dml.core.ids import WalletId
from dml.core.wire import Body, Text, Wire, example

SIGNATURE_BYTES_MAX: Final = 4_096  # Of contracts with many owners.
_HEX: Final = re.compile(rf"0x(?:[0-9a-fA-F]{{2}}){{1,{SIGNATURE_BYTES_MAX}}}", re.ASCII)
_EXAMPLE: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def _signature(text: Any) -> bytes:
    if not (isinstance(text, str) and _HEX.fullmatch(text)):
        raise ValueError(
            "must be 0x and an even number of hexadecimal digits, at most "
            f"{2 * SIGNATURE_BYTES_MAX}"
        )
    return bytes.fromhex(text[2:])


SignatureIn = Annotated[
    bytes,
    BeforeValidator(_signature),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^0x([0-9a-fA-F]{2})+$",
            "maxLength": 2 + 2 * SIGNATURE_BYTES_MAX,
            "examples": ["0x" + "5b" * 64 + "1c"],
        }
    ),
]


class WalletChallengeCreate(Body):
    model_config = example(address=_EXAMPLE)

    address: AddressIn = Field(description="The address of the wallet that will sign.")
    purpose: ChallengePurpose = Field(
        ChallengePurpose.LINK,
        description="What the signed message is for. It is good for nothing else.",
    )


class WalletChallengeOut(Wire):
    nonce: str = Field(description="The random part of the message.")
    message: str = Field(
        description="The message (EIP-4361). Sign it unchanged, with `personal_sign`.",
        examples=[
            "market.example.org wants you to sign in with your Ethereum account:\n"
            f"{_EXAMPLE}\n\nLink this wallet …"
        ],
    )
    expires_at: datetime = Field(description="From this time on the message is refused.")


class WalletCreate(Body):
    model_config = example(
        message="market.example.org wants you to sign in with your Ethereum account:\n…",
        signature="0x" + "5b" * 64 + "1c",
        name="My savings",
        proof={"kind": "password", "password": "correct horse battery"},
    )

    message: Text = Field(max_length=4_000, description="The message, unchanged.")
    signature: SignatureIn = Field(
        description="The signature, in hexadecimal digits after `0x`: of the address's key "
        "(EIP-191, compact by EIP-2098 too), or for its contract (EIP-1271, EIP-6492)."
    )
    name: Text | None = Field(
        None, max_length=100, description="What you call the wallet. Only you can see it."
    )
    proof: Proof = Field(description="What proves that the account is yours.")


class WalletChange(Body):
    model_config = example(proof={"kind": "password", "password": "correct horse battery"})

    proof: Proof = Field(description="What proves that the account is yours.")


class WalletOut(Wire):
    """A wallet on the chain that a user has proven to be theirs."""

    id: WalletId
    address: str = Field(
        examples=[_EXAMPLE], description="The address, with the capitals of its checksum (EIP-55)."
    )
    kind: WalletKind = Field(description="How the wallet signs.")
    name: str | None = Field(description="What you call the wallet. Only you can see it.")
    linked_at: datetime = Field(description="When it was linked.")
    is_primary: bool = Field(
        description="Whether it is the one that is meant where none is named: the one that you "
        "chose, else the first that you linked."
    )


def wallet_out(wallet: Wallet, mine: Sequence[Wallet]) -> WalletOut:
    """Show a wallet among all that its user has linked."""
    primary = primary_of(mine)
    return WalletOut(
        id=wallet.id,
        address=wallet.address,
        kind=wallet.kind,
        name=wallet.name,
        linked_at=wallet.linked_at,
        is_primary=primary is not None and primary.id == wallet.id,
    )
