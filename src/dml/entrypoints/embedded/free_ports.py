"""Free ports for servers that come back: who knows them by their port must find them there again.

A connection that goes out has a port of its own, any one of a range that the system keeps for that.
A server that listened in that range can find its port taken when it is started again. So a port
that has to last is chosen outside of the range.
"""

import random
import socket
from pathlib import Path
from typing import Final

LOWEST: Final = 10_000  # Below are those that people give to their own servers.
TRIES: Final = 100
OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL: Final = (32_768, 60_999)  # What Linux does where nobody has set another.


def lasting(host: str) -> int:
    """Return a free port that no connection gets while its server is away for a moment.

    Any free one where the system may use all of them. OSError where there is none.
    """
    first, last = outgoing()
    for number in random.sample(range(LOWEST, 65_536), TRIES):
        if not first <= number <= last and is_free(host, number):
            return number
    return take(host, 0)


def outgoing() -> tuple[int, int]:
    """Return the first and the last port of those that connections get."""
    try:
        first, last = OUTGOING.read_text().split()
        return int(first), int(last)
    except (OSError, ValueError):
        return _USUAL


def is_free(host: str, port: int) -> bool:
    """Whether somebody could listen there now."""
    try:
        take(host, port)
    except OSError:
        return False
    return True


def take(host: str, port: int) -> int:
    """Return the port that a server gets who asks for this one. Port 0 asks for any.

    OSError where it is taken, or not for us; socket.gaierror where `host` is no address.
    """
    family, kind, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        # What is left of a closed connection owns no port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])
