"""Forwarding events to a server of the caller's, by the same calls as webhooks make."""

import ipaddress
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from dml.client import webhooks
from dml.client.http import HttpClient, Misconfigured, NoMarketplace, NotReached, read_address

SECONDS: Final = 10.0  # As the marketplace waits for an answer.
ANSWER_BYTES_MAX: Final = 64 * 1024
PAUSES: Final = (0.5, 1.0, 2.0)  # Seconds between tries where nobody answers.
# A proxy would carry elsewhere what is for this machine. Whom to believe is still the caller's.
_KEPT: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go: a server's address, and the path there."""

    address: str
    path: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    """How it went: no status where nobody answered, and `error` says why."""

    status: int | None
    latency_ms: int
    attempts: int
    error: str | None = None


def read_target(url: str) -> Target:
    """Read a URL that events go to. ValueError, in one line, where it can be none."""
    try:
        parts = urlsplit(url.strip())
        if "@" in parts.netloc:
            raise ValueError
        address = read_address(f"{parts.scheme}://{parts.netloc}")
    except (ValueError, Misconfigured):
        raise ValueError(f"{url!r} is no URL: write it as http://127.0.0.1:9000/hook") from None
    return Target(address, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def is_here(target: Target) -> bool:
    """Whether its host is this machine by name or number, whatever name servers say."""
    host = (urlsplit(target.address).hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Forwarder:
    """Calls one URL, signed by one secret. Use it in one thread."""

    def __init__(
        self, target: Target, secret: str, *, environment: Mapping[str, str] = os.environ
    ) -> None:
        kept = {name: environment[name] for name in _KEPT if name in environment}
        self._http = HttpClient(
            target.address, name="dml-webhooks", seconds=SECONDS, environment=kept
        )
        self._path, self._secret = target.path, secret

    def forward(self, event_id: str, body: bytes) -> Forwarded:
        """Call it with an event; a few times, where nobody answers."""
        for attempt, pause in enumerate((*PAUSES, None), start=1):
            done, again = self._call(event_id, body, attempt)
            if not again or pause is None:
                break
            time.sleep(pause)
        return done

    def _call(self, event_id: str, body: bytes, attempt: int) -> tuple[Forwarded, bool]:
        began, status, error, again = time.perf_counter(), None, None, False
        headers = webhooks.signed([self._secret], event_id, datetime.now(UTC), body)
        try:
            status = self._http.ask(
                "POST",
                self._path,
                most=ANSWER_BYTES_MAX,
                until_end_seconds=SECONDS,
                content=body,
                headers=headers,
            ).status
        except NotReached as failed:
            error, again = str(failed), True
        except (NoMarketplace, Misconfigured) as failed:
            error = str(failed)
        latency = round((time.perf_counter() - began) * 1000)
        return Forwarded(status, latency, attempt, error), again

    def close(self) -> None:
        self._http.close()
