"""Takes out of a text what must not leave the process with it: in its logs, or in what it reports.

Nobody logs such things on purpose. They come with the texts of errors: PostgreSQL repeats the row
that it refuses, pydantic the value that it could not read, an HTTP client the address that it
called with all its parameters.
"""

import re
from typing import Any, Final

_RULES: Final = (
    # PostgreSQL's detail holds values of rows; it ends where asyncpg or a traceback goes on.
    (
        re.compile(
            r"DETAIL:.*?(?=\nHINT:|\n\[SQL|\n\nThe above exception|\n\nDuring handling|\Z)", re.S
        ),
        "DETAIL: [left out]",
    ),
    (re.compile(r"input_value=.*?(?=, input_type=|\]$)", re.S | re.M), "input_value=[left out]"),
    (re.compile(r"(?<=://)[^\s/@'\"]*:[^\s/@'\"]*@"), "[secret]@"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?'\"<>]*)\?[^\s'\"<>]*", re.I), r"\1?[left out]"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"\b(?:dml_pat_|whsec_)[\w+/=-]+"), "[token]"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.I), r"\1 [token]"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "[address]"),
)
# One of these is in each text that a rule changes: most lines have none, which is known at once.
_SIGNS: Final = re.compile(r"@|://|DETAIL:|input_value=|eyJ|dml_pat_|whsec_|[Bb]earer|[Bb]asic|BEA")


def redact(text: str) -> str:
    """Return the text without addresses of mail, passwords, tokens, parameters and rows."""
    if _SIGNS.search(text):
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
    return text


def redact_all(value: Any) -> Any:
    """Return a value, and what lies in it, with each text redacted; what is no JSON becomes one."""
    match value:
        case str():
            return redact(value)
        case None | bool() | int() | float():
            return value
        case dict():
            return {redact(str(key)): redact_all(it) for key, it in value.items()}
        case list() | tuple():
            return [redact_all(it) for it in value]
        case _:
            return redact(str(value))
