"""By what the addresses of strangers are counted: who has one IPv6 address has 2^64 of them."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

PREFIX: Final = 64  # Bits: the least that anybody is given.
_LENGTH_MAX: Final = 100  # Characters; what is longer is no address, and not remembered.
UNKNOWN: Final = "unknown"


def network_of(address: str | None) -> str:
    """Return what is counted in the place of an address: an IPv4 one, or the /64 of an IPv6 one.

    IPv4 within IPv6 is the IPv4 address, a zone or a port that a proxy wrote with it is not looked
    at, and all that is no address is one.
    """
    return _network_of(address) if address and len(address) <= _LENGTH_MAX else UNKNOWN


def is_address(host: str) -> bool:
    """Whether the host of a URL is an IP address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether this name or address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def matcher(trusted: str) -> Callable[[str], bool]:
    """Tell whether an address is among these: addresses and networks, with commas between."""
    names = {name.strip() for name in trusted.split(",") if name.strip()}
    if "*" in names:
        return lambda address: True
    networks = [ip_network(name) for name in names if "/" in name]

    def is_among(address: str) -> bool:
        if address in names or not networks:
            return address in names
        return any(ip_address(address) in network for network in networks)

    return is_among


@lru_cache(10_000)
def _network_of(address: str) -> str:
    try:
        found = ip_address(_bare(address))
    except ValueError:
        return UNKNOWN
    if not isinstance(found, IPv6Address):
        return str(found)
    inner = found.ipv4_mapped or found.sixtofour
    if inner is not None:
        return str(inner)
    return str(ip_network((int(found), PREFIX), strict=False))


def _bare(address: str) -> str:
    """Take `[…]:port`, `…:port` and `…%zone` off an address."""
    host = address.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    return host.partition("%")[0]
