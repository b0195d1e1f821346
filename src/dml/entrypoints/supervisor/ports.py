"""Which port the APIs listen on, and who else does.

A port that was chosen is reserved for as long as its supervisor lives, so that no other `dml up`
takes it while two start at once, or while an API that was killed is coming back.
"""

import contextlib
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.entrypoints.embedded import free_ports
from dml.entrypoints.supervisor.plan import Plan
from dml.refused import Refused

_TRIES: Final = 100
_LISTEN: Final = "0A"  # In /proc/net/tcp.


@dataclass(frozen=True)
class Port:
    """A port with its reservation. None where another process of ours has it for the moment."""

    number: int
    reservation: socket.socket | None

    def release(self) -> None:
        """Let others have it."""
        if self.reservation is not None:
            self.reservation.close()


def choose(plan: Plan, remembered: int) -> Port:
    """The wanted port, or the one of last time, or the next that is free."""
    if plan.port_is_fixed and plan.port:
        port = _take(plan.host, plan.port)
        if port is None:
            raise Refused(
                f"port {plan.port} is taken: end what listens there, or choose another DML_PORT "
                "(without one, the next free port is taken)"
            )
        return port
    requested = range(plan.port, min(plan.port + _TRIES, 65536)) if plan.port else ()
    for number in (remembered, *requested):
        port = _take(plan.host, number) if number else None
        if port is not None:
            return port
    return reserve(any_free(plan.host))


def reserve(number: int) -> Port:
    """Reserve a port whoever listens there: a name without a file, which ends with its process."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0dml-port-{number}")
    except OSError:
        reservation.close()
        return Port(number, None)
    return Port(number, reservation)


def listens(pid: int, port: int) -> bool:
    """Whether this process, which is of our own user, listens at this port."""
    return any(inode in _sockets(pid) for _, inode in _listeners(port))


def is_shared(pids: Iterable[int], port: int) -> bool:
    """Whether a stranger listens where these do. Only one of our own user can: he has to ask, too.

    The kernel would give him a part of our connections.
    """
    ours, found = set[str]().union(*map(_sockets, pids)), _listeners(port)
    places = {place for place, inode in found if inode in ours}
    return any(place in places and inode not in ours for place, inode in found)


def _sockets(pid: int) -> set[str]:
    """The numbers of the sockets that a process has open."""
    with contextlib.suppress(OSError):
        links = [os.readlink(link.path) for link in os.scandir(f"/proc/{pid}/fd")]
        return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    return set()


def _listeners(port: int) -> list[tuple[str, str]]:
    """The address and the socket's number of whoever listens at this port."""
    found = list[tuple[str, str]]()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # A machine without IPv6.
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found.append((fields[1], fields[9]))
    return found


def _take(host: str, number: int) -> Port | None:
    free = is_free(host, number)
    port = reserve(number)
    if free and port.reservation is not None:
        return port
    port.release()
    return None


def is_free(host: str, port: int) -> bool:
    """Whether somebody could listen there."""
    try:
        free_ports.take(host, port)
    except socket.gaierror as error:
        raise Refused(f"DML_HOST {host!r} is no address: {error.strerror}") from error
    except PermissionError as error:
        raise Refused(f"port {port} is not for us: choose a DML_PORT above 1023") from error
    except OSError:
        return False
    return True


def any_free(host: str) -> int:
    """A port that nobody has, and that is still ours after a restart."""
    try:
        return free_ports.lasting(host)
    except OSError as error:
        raise Refused(
            f"cannot listen on DML_HOST {host!r} ({error.strerror}): choose one of this machine's"
        ) from error
