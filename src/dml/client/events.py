"""Server-sent events, as a marketplace streams what changes."""

import json
from collections.abc import Iterator
from typing import Any, Final

from dml.client.http import NoMarketplace

EVENT_BYTES_MAX: Final = 32 << 20


def read_events(pieces: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the JSON of each server-sent event (WHATWG HTML, 9.2.6)."""
    name, data, rest = "message", list[bytes](), b""
    for piece in pieces:
        rest += piece
        if len(rest) > EVENT_BYTES_MAX:
            raise NoMarketplace("An event is longer than any answer: is this a marketplace?")
        *lines, rest = rest.split(b"\n")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").partition(b":")
            if field == b"event":
                name = value.strip().decode(errors="replace")
            elif field == b"data":
                data.append(value.removeprefix(b" "))
            elif not line.strip() and data:
                yield name, json.loads(b"\n".join(data))
                name, data = "message", []
