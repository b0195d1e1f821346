"""A process that is started before it is known what it shall do, and imports meanwhile.

Where `dml up` begins, three things take a second of processor time each after the other: to read
the settings, to find or start the servers, to import the API and a worker. None needs the other, so
the imports begin first, in processes that then wait on a socket for their order: variables, the
lock that says it lives, and a log. Who hears that the socket is closed is not needed, and ends.
See docs/decisions/0009: a start is imports.
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
        text = json.dumps(dict(environment)).encode()
        descriptor = life.open_log(log)
        try:
            self._socket.settimeout(_ORDER_SECONDS)
            socket.send_fds(self._socket, [len(text).to_bytes(4, "big")], [lock, descriptor])
            self._socket.sendall(text)
        except OSError:
            return False
        finally:
            os.close(descriptor)
            self._socket.close()
        return True

    def close(self) -> None:
        """It is not needed."""
        self._socket.close()


def await_order(*, keep_out: bool) -> None:
    """Wait in the process that was started, and become what it is told to be.

    The lock stays open until the process ends. Errors go to the log, and, unless it shall keep its
    own, all other output.
    """
    with socket.socket(fileno=os.dup(_STDIN)) as orders:
        length, descriptors, *_ = socket.recv_fds(orders, 4, 2)
        text = b""
        while len(text) < int.from_bytes(length, "big") and (more := orders.recv(65_536)):
            text += more
    if len(length) < 4 or len(text) < int.from_bytes(length, "big"):
        raise SystemExit  # Nobody needs us.
    lock, log = descriptors
    os.environ.clear()
    os.environ.update(json.loads(text))
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, _STDIN)
    os.dup2(log, 2)
    if not keep_out:
        os.dup2(log, 1)
    for descriptor in (nowhere, log):
        os.close(descriptor)
    os.set_inheritable(lock, False)
