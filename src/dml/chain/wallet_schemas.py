"""Shapes on the wire, of wallets."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from dml.chain.addresses import AddressIn
from dml.chain.states import WalletKind
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


class ChallengeIn(Body):
    model_config = example(address=_EXAMPLE)

    address: AddressIn


class ChallengeOut(Wire):
    nonce: str
    message: str = Field(
        description="Ready to be signed as it is (EIP-4361, by `personal_sign`).",
        examples=[
            "market.example.org wants you to sign in with your Ethereum account:\n"
            f"{_EXAMPLE}\n\nLink this wallet …"
        ],
    )
    expires_at: datetime


class WalletIn(Body):
    model_config = example(
        message="market.example.org wants you to sign in with your Ethereum account:\n…",
        signature="0x" + "5b" * 64 + "1c",
        name="My savings",
    )

    message: Text = Field(max_length=4_000, description="The message that was signed.")
    signature: SignatureIn = Field(
        description="By the address's key (EIP-191), or for its contract (EIP-1271)."
    )
    name: Text | None = Field(None, max_length=100, description="What you call it: for you alone.")


class WalletOut(Wire):
    id: WalletId
    address: str = Field(examples=[_EXAMPLE])
    kind: WalletKind = Field(description="How it signs: by a key of its own, or as a contract.")
    name: str | None
    linked_at: datetime
