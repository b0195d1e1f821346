"""What a method of the typed client makes of its arguments: the parts of one request."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from dml.client.http import one_line
from dml.refused import Refused

FILE_BYTES_MAX: Final = 1 << 30
STREAM_SECONDS: Final = 86_400.0  # Then a stream ends, and can be opened anew.

Event = tuple[str, dict[str, Any]]
"""The name of a server-sent event, and its JSON."""


def part(text: str, what: str = "part of a path") -> str:
    """Text as one part of a path, whatever it holds; Refused where it can be none."""
    name = quote(text, safe="", errors="replace")
    if name.strip(".") == "":
        raise Refused(f"{text!r} is no {what}")
    return name


def sent(values: Mapping[str, str | float | bool | None]) -> dict[str, str]:
    """What a query or the headers say: without what was not given."""
    return {name: _spelled(value) for name, value in values.items() if value is not None}


def _spelled(value: str | float | bool) -> str:
    """A value as a query has it: `true`, and a number without an exponent."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def form(fields: Mapping[str, Any], files: Mapping[str, Path]) -> dict[str, Any]:
    """A form of JSON and of whole files, as `Marketplace.ask` takes it."""
    attached = {
        name: (one_line(path.name), path.read_bytes(), "application/octet-stream")
        for name, path in files.items()
    }
    return {"data": {name: json.dumps(it) for name, it in fields.items()}, "files": attached}
