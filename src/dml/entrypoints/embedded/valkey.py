"""Valkey: started, adopted, stopped. It listens on a private socket, and keeps nothing on disk."""

import os
import signal
import socket
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dml.entrypoints.embedded import life, locks, places, wheels
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.embedded.places import Site
from dml.entrypoints.embedded.state import State
from dml.refused import Refused

_SOCKET: Final = "valkey.sock"

# The socket is relative to the working folder, so that no path needs quoting.
_CONFIGURATION: Final = f"""\
port 0
unixsocket {_SOCKET}
unixsocketperm 700
save ""
appendonly no
maxmemory 128mb
maxmemory-policy allkeys-lru
requirepass %s
"""


def url(state: State) -> str:
    """How the application connects."""
    return f"unix://:{state.valkey_password}@{quote(state.run)}/{_SOCKET}?db=0"


def process(home: str | Path) -> Process | None:
    """The server's process. None where it does not run."""
    site = places.find(home)
    return next(iter(locks.heads(_lock(site), site.account)), None) if site else None


def start(site: Site, *, deadline: float) -> None:
    """Start the server, or adopt it where it runs."""
    programs = wheels.programs(wheels.VALKEY, site.place, site.account)
    if not (site.run / _SOCKET).exists():
        stop(site, timeout=60)  # A cleaner of /tmp took the socket.

    def launch(lock: int) -> None:
        # By standard input: `ps` shows what is on a command line, and a file's name is taken for a
        # pattern where its folder has a ?, [ or backslash (it then starts without a password).
        program = life.Program(
            [programs / "valkey-server", "-"],
            folder=site.run,
            log=site.place / "valkey.log",
            account=site.account,
            script=_CONFIGURATION % site.state.valkey_password,
        )
        life.spawn(program, lock=lock)

    def problem() -> str:
        return _problem(site)

    life.await_ready(
        _lock(site), start=launch, problem=problem, log=site.place / "valkey.log", deadline=deadline
    )


def stop(site: Site, *, timeout: float) -> None:
    """Stop the server, if it runs."""
    life.stop(_lock(site), signal.SIGTERM, account=site.account, timeout=timeout)


def _lock(site: Site) -> Path:
    return site.place / "valkey.lock"


def _problem(site: Site) -> str:
    """Why the application cannot connect yet. A server that is not ours is refused."""
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(os.fsencode(site.run / _SOCKET))
            connection.sendall(f"AUTH {site.state.valkey_password}\r\nPING\r\n".encode())
            while answer.count(b"\n") < 2 and (more := connection.recv(256)):
                answer += more
    except OSError as error:
        return str(error)
    if answer not in (b"", b"+OK\r\n+PONG\r\n"):
        raise Refused(
            f"the server in {site.run} is not our Valkey ({answer[:80]!r}): "
            "stop it, or choose another DML_HOME"
        )
    return "" if answer else "it hung up"
