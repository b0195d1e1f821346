"""Server-sent events, as a marketplace streams what changes."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from dml.client.http import NoMarketplace

EVENT_BYTES_MAX: Final = 32 << 20


class Sent(NamedTuple):
    """A server-sent event as it came: its id is where to go on from, its data is JSON."""

    id: str | None
    name: str
    data: bytes

    def read(self) -> dict[str, Any]:
        """What its data says."""
        found: dict[str, Any] = json.loads(self.data)
        return found


def read_sent(pieces: Iterator[bytes]) -> Iterator[Sent]:
    """Yield each server-sent event (WHATWG HTML, 9.2.6)."""
    event_id, name, data, rest = None, "message", list[bytes](), b""
    for piece in pieces:
        rest += piece
        if len(rest) > EVENT_BYTES_MAX:
            raise NoMarketplace("An event is longer than any answer: is this a marketplace?")
        *lines, rest = rest.split(b"\n")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").partition(b":")
            if field == b"event":
                name = value.strip().decode(errors="replace")
            elif field == b"id":
                event_id = value.strip().decode(errors="replace")
            elif field == b"data":
                data.append(value.removeprefix(b" "))
            elif not line.strip() and data:
                yield Sent(event_id, name, b"\n".join(data))
                event_id, name, data = None, "message", []
