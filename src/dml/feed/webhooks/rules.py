"""Which URLs may be called, how often one is tried, and how many webhooks somebody may have."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from dml.core.errors import Conflict, Invalid, NotFound, TooMany
from dml.core.pauses import pause_after
from dml.core.states import Moves
from dml.feed.webhooks.states import DeliveryState, WebhookState

WEBHOOKS_MAX: Final = 20
WAITING_MAX: Final = 10_000  # Deliveries of one webhook, where more are asked for.
REPLAYED_MAX: Final = 1_000  # Events that one request looks through.
OVERLAP: Final = timedelta(hours=24)
KEPT: Final = timedelta(days=30)
LEASE: Final = timedelta(seconds=30)
SEND_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024
SHOWN_BYTES: Final = 1_024
GONE: Final = 410
DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=20),
)
Address: TypeAlias = IPv4Address | IPv6Address
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?", re.ASCII)
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
# Of IPv6 only what is given to networks: nothing that holds an IPv4 address, and nothing local.
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL: Final = tuple(
    ipaddress.ip_network(it)
    for it in (
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        *("192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10"),
        "168.63.129.16/32",  # Where Azure serves a machine's secrets.
    )
)


class WebhookNotFound(NotFound):
    code = "feed.webhook_not_found"
    reason = "You have no such webhook."
    remedy = "List your webhooks with `GET /v1/webhooks`."


class DeliveryNotFound(NotFound):
    code = "feed.delivery_not_found"
    reason = "This webhook has no such delivery, or it is not kept any more."
    remedy = "List its deliveries with `GET /v1/webhooks/{webhook_id}/deliveries`."


class TooManyWebhooks(Conflict):
    code = "feed.too_many_webhooks"
    reason = "You have as many webhooks as one user may."
    remedy = "Delete one that you need no more, or have one take several types of events."
    most: int


class TooManyWaiting(TooMany):
    code = "feed.too_many_deliveries_waiting"
    reason = "So many deliveries of this webhook wait already that no more are sent again."
    remedy = "Wait until they are sent: `GET /v1/webhooks/{webhook_id}/deliveries` lists them."
    most: int


class WebhookUrlRefused(Invalid):
    code = "feed.webhook_url_refused"
    pointer = "/url"
    reason = "This URL cannot be called: `why` says what is wrong."
    remedy = "Send an `https` URL of a server that the internet reaches."
    why: str


class WebhookNotActive(Conflict):
    code = "feed.webhook_not_active"
    reason = "Nothing is sent to this webhook now."
    remedy = "Update it with `paused: false`, and try again."
    state: WebhookState


class WebhookMoveRefused(Conflict):
    code = "feed.webhook_move_refused"
    reason = "This webhook cannot go from its state to that one."
    remedy = "Read it again."
    state: WebhookState


def _refuse(state: Any, _: Any, __: Sequence[Any]) -> WebhookMoveRefused:
    return WebhookMoveRefused(state=state)


DELIVERY_MOVES: Final = Moves(
    {
        DeliveryState.WAITING: {DeliveryState.DELIVERED, DeliveryState.FAILED},
        DeliveryState.DELIVERED: set(),
        DeliveryState.FAILED: set(),
    },
    _refuse,
)


MOVES: Final = Moves(
    {
        WebhookState.ACTIVE: {WebhookState.PAUSED, WebhookState.DISABLED},
        WebhookState.PAUSED: {WebhookState.ACTIVE, WebhookState.DISABLED},
        WebhookState.DISABLED: {WebhookState.ACTIVE, WebhookState.PAUSED},
    },
    _refuse,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, read once: what is checked and what is called are the same."""

    scheme: str
    host: str
    port: int
    path: str


def read_url(url: str, *, to_loopback: bool) -> Target:
    """Read a URL that may be called, as far as it says by itself; http only `to_loopback`."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise WebhookUrlRefused(why="it holds a space, or a character that is not ASCII")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise WebhookUrlRefused(why="it cannot be read") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and to_loopback):
        raise WebhookUrlRefused(why="it is not https")
    if "@" in parts.netloc or "#" in url:
        raise WebhookUrlRefused(why="it holds a user name, or a fragment")
    if port == 0:
        raise WebhookUrlRefused(why="no server has this port")
    _require_host(host, in_brackets="[" in parts.netloc)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def _require_host(host: str, *, in_brackets: bool) -> None:
    """Refuse what is neither a name nor an address as everybody writes it (no octal, no hex)."""
    try:
        if in_brackets or _NUMBER.fullmatch(host.rpartition(".")[2]):
            _require_plain(ipaddress.IPv6Address(host) if in_brackets else IPv4Address(host))
        elif not _NAME.fullmatch(host):
            raise WebhookUrlRefused(why="it names no host")
    except ValueError:
        raise WebhookUrlRefused(why="its host is no address as it is usually written") from None


def _require_plain(address: Address) -> None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise WebhookUrlRefused(why="its address is of one machine's network")


def may_be_called(address: Address, *, scheme: str, to_loopback: bool) -> bool:
    """Whether an address is a stranger's; or this machine's own, where the operator allows it."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return False  # Newer Pythons say of it what holds of the IPv4 address within.
    if to_loopback and address.is_loopback:
        return True
    if scheme != "https" or address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    return not any(address in it for it in _SPECIAL if it.version == address.version)


class Verdict(Enum):
    """What follows from an attempt."""

    TAKEN = "taken"
    AGAIN = "again"
    DISABLE = "disable"


def judge(status: int | None, attempts: int) -> Verdict:
    """Judge the attempt that is the `attempts`th. No status: there was no answer in time."""
    if status is not None and 200 <= status < 300:
        return Verdict.TAKEN
    if status == GONE or attempts > len(DELAYS):
        return Verdict.DISABLE
    return Verdict.AGAIN


def delay_after(attempts: int, draw: float) -> timedelta:
    """Return the wait after that many attempts, by a random number from 0 to 1."""
    return pause_after(attempts, DELAYS, draw)


def require_few(count: int) -> None:
    if count >= WEBHOOKS_MAX:
        raise TooManyWebhooks(most=WEBHOOKS_MAX)


def require_few_waiting(count: int) -> None:
    """Refuse to send again what may be any number of events, while many wait."""
    if count >= WAITING_MAX:
        raise TooManyWaiting(most=WAITING_MAX, retry_after_seconds=60)


def require_active(state: WebhookState) -> None:
    if state is not WebhookState.ACTIVE:
        raise WebhookNotActive(state=state)
