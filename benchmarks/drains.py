"""Requests while every process is restarted, one after the other: none of 10,000 may fail.

Clients keep their connections, as browsers and agents do, and do what HTTP asks of them (RFC 9112,
9.3.1): a request that was sent just as an idle connection ended is sent once more, on a new one.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.device_path import Say
from benchmarks.figures import Figure, absolute, only_told
from benchmarks.market import START_SECONDS, Market, opened
from benchmarks.ordinary import fill
from dml.entrypoints.supervisor import ports

REQUESTS: Final = 10_000
CLIENTS: Final = 16
APIS: Final = 2
PAUSE_SECONDS: Final = 0.015  # Else they take the processor from those who start.
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Told:
    """What became of the requests."""

    answered: int = 0
    again: int = 0  # Sent once more, as an idle connection had ended.
    failed: list[str] = field(default_factory=list)


def drains(home: Path, say: Say) -> list[Figure]:
    """How many requests fail while two APIs and a worker are restarted once each, and how long
    that takes.
    """
    with opened(home, "drains") as market:
        token = fill(market)
        market.environment["DML_SHARE_PORT"] = "true"
        market.start(apis=APIS, workers=1)
        told, seconds = asyncio.run(_restart_all(market, token))
    say(f"drains: {told.answered:,} answered in {seconds:.1f} s, {told.again} sent once more")
    for it in told.failed[:10]:
        say(f"drains: {it}")
    share = REQUESTS / (told.answered + len(told.failed))
    return [
        absolute("drain_failed", len(told.failed) * share, "≤ 0", f"of {REQUESTS:,}"),
        only_told("drain_sent_again", told.again * share, f"of {REQUESTS:,}"),
        only_told("drain_restart_of_all", seconds, "s"),
    ]


async def _restart_all(market: Market, token: str) -> tuple[Told, float]:
    """Restart each process while clients ask, and let them go on until all requests were sent."""
    told, stop = Told(), asyncio.Event()
    clients = [asyncio.create_task(_ask(market.port, token, told, stop)) for _ in range(CLIENTS)]
    await asyncio.sleep(0.5)
    began = time.perf_counter()
    for number in range(APIS):
        await asyncio.to_thread(_restart, market.apis, number, lambda: market.spawn("server"))
        await asyncio.to_thread(_await_listening, market.apis[number], market.port)
    await asyncio.to_thread(_restart, market.workers, 0, lambda: market.spawn("worker"))
    seconds = time.perf_counter() - began
    while told.answered < REQUESTS and not told.failed:
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*clients)
    return told, seconds


def _restart(
    processes: "list[subprocess.Popen[bytes]]",
    number: int,
    spawn: "Callable[[], subprocess.Popen[bytes]]",
) -> None:
    processes[number].send_signal(signal.SIGTERM)
    processes[number].wait(START_SECONDS)
    processes[number] = spawn()


def _await_listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ports.listens(process.pid, port):
        if time.monotonic() > deadline:
            raise RuntimeError("an API that was restarted does not listen")
        time.sleep(0.02)


async def _ask(port: int, token: str, told: Told, stop: asyncio.Event) -> None:
    """Ask for a public list, one's own account and one's own jobs, in turns."""
    connection, turn = None, 0
    paths = ("/v1/algorithms", "/v1/users/me", "/v1/jobs")
    while not stop.is_set():
        head = f"GET {paths[turn % len(paths)]} HTTP/1.1\r\nHost: localhost\r\n"
        request = f"{head}Authorization: Bearer {token}\r\n\r\n".encode()
        kept = connection
        connection = connection or await asyncio.open_connection("127.0.0.1", port)
        status, closes = await _answer(connection, request)
        if status == "" and kept is not None:
            told.again += 1
            connection = await asyncio.open_connection("127.0.0.1", port)
            status, closes = await _answer(connection, request)
        if status == "200":
            told.answered += 1
        else:
            told.failed.append(status or "hung up on without an answer")
        if closes or not status:
            connection[1].close()
            connection = None
        turn += 1
        await asyncio.sleep(PAUSE_SECONDS)
    if connection is not None:
        connection[1].close()


async def _answer(connection: Connection, request: bytes) -> tuple[str, bool]:
    """The status, none where it was hung up on before a byte, and whether it is the last answer."""
    reader, writer = connection
    first, length, closes = b"", 0, False
    with suppress(ConnectionError):
        writer.write(request)
        first = await reader.readline()
    if not first:
        return "", True
    try:
        while (line := await reader.readline()) != b"\r\n":
            name, _, value = line.decode().lower().strip().partition(": ")
            length = int(value) if name == "content-length" else length
            closes = closes or (name, value) == ("connection", "close")
        await reader.readexactly(length)
    except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
        return f"half an answer: {error!r}", True
    return first.split()[1].decode(), closes
