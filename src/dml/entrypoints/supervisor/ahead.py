"""A process that is started before it is known what it shall do, and imports meanwhile.

Where `dml up` begins, three things take a second of processor time each after the other: to read
the settings, to find or start the servers, to import the API and a worker. None needs the other, so
the imports begin first, in processes that then wait on a socket for their order: variables, the
lock that says it lives, and a log. Who hears that the socket is closed is not needed, and ends.
So the supervisor is started; what APIs and workers import is `nursery`'s. See
docs/decisions/0009: a start is imports.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dml.entrypoints.embedded import life
from dml.entrypoints.supervisor.plan import SIGNERS

ARGUMENT: Final = "--ahead"
_VARIABLE: Final = "DML_UP_AHEAD"
_STDIN: Final = 0
_ORDER_SECONDS: Final = 10.0


@dataclass
class Ahead:
    """A process that waits for its order."""

    pid: int
    _socket: socket.socket

    @classmethod
    def start(cls, module: str, *arguments: str) -> Self:
        """Start a module of ours, with nothing imported from the folder where that happens (-P)."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own commands, never a shell's line
                [sys.executable, "-P", "-m", module, *arguments, ARGUMENT],
                # For what an API must not know: others read a process's first variables later, too.
                env={name: it for name, it in os.environ.items() if name not in SIGNERS},
                stdin=theirs.fileno(),
                start_new_session=True,
                umask=0o077,
            )
        process.returncode = 0  # We wait for it by its pid, as for all that `life` starts.
        life.adopt(process.pid)
        return cls(process.pid, ours)

    def leave(self) -> None:
        """Leave it to the program that this process becomes, which takes it by `find`."""
        os.set_inheritable(self._socket.fileno(), True)
        os.environ[_VARIABLE] = f"{self.pid} {self._socket.detach()}"

    @classmethod
    def find(cls) -> Self | None:
        """The process that was left to us, once."""
        left = os.environ.pop(_VARIABLE, None)
        if left is None:
            return None
        pid, descriptor = map(int, left.split())
        life.adopt(pid)
        os.set_inheritable(descriptor, False)
        return cls(pid, socket.socket(fileno=descriptor))

    def order(self, environment: Mapping[str, str], *, lock: int, log: Path) -> bool:
        """Let it go on. Whether it did: one that has ended cannot."""
        try:
            self._socket.settimeout(_ORDER_SECONDS)
            Order(dict(environment)).send(self._socket, lock=lock, log=log)
        except OSError:
            return False
        finally:
            self._socket.close()
        return True

    def close(self) -> None:
        """It is not needed."""
        self._socket.close()


@dataclass(frozen=True)
class Order:
    """What a process shall become: its variables, and the module of ours where that is open."""

    environment: dict[str, str]
    module: str = ""

    def send(self, to: socket.socket, *, lock: int, log: Path) -> None:
        text = json.dumps([self.environment, self.module]).encode()
        descriptor = life.open_log(log)
        try:
            socket.send_fds(to, [len(text).to_bytes(4, "big")], [lock, descriptor])
            to.sendall(text)
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class Received:
    """An order with the descriptors that came with it."""

    order: Order
    lock: int
    log: int

    def take_on(self, *, keep_out: bool = False) -> None:
        """Be what is ordered. The lock stays open until the process ends.

        Errors go to the log, and, unless it shall keep its own, all other output.
        """
        os.environ.clear()
        os.environ.update(self.order.environment)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, _STDIN)
        os.dup2(self.log, 2)
        if not keep_out:
            os.dup2(self.log, 1)
        for descriptor in (nowhere, self.log):
            os.close(descriptor)
        os.set_inheritable(self.lock, False)


def receive(orders: socket.socket) -> Received | None:
    """Wait for an order. None where nobody needs us."""
    length, descriptors, *_ = socket.recv_fds(orders, 4, 2)
    text = b""
    while len(text) < int.from_bytes(length, "big") and (more := orders.recv(65_536)):
        text += more
    if len(length) < 4 or len(text) < int.from_bytes(length, "big"):
        return None
    environment, module = json.loads(text)
    return Received(Order(environment, module), *descriptors)


def await_order(*, keep_out: bool) -> None:
    """Wait in the process that was started, and become what it is told to be."""
    with socket.socket(fileno=os.dup(_STDIN)) as orders:
        received = receive(orders)
    if received is None:
        raise SystemExit
    received.take_on(keep_out=keep_out)
