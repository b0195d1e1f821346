"""The load engine: many scripts, few connections, one thread.

It shares its processors with the server that it measures, so it has to be cheap: no event loop, no
HTTP library, about as much time as the kernel takes for the same bytes. The cost of other load
generators: docs/decisions/0011.

A script is a generator. It yields a request, `("claim", bytes)`, and is sent its Answer; or it
yields seconds (a float) to sleep. It takes a connection for one request at a time, so that a
hundred thousand scripts live beside a few hundred connections. A lost or refused connection is an
answer with the status 0: a script that repeats its request sleeps before it does.

    engine.run(scripts, at_once=256)     closed loop: as one script ends, the next one begins
    engine.run(scripts, rate=1_000)      open loop: one begins every millisecond, come what may

Latency counts from when a request was due, so waiting for a free connection is part of it, and a
server that stalls cannot hide how many it kept waiting.
"""

import heapq
import select
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic, process_time
from typing import Final, Self, TypeAlias

from dml.sim.figures import LOST, Run
from dml.sim.wire import NO_ANSWER, Answer, measure

Request: TypeAlias = tuple[str, bytes]
Script: TypeAlias = Generator[Request | float, Answer, None]
Address: TypeAlias = tuple[str, int]

_READ_BYTES: Final = 64 * 1024
_EVENTS: Final = 128
_CHECK_SECONDS: Final = 0.5
_EXACT_BELOW: Final = 0.003  # epoll waits whole milliseconds; an arrival must not be as late.
_BOTH: Final = select.EPOLLIN | select.EPOLLOUT


class Connection:
    """A keep-alive connection, opened when it is needed, with at most one request in flight."""

    __slots__ = ("address", "due", "raw", "script", "sent", "socket", "unsent", "verb")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.socket: socket.socket | None = None
        self.script: Script | None = None
        self.verb = ""
        self.due = 0.0
        self.sent = 0.0
        self.unsent = b""
        self.raw = b""


@dataclass(frozen=True, slots=True)
class _Load:
    """How many scripts begin each second, or live at a time, and for how many seconds."""

    rate: float | None
    at_once: int | None
    seconds: float | None


class Engine:
    """Runs scripts against one or more addresses of a server."""

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        connections: int = 256,
        timeout_seconds: float = 30,
    ) -> None:
        self._timeout = timeout_seconds
        self._epoll = select.epoll()
        made = [Connection(addresses[n % len(addresses)]) for n in range(connections)]
        self._free = deque(made)  # The one idle longest is next, so that all addresses get work.
        self._open: dict[int, Connection] = {}
        self._waiting: deque[tuple[Script, Request, float]] = deque()
        self._asleep: list[tuple[float, int, Script]] = []
        self._order = count()
        self._live = 0
        self._stopping = False
        self.run_so_far = Run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for it in list(self._open.values()):
            self._close(it)
        self._epoll.close()

    def run(
        self,
        scripts: Iterable[Script],
        *,
        rate: float | None = None,
        at_once: int | None = None,
        seconds: float | None = None,
        tick: Callable[[Run], object] | None = None,
        tick_seconds: float = 0.25,
    ) -> Run:
        """Run the scripts until all have ended, or for `seconds`; then await what is in flight.

        `rate` scripts begin each second, else `at_once` of them live at a time, else all begin at
        once. `tick` is called now and then with the figures so far; what it returns is ignored.
        A script's own exception ends the run.
        """
        self.run_so_far = run = Run()
        self._stopping = False
        began, cpu = monotonic(), process_time()
        try:
            load = _Load(rate, at_once, seconds)
            self._work(iter(scripts), began, load, tick, tick_seconds)
        finally:
            self._abandon()
            run.wall_seconds = monotonic() - began
            run.cpu_seconds = process_time() - cpu
        return run

    def stop(self) -> None:
        """End the run from within: by a tick, or a script."""
        self._stopping = True

    def _work(
        self,
        scripts: Iterator[Script],
        began: float,
        load: _Load,
        tick: Callable[[Run], object] | None,
        tick_seconds: float,
    ) -> None:
        gap = 1 / load.rate if load.rate else 0.0
        most = load.at_once or (1 << 62)
        next_arrival, next_tick, next_check = began, began + tick_seconds, began + _CHECK_SECONDS
        end = began + load.seconds if load.seconds is not None else float("inf")
        more = True
        asleep, run = self._asleep, self.run_so_far
        while (now := monotonic()) < end and not self._stopping:
            while asleep and asleep[0][0] <= now:
                due, _, script = heapq.heappop(asleep)
                self._resume(script, NO_ANSWER, due)
            while more and self._live < most and (not gap or next_arrival <= now):
                script = next(scripts, None)  # type: ignore[arg-type]
                if script is None:
                    more = False
                    break
                self._begin(script, next_arrival if gap else now)
                next_arrival += gap
            self._dispatch()
            if not self._live and not more:
                return
            if now >= next_check:
                next_check = now + _CHECK_SECONDS
                self._lose_the_silent(now)
            if tick and now >= next_tick:
                next_tick = now + tick_seconds
                run.wall_seconds = now - began
                tick(run)
            wake = min(next_check, end)
            if asleep:
                wake = min(wake, asleep[0][0])
            if gap and more and self._live < most:
                wake = min(wake, next_arrival)
            self._wait(wake - monotonic())
        self._stopping = True
        self._waiting.clear()
        patience = monotonic() + self._timeout
        while self._in_flight() and (now := monotonic()) < patience:
            self._wait(min(_CHECK_SECONDS, patience - now))

    def _in_flight(self) -> bool:
        return any(it.script is not None for it in self._open.values())

    def _wait(self, seconds: float) -> None:
        """Wait for events, at most so many seconds, and handle them."""
        if 0 < seconds < _EXACT_BELOW:
            select.select((self._epoll,), (), (), seconds)
            seconds = 0
        events = self._epoll.poll(max(0, seconds), _EVENTS)
        now = monotonic()
        for number, event in events:
            connection = self._open.get(number)
            if connection is None:
                continue  # Closed by an event handled just before.
            if connection.unsent:
                self._send_rest(connection)
            if event & ~select.EPOLLOUT and connection.socket is not None:
                self._read(connection, now)
                if self._waiting:
                    self._dispatch()

    def _begin(self, script: Script, due: float) -> None:
        self._live += 1
        self.run_so_far.scripts_begun += 1
        try:
            self._take(script, next(script), due)
        except StopIteration:
            self._end()

    def _resume(self, script: Script, answer: Answer, now: float) -> None:
        try:
            self._take(script, script.send(answer), now)
        except StopIteration:
            self._end()

    def _end(self) -> None:
        self._live -= 1
        self.run_so_far.scripts_ended += 1

    def _take(self, script: Script, request: Request | float, now: float) -> None:
        """Handle what a script yielded."""
        if isinstance(request, tuple):
            self._waiting.append((script, request, now))
        else:
            heapq.heappush(self._asleep, (now + request, next(self._order), script))

    def _dispatch(self) -> None:
        """Send waiting requests, as long as there are free connections."""
        waiting, free = self._waiting, self._free
        if self._stopping:
            return
        while waiting and free:
            script, (verb, data), due = waiting.popleft()
            it = free.popleft()
            it.script, it.verb, it.due, it.sent = script, verb, due, monotonic()
            if it.socket is None:
                self._connect(it, data)
                continue
            try:
                count = it.socket.send(data)
            except BlockingIOError:
                count = 0
            except OSError:
                self._lose(it)
                continue
            if count < len(data):
                it.unsent = data[count:]
                self._epoll.modify(it.socket, _BOTH)
        if len(waiting) > self.run_so_far.waiting_max:
            self.run_so_far.waiting_max = len(waiting)

    def _connect(self, it: Connection, data: bytes) -> None:
        """Begin to connect; the request goes out when that is done."""
        family = socket.AF_INET6 if ":" in it.address[0] else socket.AF_INET
        it.socket = made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect_ex(it.address)  # An error shows at the first send.
        it.unsent = data
        self._open[made.fileno()] = it
        self._epoll.register(made, _BOTH)

    def _send_rest(self, it: Connection) -> None:
        assert it.socket is not None
        try:
            it.unsent = it.unsent[it.socket.send(it.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._lose(it)
            return
        if not it.unsent:
            self._epoll.modify(it.socket, select.EPOLLIN)

    def _read(self, it: Connection, now: float) -> None:
        assert it.socket is not None
        try:
            data = it.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(it)
            return
        raw = it.raw + data if it.raw else data
        head_end, length = measure(raw)
        if not length or len(raw) < length:
            it.raw = raw
            return
        script, it.script, it.raw = it.script, None, b""
        assert script is not None, "an answer to no request"
        status = int(raw[9:12])
        answer = Answer(status, raw, head_end, now - it.due)
        figures = self.run_so_far.verbs[it.verb]
        figures.statuses[status] += 1
        if 200 <= status < 300:
            figures.seconds.append(answer.seconds)
        if raw.find(b"onnection: close", 0, head_end) >= 0:
            self._close(it)
        self._free.append(it)
        self._resume(script, answer, monotonic())

    def _lose(self, it: Connection) -> None:
        """Handle a lost connection: the waiting script gets NO_ANSWER."""
        self._close(it)
        script, it.script, it.raw = it.script, None, b""
        if script is None:
            return  # It rested among the free, and still does: closed.
        self._free.append(it)
        self.run_so_far.verbs[it.verb].statuses[LOST] += 1
        self._resume(script, NO_ANSWER, monotonic())

    def _lose_the_silent(self, now: float) -> None:
        """Give up requests that were not answered in time."""
        for it in list(self._open.values()):
            if it.script is not None and now - it.sent > self._timeout:
                self._lose(it)

    def _close(self, it: Connection) -> None:
        if it.socket is not None:
            del self._open[it.socket.fileno()]
            it.socket.close()  # This also removes it from epoll.
            it.socket, it.unsent = None, b""

    def _abandon(self) -> None:
        """Drop scripts and requests in flight that did not end in time."""
        for it in list(self._open.values()):
            if it.script is not None:
                self.run_so_far.verbs[it.verb].statuses[LOST] += 1
                self._close(it)
                it.script, it.raw = None, b""
                self._free.append(it)
        self._waiting.clear()
        self._asleep.clear()
        self._live = 0
