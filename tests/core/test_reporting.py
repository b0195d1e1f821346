"""Bugs reach a server that speaks Sentry's protocol: once, and with nothing that is anybody's."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dml.core import reporting
from dml.core.settings import Settings
from dml.edge.requests import Requests
from dml.refused import Refused
from tests.receivers import Receiver, hanging, receiving

# Put together here, as reports have lines of our source, too.
ADDRESS, SECRET = "ada@" + "example.org", "secret-" + "value"
QUERY, HEADER, PEER = "query-" + "canary", "header-" + "canary", ".".join(("10", "11", "12", "13"))
CANARIES = tuple(it.encode() for it in (ADDRESS, SECRET, QUERY, HEADER, PEER))
log = logging.getLogger("dml.test")


@contextmanager
def reported_to(receiver: Receiver) -> Iterator[None]:
    """Report what is logged meanwhile, and wait until it has come."""
    stop = reporting.start(Settings(sentry_dsn=SecretStr(receiver.dsn)), "api")
    try:
        yield
    finally:
        stop(5)


def fail(secret: str) -> None:
    hidden = f"{secret}, in a variable"
    raise ValueError(f"DETAIL:  Key (email)=({ADDRESS}) {hidden}")


def log_a_bug() -> None:
    try:
        fail(SECRET)
    except ValueError:
        log.exception("it failed")


async def test_a_bug_of_a_request_comes_once_and_says_where_it_is_and_nothing_of_who_asked() -> (
    None
):
    async def fails(request: Request) -> Response:
        fail((await request.body()).decode())
        raise AssertionError

    app = Requests(
        Starlette(routes=[Route("/fails", fails, methods=["POST"])]), body_limit_bytes=1_000
    )
    transport = httpx2.ASGITransport(app, client=(PEER, 5), raise_app_exceptions=False)
    with receiving() as receiver, reported_to(receiver):
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post(
                f"/fails?code={QUERY}",
                content=SECRET,
                headers={"X-Request-ID": "mine-12345", "Authorization": f"Bearer {HEADER}"},
            )
        assert answer.status_code == 500
    (event,) = receiver.events()
    assert event["tags"]["request_id"] == "mine-12345"
    assert event["tags"]["process"] == "api"
    assert event["release"].startswith("dml@")
    error = event["exception"]["values"][-1]
    assert (error["type"], error["value"]) == ("ValueError", "DETAIL: [left out]")
    frame = error["stacktrace"]["frames"][-1]
    assert frame["function"] == "fail"
    assert not {"vars"} & frame.keys()
    assert not {"user", "request", "extra", "breadcrumbs", "modules"} & event.keys()
    assert not [it for it in CANARIES if it in receiver.whole()]


def test_the_same_bug_again_and_again_is_one_report_and_another_is_another() -> None:
    with receiving() as receiver, reported_to(receiver):
        for _ in range(50):
            log_a_bug()
        log.error("something of ours is broken for %s", ADDRESS)
        log.warning("and this is none")
    first, second = receiver.events()
    assert first["exception"]["values"][0]["type"] == "ValueError"
    assert second["logentry"]["formatted"] == "something of ours is broken for [address]"
    assert not [it for it in CANARIES if it in receiver.whole()]


def test_an_error_that_is_logged_by_two_is_reported_once() -> None:
    with receiving() as receiver, reported_to(receiver):
        try:
            fail(SECRET)
        except ValueError as error:
            log.exception("it failed")
            logging.getLogger("uvicorn.error").error("Exception in ASGI", exc_info=error)
    assert len(receiver.events()) == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.AdminShutdownError("it stops"),
        asyncpg.DeadlockDetectedError("two held each other up"),
        DBAPIError(None, None, ConnectionResetError()),
        DBAPIError(None, None, Exception(), connection_invalidated=True),
    ],
    ids=["refused", "timeout", "stops", "deadlock", "reset", "invalidated"],
)
def test_a_server_that_is_away_is_no_bug(error: Exception) -> None:
    assert reporting.is_passing(error)


def test_what_is_wrong_with_a_statement_is_one() -> None:
    wrong = asyncpg.UndefinedColumnError("there is no such column")
    assert not reporting.is_passing(DBAPIError(None, None, wrong))


def test_a_server_that_hangs_holds_up_nobody() -> None:
    """Not who logs, and for the end no longer than it is waited for: hundreds would be queued."""
    with hanging() as receiver:
        stop = reporting.start(Settings(sentry_dsn=SecretStr(receiver.dsn)), "api")
        for number in range(reporting.WAITING_MAX + 50):
            record = log.makeRecord("dml.test", logging.ERROR, "it", number, "no", (), None)
            log.handle(record)
        stop(0.1)


def test_where_no_server_is_named_nothing_of_it_is_imported() -> None:
    code = (
        "import json, sys; from dml.core.settings import Settings\n"
        "from dml.entrypoints.observing import observed\n"
        "heavy = 'sentry_sdk', 'opentelemetry.sdk', 'opentelemetry.exporter', 'requests'\n"
        "with observed(Settings(), 'api'):\n"
        "    print(json.dumps([it for it in sys.modules if it.startswith(heavy)]))"
    )
    clean = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={}
    )
    assert json.loads(clean.stdout) == []


@pytest.mark.parametrize("dsn", ["not-one", "https://host/7", "https://a-key@host/"])
def test_a_dsn_that_is_none_stops_the_start_in_one_line_that_has_no_key(dsn: str) -> None:
    with pytest.raises(Refused) as refused:
        reporting.start(Settings(sentry_dsn=SecretStr(dsn)), "api")
    assert "a-key" not in str(refused.value)
