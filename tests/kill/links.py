"""A link between two machines, which here is a socket on each side: it can be cut and mended."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Final, Self

from dml.entrypoints.embedded import free_ports

_CONNECT_SECONDS: Final = 5.0
_UNREAD_BYTES: Final = 1 << 20  # What one side has not taken holds up the other.


class _End(asyncio.Protocol):
    """One side of a connection; all that it hears, the other side says."""

    def __init__(self, link: "Link", other: "_End | None" = None) -> None:
        self.link, self.other = link, other
        self.transport: Any = None
        self.unsent = list[bytes]()  # Until the other side is there.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.set_write_buffer_limits(_UNREAD_BYTES)
        self.link.ends.add(self)
        if self.other is None:
            self.link.dial(self)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.unsent.append(data)
        else:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.ends.discard(self)
        if self.other is not None:
            self.other.transport.close()


@dataclass(eq=False)
class Link:
    """Listens at an address of its own, and passes on to a server elsewhere."""

    host: str
    server: tuple[str, int] | str  # A string is the path of a socket.
    port: int = 0
    ends: set[_End] = field(default_factory=set)
    _dialling: set[asyncio.Task[None]] = field(default_factory=set)
    _listening: asyncio.Server | None = None

    @classmethod
    async def to(cls, host: str, server: tuple[str, int] | str) -> Self:
        made = cls(host, server, free_ports.lasting(host))
        await made.mend()
        return made

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_mended(self) -> bool:
        return self._listening is not None

    async def mend(self) -> None:
        """Take connections, as at first."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: _End(self), self.host, self.port)

    def cut(self) -> None:
        """End all connections at once, and refuse each that is tried."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for task in list(self._dialling):
            task.cancel()
        for end in list(self.ends):
            end.transport.abort()

    def dial(self, end: _End) -> None:
        task = asyncio.create_task(self._connect(end))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _connect(self, end: _End) -> None:
        loop, other, server = asyncio.get_running_loop(), _End(self, end), self.server
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                if isinstance(server, str):
                    await loop.create_unix_connection(lambda: other, server)
                else:
                    await loop.create_connection(lambda: other, *server)
        except (OSError, TimeoutError):
            end.transport.abort()
            return
        for data in end.unsent:
            other.transport.write(data)
        end.other = other
        if end.transport.is_closing():  # It hung up meanwhile.
            with contextlib.suppress(OSError):
                other.transport.close()
