"""A connection that became a WebSocket: uvicorn's, with an end to patience, as others have one.

`edge/connections.py` hands it over once its head was read and held to all limits of heads. Loaded
when the first one comes: to import what reads frames takes as long as a fifth of a start.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from dml.edge.connection_limits import Limits

FRAGMENTS_MAX: Final = 1_000  # Of one message: empty ones would be kept without end.
RESTARTS: Final = "The server restarts. Connect again in a moment."


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's, which stops reading where the client takes nothing, and tends itself."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        forget: Callable[["Socket"], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.address, self.counted = "", False  # As of the connection that it was.
        self._forget = forget
        self._began = time.monotonic()
        self._paused_at: float | None = None
        self._closing_since: float | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget(self)
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        if self.close_sent:
            return
        if len(self.frames) >= FRAGMENTS_MAX:
            self.conn.fail(1009, "Send a message in fewer pieces.")
            self.handle_parser_exception()
        else:
            super().handle_cont(event)

    def handle_parser_exception(self) -> None:
        """Say what is wrong with what came; before the handshake is over, nothing can be said."""
        if self.conn.close_sent is None:
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def pause_writing(self) -> None:
        """Read no more: to each ping, there is an answer that the client does not take."""
        super().pause_writing()
        self._paused_at = time.monotonic()
        if not self.read_paused:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._paused_at = None
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    async def send(self, message: Any) -> None:
        """Send, or tell whoever still sends that the socket has ended: they need no other fault."""
        if self.close_sent and self.handshake_complete:
            raise ClientDisconnected
        await super().send(message)

    async def receive(self) -> Any:
        message = await super().receive()
        if self._paused_at is not None and not self.transport.is_closing():
            self.transport.pause_reading()  # Which uvicorn has just resumed.
        return message

    def shutdown(self) -> None:
        """Say goodbye: the server stops."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1012})
            self.conn.send_close(1012, RESTARTS)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.transport.close()
        else:
            super().shutdown()

    def tend(self, now: float, limits: Limits) -> None:
        """End this connection where its step takes too long, by the limits of all connections."""
        if self.transport.is_closing() and self._closing_since is None:
            self._closing_since = now
        begins = None if self.handshake_complete else self._began
        late = (
            (begins, limits.head_seconds),
            (self._paused_at, limits.reading_seconds),
            (self._closing_since, limits.reading_seconds),
        )
        if any(since is not None and now - since > most for since, most in late):
            self.transport.abort()


def take_over(
    connection: HttpToolsProtocol, rest: bytes, forget: Callable[[Socket], None]
) -> Socket:
    """Go on as a socket with a connection whose head, which was read, offers that."""
    socket = Socket(connection.config, connection.server_state, connection.app_state, forget=forget)
    connection.transport.set_protocol(socket)
    socket.connection_made(connection.transport)
    lines = [b"GET %b HTTP/1.1" % connection.url, *(b"%b: %b" % it for it in connection.headers)]
    socket.data_received(b"\r\n".join([*lines, b"", rest]))
    return socket
