"""The engine, against servers that behave and servers that do not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from dml.sim.engine import Address, Engine, Script
from dml.sim.figures import LOST
from dml.sim.wire import Answer, NotUnderstood

ASK = ("ask", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[socket.socket], None]


def answering(*pieces: bytes, pause: float = 0) -> Serve:
    """Answer each request by these pieces, one after the other."""

    def serve(client: socket.socket) -> None:
        while client.recv(4096):
            for piece in pieces:
                client.sendall(piece)
                time.sleep(pause)

    return serve


@contextmanager
def serving(serve: Serve) -> Iterator[Address]:
    """A server on a port of its own, which serves each connection in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve_and_close(client: socket.socket) -> None:
            with client, suppress(OSError):
                serve(client)

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serve_and_close, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()
        listening.shutdown(socket.SHUT_RDWR)


def asking(times: int, seen: list[Answer], *, pause: float = 0) -> Script:
    for _ in range(times):
        seen.append((yield ASK))
        if pause:
            yield pause


def test_many_scripts_share_few_connections() -> None:
    seen: list[Answer] = []
    with serving(answering(OK)) as address, Engine([address], connections=3) as engine:
        run = engine.run(asking(4, seen, pause=0.01) for _ in range(50))
    assert [it.body for it in seen] == [b"ok"] * 200
    assert (run.scripts_begun, run.scripts_ended, run.requests) == (50, 50, 200)
    assert run.verbs["ask"].statuses == {200: 200}
    assert 0 < run.verbs["ask"].quantiles(0.5)[0] < 1
    assert run.cpu_seconds > 0
    assert run.waiting_max >= 40


def test_an_answer_in_pieces_is_put_together() -> None:
    seen: list[Answer] = []
    pieces = (OK[:12], OK[12:30], OK[30:-1], OK[-1:])
    with serving(answering(*pieces, pause=0.01)) as address, Engine([address]) as engine:
        engine.run([asking(2, seen)])
    assert [(it.status, it.body) for it in seen] == [(200, b"ok")] * 2


def test_no_content_has_no_body_and_needs_no_length() -> None:
    seen: list[Answer] = []
    with (
        serving(answering(b"HTTP/1.1 204 No Content\r\nretry-after: 7\r\n\r\n")) as address,
        Engine([address]) as engine,
    ):
        run = engine.run([asking(2, seen)])
    assert [(it.status, it.body, it.header("Retry-After")) for it in seen] == [(204, b"", "7")] * 2
    assert run.verbs["ask"].succeeded == 2


def test_a_chunked_answer_is_noticed() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with (
        serving(answering(chunked)) as address,
        Engine([address]) as engine,
        pytest.raises(NotUnderstood, match="chunked"),
    ):
        engine.run([asking(1, [])])


def test_a_connection_that_is_lost_is_an_answer_without_status() -> None:
    seen: list[Answer] = []

    def serve_once(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(OK)
        client.recv(4096)  # The second request, which nobody answers.

    with serving(serve_once) as address, Engine([address], connections=1) as engine:
        run = engine.run([asking(4, seen)])
    assert [it.status for it in seen] == [200, LOST, 200, LOST]
    assert (run.verbs["ask"].succeeded, run.verbs["ask"].refused) == (2, 2)


def test_nobody_there_is_an_answer_without_status() -> None:
    seen: list[Answer] = []
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Engine([unused.getsockname()]) as engine:
            engine.run([asking(3, seen, pause=0.01)])
    assert [it.status for it in seen] == [LOST] * 3


def test_a_server_that_is_silent_is_given_up() -> None:
    seen: list[Answer] = []
    with (
        serving(lambda client: time.sleep(5)) as address,
        Engine([address], timeout_seconds=0.2) as engine,
    ):
        began = time.monotonic()
        engine.run([asking(1, seen)])
    assert [it.status for it in seen] == [LOST]
    assert time.monotonic() - began < 2


def test_a_connection_that_the_server_closes_is_opened_anew() -> None:
    seen: list[Answer] = []
    closing = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")

    def serve_once(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(closing)

    with serving(serve_once) as address, Engine([address], connections=2) as engine:
        engine.run([asking(6, seen), asking(6, seen)])
    assert [it.status for it in seen] == [200] * 12


def test_large_requests_are_sent_whole() -> None:
    sent, size = [], 8 * 1024 * 1024

    def serve(client: socket.socket) -> None:
        got = 0
        while got < size:
            time.sleep(0.001)
            got += len(client.recv(1024 * 1024))
        sent.append(got)
        client.sendall(OK)

    def script() -> Script:
        yield ("large", bytes(size))

    with serving(serve) as address, Engine([address]) as engine:
        run = engine.run([script()])
    assert (sent, run.verbs["large"].succeeded) == ([size], 1)


def test_a_closed_loop_has_so_many_scripts_at_once() -> None:
    live, most = 0, 0

    def script() -> Script:
        nonlocal live, most
        live += 1
        most = max(most, live)
        yield ASK
        yield 0.001
        live -= 1

    with serving(answering(OK)) as address, Engine([address]) as engine:
        run = engine.run((script() for _ in range(100)), at_once=7)
    assert (most, run.scripts_ended) == (7, 100)


def test_an_open_loop_begins_scripts_at_its_rate_and_counts_from_when_they_were_due() -> None:
    with (
        serving(answering(b"", OK, pause=0.05)) as address,
        Engine([address], connections=1) as engine,
    ):
        run = engine.run((asking(1, []) for _ in range(10)), rate=100)
    # 20 answers a second for 100 requests a second: each waits longer than the one before.
    assert run.wall_seconds > 0.5
    assert run.verbs["ask"].quantiles(0.99)[0] > 0.35


def test_a_run_ends_in_time_and_what_is_in_flight_is_answered() -> None:
    def endless() -> Script:
        while True:
            yield ASK

    ticks = []
    with (
        serving(answering(b"", OK, pause=0.02)) as address,
        Engine([address], connections=4) as engine,
    ):
        run = engine.run(
            (endless() for _ in range(4)),
            seconds=0.3,
            tick=lambda run: ticks.append(run.requests),
            tick_seconds=0.05,
        )
        again = engine.run([asking(1, [])])
    assert 0.3 <= run.wall_seconds < 1
    assert run.verbs["ask"].refused == 0
    assert len(ticks) >= 3
    assert ticks == sorted(ticks)
    assert (again.requests, again.verbs["ask"].succeeded) == (1, 1)


def test_several_addresses_share_the_work() -> None:
    heard = {"one": 0, "other": 0}

    def counting(name: str) -> Serve:
        def serve(client: socket.socket) -> None:
            while client.recv(4096):
                heard[name] += 1
                client.sendall(OK)

        return serve

    with (
        serving(counting("one")) as one,
        serving(counting("other")) as other,
        Engine([one, other], connections=4) as engine,
    ):
        engine.run([asking(20, [])])
    assert heard == {"one": 10, "other": 10}


def test_a_script_that_fails_ends_the_run_and_the_engine_can_run_again() -> None:
    def broken() -> Script:
        yield ASK
        raise KeyError("a bug")

    with serving(answering(OK)) as address, Engine([address], connections=2) as engine:
        with pytest.raises(KeyError):
            engine.run([broken()])
        assert engine.run([asking(1, [])]).verbs["ask"].succeeded == 1
