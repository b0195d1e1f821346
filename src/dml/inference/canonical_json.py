"""Canonical JSON (RFC 8785): of each value there is one text, so that a hash can name it.

Names are sorted, there is no white space, and numbers are written as ECMAScript does, so that `1`
and `1.0` are one: whoever reads such a text and writes it again, in whichever language, has the
same bytes. `tests/inference/test_canonical_json.py` has the RFC's own examples.
"""

import hashlib
import json
import math
from decimal import Decimal
from typing import Any, Final

_WHOLE_MAX: Final = 2**53 - 1  # Beyond, not each whole number is one of JSON's (RFC 7493).
_PLAIN_MIN: Final = 1e-6
_PLAIN_MAX: Final = 1e21


def encode(value: Any) -> bytes:
    """Write a value. ValueError where JSON has none like it, or not each reader would read it."""
    return _written(value).encode()


def digest(value: Any) -> str:
    """Return the SHA-256 of a value, as written here, in hexadecimal digits."""
    return hashlib.sha256(encode(value)).hexdigest()


def _written(value: Any) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > _WHOLE_MAX:
                raise ValueError(f"{value} is too large")
            return str(value)
        case float():
            return _number(value)
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            members = ",".join(f"{_written(it)}:{_written(value[it])}" for it in names)
            return f"{{{members}}}"
        case list() | tuple():
            return f"[{','.join(map(_written, value))}]"
    raise ValueError(f"{type(value).__name__} is nothing of JSON")


def _number(value: float) -> str:
    """As ECMAScript's `Number::toString`: the shortest digits that are this number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if value == 0:
        return "0"
    if _PLAIN_MIN <= abs(value) < _PLAIN_MAX:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent):+d}"
