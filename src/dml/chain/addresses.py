"""Addresses as people write them: 0x and 40 hexadecimal digits, with capitals as a checksum."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from dml.chain.ethereum import checksummed
from dml.core.wire import check_text

ZERO: Final = "0x" + "0" * 40
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def parse(text: Any) -> str:
    """Parse an address. Where it has capitals they must match the checksum."""
    if not (isinstance(text, str) and _ADDRESS.fullmatch(text)):
        raise ValueError("must be 0x and 40 hexadecimal digits")
    right, digits = checksummed(text), text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != right:
        raise ValueError("has a wrong checksum (EIP-55), so a digit may be wrong: copy it again")
    return right


AddressIn = Annotated[
    str,
    BeforeValidator(parse),
    AfterValidator(check_text),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^0x[0-9a-fA-F]{40}$",
            "examples": ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
        }
    ),
]
