"""One process imports for all that `dml up` starts, and each of them is a fork of it.

APIs, workers and the chain process share most of what they import: apart, they took that time and
that memory four times (docs/decisions/0048). So the supervisor starts a nursery, which imports and
then forks what it is told to; what nobody changes of it stays one copy in memory. It ends when all
runs: whatever dies later, or is restarted for new code, is started by its own command.

Who is forked becomes a child of the supervisor, as others are: its parent ends at once, and orphans
come to the supervisor for as long as it has a nursery.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from dml.entrypoints.embedded import life
from dml.entrypoints.supervisor.ahead import ARGUMENT, Order, Received, receive
from dml.entrypoints.supervisor.plan import SIGNERS, Commands

MODULE: Final = "dml.entrypoints.nursery"
_SET_CHILD_SUBREAPER: Final = 36  # prctl(2)
_ANSWER_SECONDS: Final = 10.0
_PID_BYTES: Final = 8
_STDIN: Final = 0
_READY: Final = b"."


def _modules() -> dict[tuple[str, ...], str]:
    ours = Commands()
    return {ours.api: "server", ours.worker: "worker", ours.chain: "chain_process"}


@dataclass
class Nursery:
    """The process that forks others, as its parent has it."""

    pid: int
    _socket: socket.socket
    _modules: dict[tuple[str, ...], str] = field(default_factory=_modules)
    _is_ready: bool = False

    @classmethod
    def start(cls) -> Self:
        """Start one, with nothing imported from the folder where that happens (-P)."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own command, never a shell's line
                [sys.executable, "-P", "-m", MODULE, ARGUMENT],
                # For what an API must not know: others read a process's first variables later, too.
                env={name: it for name, it in os.environ.items() if name not in SIGNERS},
                stdin=theirs.fileno(),
                start_new_session=True,
                umask=0o077,
            )
        process.returncode = 0  # We wait for it by its pid, as for all that `life` starts.
        life.adopt(process.pid)
        _take_orphans(True)
        return cls(process.pid, ours)

    def knows(self, command: tuple[str, ...]) -> bool:
        """Whether what this command starts can be forked."""
        return command in self._modules

    def is_ready(self) -> bool:
        """Whether it forks at once, or is gone, which `fork` finds out: nobody need wait."""
        if not self._is_ready:
            self._socket.setblocking(False)
            try:
                self._is_ready = self._socket.recv(1) in (_READY, b"")
            except BlockingIOError:
                return False
            except OSError:
                self._is_ready = True
        return self._is_ready

    def fork(
        self, command: tuple[str, ...], environment: Mapping[str, str], *, lock: int, log: Path
    ) -> int | None:
        """Have it fork what the command would start, and return the pid. None where it cannot."""
        self._socket.settimeout(_ANSWER_SECONDS)
        try:
            order = Order(dict(environment), self._modules[command])
            order.send(self._socket, lock=lock, log=log)
            answer = self._socket.recv(_PID_BYTES, socket.MSG_WAITALL)
        except OSError:
            answer = b""
        if len(answer) < _PID_BYTES:
            self._end()
            return None
        pid = int.from_bytes(answer, "big")
        life.adopt(pid)
        return pid

    def close(self) -> None:
        """It is no longer needed: it hears that, and ends."""
        self._socket.close()
        _take_orphans(False)

    def _end(self) -> None:
        """End one that does not answer: what it may yet fork would be one too many."""
        if life.exit_code(self.pid) is None:
            os.kill(self.pid, signal.SIGKILL)


def await_birth() -> str:
    """Fork for each order. Return in the child alone: the name of the module that it shall run."""
    orders = socket.socket(fileno=os.dup(_STDIN))
    orders.sendall(_READY)
    while True:
        received = receive(orders)
        if received is None:
            raise SystemExit  # Nobody needs us.
        pid = _fork(received)
        if not pid:
            orders.close()
            received.take_on()
            return received.order.module
        for descriptor in (received.lock, received.log):
            os.close(descriptor)
        orders.sendall(pid.to_bytes(_PID_BYTES, "big"))


def _fork(received: Received) -> int:
    """Fork a process whose parent has ended. Return its pid, or 0 in it."""
    reader, writer = os.pipe()
    between = os.fork()
    if not between:
        pid = os.fork()
        if pid:
            os.write(writer, pid.to_bytes(_PID_BYTES, "big"))
            os._exit(0)
        os.setsid()
        os.close(reader)
        os.close(writer)
        return 0
    os.close(writer)
    os.waitpid(between, 0)
    pid = int.from_bytes(os.read(reader, _PID_BYTES), "big")
    os.close(reader)
    return pid


def _take_orphans(yes: bool) -> None:
    """Be the parent of whoever descends from us and loses their own, or no longer be it."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)
