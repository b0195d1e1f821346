"""Where an API process listens: at a port that it may share, and at a door of its own.

The kernel spreads a shared port's connections over the processes that listen there, so whoever
wants to ask a certain one of them knocks at its door: a socket without a file, named by its pid
and by when it started, since two containers on one network may count the same pids. Why no socket
is inherited: docs/decisions/0009.
"""

import os
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Final

from dml.entrypoints.embedded.locks import Process

BACKLOG: Final = 2048
_PEER: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid.


@dataclass(frozen=True)
class Answer:
    """The status that a process answers with, `200`, or why there is none; and what it says."""

    status: str
    body: str = ""


def open_sockets(host: str, port: int, *, shared: bool) -> list[socket.socket]:
    """Open the port, at each address that the host has, and our door. OSError where it is taken."""
    opened = list[socket.socket]()
    try:
        for family, address in _addresses(host, port):
            listening = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
        if sys.platform == "linux":
            opened.append(socket.socket(socket.AF_UNIX))
            ourselves = Process.of(os.getpid())
            assert ourselves is not None
            opened[-1].bind(_door(ourselves))
        for listening in opened:
            listening.listen(BACKLOG)
            listening.setblocking(False)
    except OSError:
        for listening in opened:
            listening.close()
        raise
    return opened


def ask(process: Process, path: str) -> Answer:
    """What this process, and no other, answers to a GET."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(6)
            connection.connect(_door(process))
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            if _PEER.unpack(peer)[0] != process.pid:
                return Answer("another process is at its door")
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            with connection.makefile("rb") as response:
                # To its end: to hang up before would be logged as a fault.
                head, _, body = response.read(100_000).partition(b"\r\n\r\n")
    except OSError as error:
        return Answer(error.strerror or str(error))
    status = head.split(b" ", 2)
    if len(status) < 2:
        return Answer("no answer")
    return Answer(status[1].decode(errors="replace"), body.decode(errors="replace"))


def _addresses(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))  # type: ignore[misc]


def _door(process: Process) -> str:
    return f"\0dml-api-{process.pid}-{process.started}"
