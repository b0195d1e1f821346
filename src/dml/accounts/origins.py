"""From where somebody signs in: the network, and what their program says that it is."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from dml.core.addresses import UNKNOWN
from dml.edge.limits import client_network

# What browsers say they are, and what people call it. Most name others, too, which came before them
# and whose pages they show as well, so the first one that is found counts.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")  # RFC 9110, 10.1.5: as a token.


@dataclass(frozen=True, slots=True)
class Origin:
    """`network` is an address, or of IPv6 a /64; `device` is a short reading of `User-Agent`. None
    where nobody can tell.
    """

    network: str | None = None
    device: str | None = None


def read_device(user_agent: str) -> str | None:
    """Return `Firefox on Linux` of a browser, the name of any other program, or None.

    It tells people which of their sessions is which. Anybody can claim to be any program, so
    nothing is decided by it. A library that knows thousands of devices took 350 ms of the first
    sign-in to compile its patterns, for names that say no more.
    """
    browser = _first(_BROWSERS, user_agent)
    if browser is None:
        named = _PRODUCT.match(user_agent)
        return named and named[0]
    system = _first(_SYSTEMS, user_agent)
    return browser if system is None else f"{browser} on {system}"


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for sign, name in names if sign in user_agent), None)


async def _origin(request: Request) -> Origin:
    network = client_network(request)
    device = read_device(request.headers.get("user-agent", ""))
    return Origin(None if network == UNKNOWN else network, device)


From = Annotated[Origin, Depends(_origin)]
