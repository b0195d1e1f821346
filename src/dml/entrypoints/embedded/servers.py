"""The verbs: start both servers or one, and stop them.

Each may be called at any time, by any number of callers at once; they take turns.
"""

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.entrypoints.embedded import locks, places, postgres, valkey
from dml.entrypoints.embedded.places import Site
from dml.refused import Refused

START_SECONDS: Final = 60.0  # Recovery may take longer; calling again goes on waiting.
STOP_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Endpoints:
    """Where the servers are, with the passwords that they ask for."""

    postgres: str
    postgres_socket: str
    valkey: str


def up(
    home: str | Path,
    *,
    settings: Mapping[str, object] | None = None,
    timeout: float = START_SECONDS,
) -> Endpoints:
    """Start both servers, or adopt them where they run.

    `settings` are PostgreSQL's, from its start on: a server that already runs keeps its own.
    """
    with _site_of(home) as site:
        deadline = time.monotonic() + timeout
        postgres.start(site, settings=settings or {}, deadline=deadline)
        valkey.start(site, deadline=deadline)
        return Endpoints(
            postgres.url(site.state), postgres.socket_url(site.state), valkey.url(site.state)
        )


def start_postgres(
    home: str | Path,
    *,
    settings: Mapping[str, object] | None = None,
    timeout: float = START_SECONDS,
) -> str:
    """Start PostgreSQL alone, or adopt it, and answer its socket URL."""
    with _site_of(home) as site:
        postgres.start(site, settings=settings or {}, deadline=time.monotonic() + timeout)
        return postgres.socket_url(site.state)


def start_valkey(home: str | Path, *, timeout: float = START_SECONDS) -> str:
    """Start Valkey alone, or adopt it, and answer its URL."""
    with _site_of(home) as site:
        valkey.start(site, deadline=time.monotonic() + timeout)
        return valkey.url(site.state)


def down(home: str | Path, *, timeout: float = STOP_SECONDS) -> None:
    """Stop both servers, if they run. Data stays."""
    path = places.open_home(home)
    with _as_refusal(path), locks.held(path / "launcher.lock"):
        site = places.find(path)
        if site is not None:
            postgres.stop(site, timeout=timeout)
            valkey.stop(site, timeout=timeout)


@contextlib.contextmanager
def _site_of(home: str | Path) -> Iterator[Site]:
    if sys.platform != "linux":
        raise Refused(
            "PostgreSQL and Valkey are started on Linux only: "
            "name servers of your own in DML_DATABASE_URL and DML_REDIS_URL"
        )
    path = places.open_home(home)
    with _as_refusal(path), locks.held(path / "launcher.lock"):
        yield places.choose_site(path)


@contextlib.contextmanager
def _as_refusal(home: Path) -> Iterator[None]:
    """Tell a disk that is full, a file that may not be written and their like in one line."""
    try:
        yield
    except OSError as error:
        raise Refused(
            f"{error.filename or home}: {error.strerror or error}; "
            f"free some space, or make {home} yours, or choose another DML_HOME"
        ) from error
