"""What one connection may take of us: time to ask, time to listen, and its place among others.

A client that sends its request a byte a minute, that never reads its answer, or that is gone
without a word costs a connection for as long as it likes. Here each step of a request has its
time, kept by one sweep a second over all connections, so that a request pays nothing for it.

Above the limit we answer 503 and hang up, where to stop accepting would leave clients to wait in
the kernel's queue for an answer that nobody has in mind: told, they come back when they should.
"""

import asyncio
import contextlib
import fcntl
import ipaddress
import json
import socket
import termios
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from dml.core import metrics
from dml.core.addresses import network_of

SWEEP_SECONDS: Final = 1.0
REFUSED_SECONDS: Final = 2.0  # So long a client that is refused has for reading that.
REFUSED_MAX: Final = 1_000  # Beyond so many at once, it is hung up on without a word.

_REFUSAL: Final = json.dumps(
    {
        "type": "/problems/http.503",
        "title": "The service cannot answer just now.",
        "status": 503,
        "code": "http.503",
        "detail": "There are too many connections. Close some, or ask again in a moment.",
    }
).encode()
_REFUSED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
    b"retry-after: 2\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
    % (len(_REFUSAL), _REFUSAL)
)


class Step(Enum):
    """What a connection waits for."""

    HEAD = auto()  # The head of a request, or for one to begin on a new connection.
    BODY = auto()
    OURS = auto()  # Us; or for the next request, where uvicorn has a limit.
    CLOSING = auto()  # For the client to take what is left of the answer.
    REFUSED = auto()


@dataclass(frozen=True)
class Limits:
    """How long each step may take, and how many connections there may be."""

    head_seconds: float = 10  # Until the last byte of a request's head.
    body_seconds: float = 60  # Until the last byte of its body.
    progress_seconds: float = 20  # Between two bytes of a body of any length.
    reading_seconds: float = 30  # Between two bytes that the client takes of our answer.
    connections: int = 10_000
    of_one_address: int = 1_000
    trusted: str = "127.0.0.1"  # Whose many clients share an address: not counted by it.
    long_bodies: tuple[str, ...] = ()  # Ends of paths whose bodies only have to make progress.

    @property
    def sweep_seconds(self) -> float:
        times = self.head_seconds, self.body_seconds, self.progress_seconds, self.reading_seconds
        return min(SWEEP_SECONDS, *(it / 2 for it in times))


@dataclass
class Connections:
    """Every connection of this process; call it where a protocol's class is expected."""

    limits: Limits
    by_address: Counter[str] = field(default_factory=Counter)
    open: set["Connection"] = field(default_factory=set)
    refused: set["Connection"] = field(default_factory=set)
    draining: bool = False

    def __post_init__(self) -> None:
        self._is_trusted = _matcher(self.limits.trusted)

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
        if len(self.open) >= self.limits.connections:
            return False
        if address and not self._is_trusted(address):
            connection.address = address = network_of(address)
            if self.by_address[address] >= self.limits.of_one_address:
                return False
            self.by_address[address] += 1
            connection.counted = True
        self.open.add(connection)
        return True

    def forget(self, connection: "Connection") -> None:
        self.open.discard(connection)
        self.refused.discard(connection)
        if connection.counted:
            connection.counted = False
            self.by_address[connection.address] -= 1
            if not self.by_address[connection.address]:
                del self.by_address[connection.address]

    def drain(self) -> None:
        """Close each connection after the answer that it waits for, and each new one likewise."""
        self.draining = True
        for connection in self.open:
            connection.drain()

    async def sweep(self) -> None:
        """End, once a second and until cancelled, whoever takes too long."""
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            now = time.monotonic()
            for connection in [*self.open, *self.refused]:
                connection.tend(now, self.limits)


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
        self.paused_at: float | None = None  # Since when the client takes nothing of our answer.
        self.body_bytes = 0
        # What the last sweep saw: the step the connection was at, of which request, since when.
        self._step = Step.OURS
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
            _end_when_gone(transport, self.all.limits.reading_seconds)
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
        if not self.is_refused:
            super().data_received(data)
        elif not self.transport.is_closing():
            self.transport.write(_REFUSED)
            if self.transport.can_write_eof():
                self.transport.write_eof()  # To close would take back what it has not read yet.

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.all.draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

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
        elif self.body_bytes != self._bytes_seen:
            self._bytes_seen, self._progress_at = self.body_bytes, now
        if self._is_late(now, limits):
            self.transport.abort()

    def _find_step(self) -> tuple[Step, object]:
        """What we wait for the client to do, and the request that it is a step of."""
        if self.is_refused:
            return Step.REFUSED, None
        if self.transport.is_closing():
            return Step.CLOSING, None
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body:
            # Where we do not read, it is not the client who is slow.
            return (Step.OURS if self.flow.read_paused else Step.BODY), self.cycle
        if self.cycle is None or self.cycle.scope is not self.scope:
            return Step.HEAD, self.scope
        return Step.OURS, None

    def _is_late(self, now: float, limits: Limits) -> bool:
        if self._takes_nothing(now, limits.reading_seconds):
            return True
        took = now - self._step_began
        match self._step:
            case Step.REFUSED:
                return took > REFUSED_SECONDS
            case Step.HEAD:
                return took > limits.head_seconds
            case Step.BODY:
                path = self.cycle.scope["path"]
                stalls = now - self._progress_at > limits.progress_seconds
                is_long = path.endswith(limits.long_bodies) if limits.long_bodies else False
                return stalls or (not is_long and took > limits.body_seconds)
            case Step.OURS | Step.CLOSING:
                return False

    def _takes_nothing(self, now: float, seconds: float) -> bool:
        """Whether an answer has waited so long for a client that took no byte of it meanwhile.

        The kernel's queue can take minutes to have room again for us where a line is slow, so what
        is left in it tells.
        """
        since = self._step_began if self._step is Step.CLOSING else self.paused_at
        if since is None:
            return False
        left = _left_to_send(self.transport)
        if left != self._left_seen:
            self._left_seen, self._left_changed = left, now
        return now - max(since, self._left_changed) > seconds


def _end_when_gone(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Let the kernel end a connection whose other side has gone without a word."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family == socket.AF_UNIX:
        return
    options = {
        (socket.SOL_SOCKET, "SO_KEEPALIVE"): 1,
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE"): 20,
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL"): 5,
        (socket.IPPROTO_TCP, "TCP_KEEPCNT"): 3,
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"): max(1, int(seconds * 1000)),
    }
    for (level, name), value in options.items():
        option = getattr(socket, name, None)  # Not every system has each.
        if option is not None:
            connection.setsockopt(level, option, value)


def _left_to_send(transport: asyncio.BaseTransport) -> int:
    """How many bytes the kernel has that the other side has not acknowledged."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):  # It is gone, or this is not Linux.
        return int.from_bytes(
            fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)), "little"
        )
    return 0


def _matcher(trusted: str) -> Callable[[str], bool]:
    """Tell whether an address is among these: addresses and networks, with commas between."""
    names = {name.strip() for name in trusted.split(",") if name.strip()}
    if "*" in names:
        return lambda address: True
    networks = [ipaddress.ip_network(name) for name in names if "/" in name]

    def is_among(address: str) -> bool:
        if address in names or not networks:
            return address in names
        return any(ipaddress.ip_address(address) in network for network in networks)

    return is_among
