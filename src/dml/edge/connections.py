"""What one connection may take of us: time to ask, time to listen, and its place among others.

A client that sends its request a byte a minute, that never reads its answer, or that is gone
without a word costs a connection for as long as it likes. Here each step of a request has its
time, kept by one sweep a second over all connections, so that a request pays nothing for it.

What has no end is bounded, too: the parser joins a head, a path or a trailer piece by piece, each
time by a copy of all that came before, so one that never ends would have everybody wait. Why this
is not left to the server or a proxy: docs/decisions/0021.

An offer to change the protocol (`Upgrade`) is taken from a head without a body that asks for a
WebSocket where there is one (`edge/websockets.py`). Any other request is read as if it had none:
the parser would take its body for another protocol, so that it were lost, or read as a request.

Above the limit we answer 503 and hang up, where to stop accepting would leave clients to wait in
the kernel's queue for an answer that nobody has in mind: told, they come back when they should.
"""

import asyncio
import importlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from dml.core import metrics
from dml.core.addresses import matcher, network_of
from dml.edge.bodies import BODY, Body
from dml.edge.connection_limits import Limits, RequestStep
from dml.edge.heads import (
    LINE_END,
    NO_PROXY,
    NO_REQUEST,
    TOO_LONG,
    TOO_MANY,
    UNFRAMED_MAX,
    Refusal,
    offers_socket,
    refuse_head,
)
from dml.edge.sockets import end_when_gone, left_to_send

if TYPE_CHECKING:
    from dml.edge.websockets import Socket
REFUSED_SECONDS: Final = 2.0  # So long a client that is refused has for reading that.
REFUSED_MAX: Final = 1_000  # Beyond so many at once, it is hung up on without a word.
PIPELINED_MAX: Final = 64  # Requests that wait for the answers before theirs.
LEFT_OVER_MAX: Final = 64 * 1024  # Bytes of a body that still come when its answer is given.


@dataclass
class Connections:
    """Every connection of this process; call it where a protocol's class is expected."""

    limits: Limits
    sockets_at: bytes = b""  # The path that takes WebSockets, if one does.
    by_address: Counter[str] = field(default_factory=Counter)
    open: set["Connection"] = field(default_factory=set)
    sockets: set["Socket"] = field(default_factory=set)
    refused: set["Connection"] = field(default_factory=set)
    draining: bool = False

    def __post_init__(self) -> None:
        self._is_trusted = matcher(self.limits.trusted)

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> "Connection":
        return Connection(self, config, server_state, app_state, _loop)

    def admit(self, connection: "Connection") -> bool:
        """Count this connection in, unless there are too many."""
        address = connection.address
        if len(self.open) + len(self.sockets) >= self.limits.connections:
            return False
        if address and not self._is_trusted(address):
            connection.address = address = network_of(address)
            if self.by_address[address] >= self.limits.of_one_address:
                return False
            self.by_address[address] += 1
            connection.counted = True
        self.open.add(connection)
        return True

    def become(self, connection: "Connection", socket: "Socket") -> None:
        """Count a socket as the connection that it was."""
        socket.address, socket.counted = connection.address, connection.counted
        connection.counted = False
        self.open.discard(connection)
        self.sockets.add(socket)

    def forget(self, connection: "Connection") -> None:
        self.open.discard(connection)
        self.refused.discard(connection)
        self._count_out(connection)

    def forget_socket(self, socket: "Socket") -> None:
        self.sockets.discard(socket)
        self._count_out(socket)

    def _count_out(self, connection: "Connection | Socket") -> None:
        if connection.counted:
            connection.counted = False
            self.by_address[connection.address] -= 1
            if not self.by_address[connection.address]:
                del self.by_address[connection.address]

    def drain(self) -> None:
        """Close each connection after the answer that it waits for, and each new one likewise."""
        self.draining = True
        for connection in [*self.open]:
            connection.drain()
        for socket in [*self.sockets]:
            socket.shutdown()

    async def sweep(self) -> None:
        """End, once a second and until cancelled, whoever takes too long."""
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            now = time.monotonic()
            for connection in [*self.open, *self.refused]:
                connection.tend(now, self.limits)
            for socket in [*self.sockets]:
                socket.tend(now, self.limits)


class Connection(HttpToolsProtocol):
    """uvicorn's, with an end to patience."""

    def __init__(
        self,
        all_of_them: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.all = all_of_them
        self.address = ""
        self.counted = False
        self.is_refused = False
        self.has_refused = False  # Whether the refusal was sent.
        self.socket: Socket | None = None  # What it became.
        self.is_deaf = False  # What still comes is not read.
        self.unframed = 0  # Bytes since the last whole head or piece of a body.
        self.left_over = 0
        self.paused_at: float | None = None  # Since when the client takes nothing of our answer.
        self.body_bytes = 0
        # What the last sweep saw: the step the connection was at, of which request, since when.
        self._step = RequestStep.OURS
        self._request: object = None
        self._step_began = time.monotonic()
        self._bytes_seen = 0
        self._progress_at = 0.0
        self._left_seen = 0
        self._left_changed = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        if self.client is not None:
            self.address = self.client[0]
            end_when_gone(transport, self.all.limits.reading_seconds)
        if self.all.admit(self):
            return
        self.is_refused = True
        metrics.REFUSED_FOR_OVERLOAD.inc("connection")
        self.connections.discard(self)
        if len(self.all.refused) >= REFUSED_MAX:
            transport.abort()
        else:
            self.all.refused.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.all.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_refused:
            self._tell(TOO_MANY)
            return
        self._unset_keepalive_if_required()
        if len(data) <= UNFRAMED_MAX:
            self._feed(data)
            return
        for start in range(0, len(data), UNFRAMED_MAX):
            self._feed(data[start : start + UNFRAMED_MAX])

    def _feed(self, data: bytes) -> None:
        if self.socket is not None:
            self.socket.data_received(data)
            return
        if self.is_refused or self.is_deaf or self.transport.is_closing():
            return
        self.unframed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._answer_offer(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._give_up(NO_REQUEST)
        else:
            if self.unframed > UNFRAMED_MAX:
                self._give_up(TOO_LONG)

    def _should_upgrade(self) -> bool:
        """Have uvicorn begin no request where one is offered: that is for `_answer_offer`."""
        return True

    def _answer_offer(self, rest: bytes) -> None:
        """Take an offer, or read its head once more as if it had none; and then what follows."""
        is_idle = self.cycle is None or (self.cycle.response_complete and not self.pipeline)
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if (
            is_idle
            and not self.all.draining
            and offers_socket(method, self.url, version, self.headers, at=self.all.sockets_at)
            and refuse_head(self.url, self.headers, version) is None
        ):
            websockets = importlib.import_module("dml.edge.websockets")
            self.connections.discard(self)
            self.socket = websockets.take_over(self, rest, self.all.forget_socket)
            self.all.become(self, self.socket)
        else:
            self._ignore_offer(rest)

    def _ignore_offer(self, rest: bytes) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._give_up(NO_PROXY)
            return
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                kept = [it for it in value.split(b",") if it.strip().lower() != b"upgrade"]
                value = b",".join(kept)
            if name != b"upgrade":
                lines.append(name + b": " + value)
        if any(LINE_END.search(line) for line in lines):
            self._give_up(NO_REQUEST)
            return
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # As uvicorn has it.
        self._feed(b"\r\n".join([*lines, b"", b""]))
        self._feed(rest)

    def _give_up(self, refusal: Refusal) -> None:
        """Answer what is no request, unless that would be taken for part of another answer."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._tell(refusal)
        elif self.pipeline or cycle.response_started:
            self.transport.abort()
        elif cycle.more_body:
            cycle.disconnected = True  # For the application, which waits for the rest of a body.
            cycle.message_event.set()
            self._tell(refusal)
        else:
            cycle.keep_alive = False  # The answer before is still owed. It is the last one.
            self.is_deaf, self.scope = True, cycle.scope

    def _tell(self, refusal: Refusal) -> None:
        """Say why, read no more, and leave the client a moment to read that.

        To close at once would take back what it has not read yet.
        """
        if not self.has_refused and not self.transport.is_closing():
            self.transport.write(refusal.written)
            if self.transport.can_write_eof():
                self.transport.write_eof()
        self.is_refused = self.has_refused = True
        self.transport.pause_reading()

    def on_headers_complete(self) -> None:
        self.unframed = 0
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ValueError("too many requests wait for the answers before theirs")
        refusal = refuse_head(self.url, self.headers, self.parser.get_http_version())
        if refusal is None:
            super().on_headers_complete()
        else:
            answers, self.app = self.app, refusal
            super().on_headers_complete()
            self.app = answers
        if refusal or self.all.draining:
            self.cycle.keep_alive = False
        self.left_over = 0
        self.headers = []  # What trailers are added to: they are none of the request's headers.

    def on_body(self, body: bytes) -> None:
        self.unframed = 0
        self.body_bytes += len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self.left_over += len(body)
            if self.left_over > LEFT_OVER_MAX:
                self.transport.abort()

    def on_message_complete(self) -> None:
        self.unframed = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self.cycle.more_body = False  # Which uvicorn leaves where the answer was given before.

    def pause_writing(self) -> None:
        self.paused_at = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.paused_at = None
        super().resume_writing()

    def drain(self) -> None:
        """Answer what is being asked, and keep the connection no longer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close now where the client is owed nothing, and has begun to ask nothing."""
        is_idle = (
            self.scope is None
            if self.cycle is None
            else self.cycle.response_complete and self.cycle.scope is self.scope
        )
        if is_idle or self.is_refused:
            self.transport.close()
        else:
            self.drain()

    def tend(self, now: float, limits: Limits) -> None:
        """End this connection where its step takes too long."""
        step, request = self._find_step()
        if step != self._step or request is not self._request:
            self._step, self._request, self._step_began = step, request, now
            self._bytes_seen, self._progress_at = self.body_bytes, now
        elif self.body_bytes - self._bytes_seen >= self._least_progress(limits):
            self._bytes_seen, self._progress_at = self.body_bytes, now
        if self._is_late(now, limits):
            self.transport.abort()

    def _find_step(self) -> tuple[RequestStep, object]:
        """What we wait for the client to do, and the request that it is a step of."""
        if self.is_refused:
            return RequestStep.REFUSED, None
        if self.transport.is_closing():
            return RequestStep.CLOSING, None
        if self.cycle is not None and self.cycle.more_body:
            # Where we do not read, it is not the client who is slow.
            return (RequestStep.OURS if self.flow.read_paused else RequestStep.BODY), self.cycle
        if self.cycle is None or self.cycle.scope is not self.scope:
            return RequestStep.HEAD, self.scope
        return RequestStep.OURS, None

    def _is_late(self, now: float, limits: Limits) -> bool:
        if self._takes_nothing(now, limits.reading_seconds):
            return True
        took = now - self._step_began
        match self._step:
            case RequestStep.REFUSED:
                return took > REFUSED_SECONDS
            case RequestStep.HEAD:
                return took > limits.head_seconds
            case RequestStep.BODY:
                stalls = now - self._progress_at > limits.progress_seconds
                return stalls or (not self._is_upload() and took > limits.body_seconds)
            case RequestStep.OURS | RequestStep.CLOSING:
                return False

    def _least_progress(self, limits: Limits) -> int:
        return limits.upload_bytes if self._is_upload() else 1

    def _is_upload(self) -> bool:
        """Whether a route takes this body for a file, from somebody whom it knows."""
        body = self.cycle.scope.get(BODY) if self.cycle is not None else None
        return isinstance(body, Body) and body.is_upload

    def _takes_nothing(self, now: float, seconds: float) -> bool:
        """Whether an answer has waited so long for a client that took no byte of it meanwhile.

        The kernel's queue can take minutes to have room again for us where a line is slow, so what
        is left in it tells.
        """
        since = self._step_began if self._step is RequestStep.CLOSING else self.paused_at
        if since is None:
            return False
        left = left_to_send(self.transport)
        if left != self._left_seen:
            self._left_seen, self._left_changed = left, now
        return now - max(since, self._left_changed) > seconds
