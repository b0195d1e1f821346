"""`dml restart` under way: whoever asks meanwhile is answered, whole and well."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from dml.entrypoints.supervisor import ports
from tests.entrypoints.up.marketplace import API, Marketplace

CLIENTS: Final = 4
PAUSE: Final = 0.02  # Else they take the processor from those who start.
RESTARTED: Final = ("api-1", "api-2", "worker-1")
BREAKS: Final = """
import os, pathlib, sys, time
if pathlib.Path(os.environ["DML_HOME"], "broken").exists():
    print("it is broken", flush=True)
    time.sleep(0.3)
    sys.exit(3)
"""
REGISTER: Final = '{"email": "%s@example.org", "password": "a long enough password"}'


@dataclass
class Client:
    """Asks again and again, and repeats only what an idle connection's end has cut off."""

    port: int
    name: str
    keeps: bool  # Its connection, for the next request.
    answered: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not stop.is_set():
            is_fresh = connection is None
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", self.port)
            status, closes = await self._ask(*connection)
            if status == "":
                if is_fresh:
                    self.wrong.append("hung up on without an answer")
                self.repeated += 1
            else:
                self.answered += 1
                if status not in ("200", "201"):
                    self.wrong.append(status)
            if closes or not self.keeps:
                await _close(connection[1])
                connection = None
            await asyncio.sleep(PAUSE)
        if connection is not None:
            await _close(connection[1])

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, bool]:
        """The status, none where it was hung up on, and whether the connection is at its end."""
        path, body = "/healthz", ""
        if self.answered % 16 == 0:  # It takes a while, so that some are under way at any time.
            path, body = "/v1/users", REGISTER % f"{self.name}-{self.answered}-{self.repeated}"
        method = "POST" if body else "GET"
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        try:
            writer.write(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
            first = await reader.readline()
        except ConnectionError:
            first = b""
        if not first:
            return "", True
        try:
            length, closes = 0, False
            while (line := await reader.readline()) != b"\r\n":
                name, _, value = line.decode().lower().strip().partition(": ")
                length = int(value) if name == "content-length" else length
                closes = closes or (name, value) == ("connection", "close")
            await reader.readexactly(length)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
            self.wrong.append(f"half an answer: {error!r}")
            return first.decode(), True
        return first.split()[1].decode(), closes


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.timeout(180)
async def test_a_restart_loses_no_request(marketplace: Marketplace) -> None:
    marketplace.commands.clear()  # The real ones.
    marketplace.variables |= {"DML_REGISTRATIONS_A_MINUTE": "100000", "DML_SHUTDOWN_SECONDS": "30"}
    marketplace.variables["DML_WORKER_PROCESSES"] = "1"  # Nobody asks a worker.
    await asyncio.to_thread(marketplace.up)
    before = [marketplace.process(name) for name in RESTARTED]
    stop = asyncio.Event()
    clients = [Client(marketplace.port, f"c{n}", keeps=n % 2 == 0) for n in range(CLIENTS)]
    running = [asyncio.create_task(it.run(stop)) for it in clients]
    await asyncio.sleep(0.5)
    out = await asyncio.to_thread(lambda: marketplace.ends(marketplace.popen("restart"), 90))
    answered = [it.answered for it in clients]
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*running)
    assert [line.split(" ")[2:4] for line in out.splitlines()] == [
        ["API", "1"],
        ["API", "2"],
        ["Worker", "1"],
    ]
    assert [it.wrong for it in clients] == [[]] * CLIENTS
    assert all(it.answered > count for it, count in zip(clients, answered, strict=True))
    after = [marketplace.process(name) for name in RESTARTED]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert sum(it.repeated for it in clients) <= CLIENTS


def test_a_release_that_does_not_start_leaves_the_one_before_to_serve(
    marketplace: Marketplace,
) -> None:
    marketplace.commands["api"] = f"{BREAKS}{API}"
    marketplace.up()
    before = {name: marketplace.process(name) for name in RESTARTED}
    broken = marketplace.home / "broken"
    broken.touch()
    assert marketplace.popen("restart").wait(timeout=60) == 1
    said = marketplace.shown()
    assert "API 1 ended 3 times at its start" in said
    assert "it is broken" in said
    assert [marketplace.process(it) for it in RESTARTED[1:]] == [before[it] for it in RESTARTED[1:]]
    assert marketplace.serves()

    broken.unlink()
    marketplace.until_another("api-1", [before["api-1"]])
    marketplace.ends(marketplace.popen("restart"))
    assert all(marketplace.process(it) not in (None, before[it]) for it in RESTARTED)


def test_nothing_to_restart_says_so(new_marketplace: Marketplace) -> None:
    process = new_marketplace.popen("restart")
    assert process.wait(timeout=30) == 1
    assert "nothing runs for" in new_marketplace.shown()


def test_an_api_that_is_killed_leaves_the_other_to_answer(marketplace: Marketplace) -> None:
    marketplace.up()
    other, killed = marketplace.pid("api-2"), marketplace.process("api-1")
    assert killed is not None
    marketplace.kill("api-1")
    marketplace.until(lambda: _has_ended(killed.pid))  # The kernel takes its time.
    for _ in range(20):  # Were it still in the kernel's list, half of these would fail.
        assert marketplace.serves()
    marketplace.until(lambda: marketplace.process("api-1") not in (None, killed))
    marketplace.until(lambda: ports.listens(marketplace.pid("api-1"), marketplace.port))
    assert marketplace.serves()
    assert marketplace.pid("api-2") == other


def _has_ended(pid: int) -> bool:
    """Whether it has closed all that it had open: it is gone, or waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_changed_number_adopts_some_and_ends_the_rest(marketplace: Marketplace) -> None:
    marketplace.up()
    kept = [marketplace.process(name) for name in ("api-1", "worker-1")]
    for number in ("1", "3"):
        marketplace.kill("up", "supervisor")
        marketplace.variables |= {"DML_API_PROCESSES": number, "DML_WORKER_PROCESSES": number}
        marketplace.up()
        assert [marketplace.process(name) for name in ("api-1", "worker-1")] == kept
        assert (marketplace.process("api-2") is None) == (number == "1")
        assert (marketplace.process("worker-3") is None) == (number == "1")
    marketplace.down()
    assert all(marketplace.process(f"{it}-3") is None for it in ("api", "worker"))


def test_a_stranger_who_shares_the_port_is_noticed(
    marketplace: Marketplace,
) -> None:
    # Another of our user's programs may set SO_REUSEPORT as well, once the port is chosen.
    marketplace.commands["migrate"] = """
import os, pathlib, subprocess, sys
code = '''
import os, socket, time
stranger = socket.socket()
stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
stranger.bind(("127.0.0.1", int(os.environ["DML_PORT"])))
stranger.listen()
time.sleep(60)
'''
subprocess.Popen([sys.executable, "-c", code], stdout=-3, stderr=-3, stdin=-3)
import time
from dml.entrypoints.supervisor import ports
while not ports._listeners(int(os.environ["DML_PORT"])):
    time.sleep(0.05)
pathlib.Path(os.environ["DML_HOME"], "taken").write_text(os.environ["DML_PORT"])
"""
    marketplace.up()
    assert str(marketplace.port) != (marketplace.home / "taken").read_text()
    assert marketplace.serves()
