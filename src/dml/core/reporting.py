"""Reports bugs to a server that collects them by Sentry's protocol, where DML_SENTRY_DSN names one.

A bug is what is logged as an error, or worse: refusals are not, nor is a server of ours that is
away for a while. The same bug is reported once, and where it happens again and again, once a minute
at most. What is sent is where in our code it happened, which release that is and the request's id:
no body, no header, no query, no variable, no address (docs/decisions/0072). It is sent by a thread
from a bounded queue, so that nobody waits for a server that hangs.

This module is imported only where it is used: what it imports takes a tenth of an API's start.
"""

import logging
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final

import sentry_sdk
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn, Dsn, event_from_exception

from dml.core import logs, metrics
from dml.core.redacting import redact, redact_all
from dml.core.settings import Settings
from dml.core.sqlstates import AWAY, CANCELLED, CONTENDED, FULL, IDLED, is_one_of
from dml.refused import Refused

AGAIN_SECONDS: Final = 60.0
KNOWN_MAX: Final = 500  # Bugs that are known apart; the oldest is forgotten first.
WAITING_MAX: Final = 100  # Reports that wait to be sent.
CHARACTERS_MAX: Final = 2_000
_PASSING: Final = (*CONTENDED, CANCELLED, *AWAY, FULL, IDLED)
_OURS: Final = "/dml/"
# What else a report would have: where the process runs, which libraries there are, who asked.
_LEFT_OUT: Final = ("breadcrumbs", "contexts", "extra", "modules", "request", "sdk", "user")

NO_DSN: Final = "DML_SENTRY_DSN is no DSN: write it as https://KEY@HOST/PROJECT, with a number last"
_TOLD: Final = ("request_id", "process_id", "trace_id")

Place = tuple[str, str, int]


class Reporter(logging.Handler):
    """Hands what is logged as an error to the client that sends it."""

    def __init__(self, client: sentry_sdk.Client, process: str) -> None:
        super().__init__(logging.ERROR)
        self._client, self._process = client, process
        self._told: dict[Place, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("sentry_sdk", "urllib3", "opentelemetry")):
            return  # Else what cannot be sent would be reported.
        try:
            self._report(record)
        except Exception:  # A report that fails must not make a second bug of the first.
            self.handleError(record)

    def _report(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and (is_passing(error) or _was_told(error)):
            return
        if not self._is_news(_place(record, error)):
            return
        event, hint = self._event(error)
        said = redact(record.getMessage())[:CHARACTERS_MAX]
        tags = {"process": self._process, "logger": record.name}
        if (asked := logs.ASKED.get()) is not None:
            tags |= {name: it for name, it in asked.fields().items() if name in _TOLD}
        event["level"] = "fatal" if record.levelno >= logging.CRITICAL else "error"
        event["logger"], event["tags"] = record.name, tags
        event["logentry"] = {"formatted": said}
        self._client.capture_event(event, hint)
        metrics.BUGS_REPORTED.inc()

    def _event(self, error: BaseException | None) -> tuple[Event, Hint]:
        return ({}, {}) if error is None else event_from_exception(error, self._client.options)

    def _is_news(self, place: Place) -> bool:
        now = time.monotonic()
        if now - self._told.get(place, float("-inf")) < AGAIN_SECONDS:
            return False
        self._told.pop(place, None)  # So that the one told last comes last.
        self._told[place] = now
        while len(self._told) > KNOWN_MAX:
            del self._told[next(iter(self._told))]
        return True


def start(settings: Settings, process: str) -> Callable[[float], None]:
    """Report what this process logs as an error from now on. The answer ends it, within seconds."""
    assert settings.sentry_dsn is not None
    try:
        Dsn(settings.sentry_dsn.get_secret_value())
    except BadDsn:  # What it says may hold the key.
        raise Refused(NO_DSN) from None
    for name in ("sentry_sdk", "urllib3"):  # They would log each try that fails.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client = sentry_sdk.Client(
        settings.sentry_dsn.get_secret_value(),
        release=f"dml@{version('dml')}",
        environment=settings.sentry_environment,
        server_name=process,  # Else it would be the machine's.
        before_send=_strip,
        transport_queue_size=WAITING_MAX,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        data_collection={
            "user_info": False,
            "http_bodies": [],
            "database_query_data": False,
            "queues": False,
            "stack_frame_variables": False,
        },
        send_client_reports=False,
        max_breadcrumbs=0,
        max_value_length=CHARACTERS_MAX,
    )
    reporter = Reporter(client, process)
    logging.getLogger().addHandler(reporter)

    def stop(seconds: float) -> None:
        logging.getLogger().removeHandler(reporter)
        client.close(timeout=seconds)

    return stop


def is_passing(error: BaseException) -> bool:
    """Whether this is no bug: a server of ours is away, or a lock was held for too long."""
    seen = set[int]()
    it: BaseException | None = error
    while it is not None and id(it) not in seen:
        seen.add(id(it))
        if isinstance(it, ConnectionError | TimeoutError) or is_one_of(it, *_PASSING):
            return True
        if getattr(it, "connection_invalidated", False):
            return True
        it = it.__cause__ or getattr(it, "orig", None)
    return False


def _was_told(error: BaseException) -> bool:
    """Whether this very error was reported; from now on, it was. The server logs it once more."""
    if getattr(error, "dml_was_told", False):
        return True
    error.dml_was_told = True  # type: ignore[attr-defined]  # an error takes any attribute
    return False


def _place(record: logging.LogRecord, error: BaseException | None) -> Place:
    """Say where it happened: the line of ours that is the innermost."""
    if error is None:
        return record.levelname, record.pathname, record.lineno
    name, line = _line_of_ours(error.__traceback__) or (record.pathname, record.lineno)
    return type(error).__name__, name, line


def _line_of_ours(at: TracebackType | None) -> tuple[str, int] | None:
    found = None
    while at is not None:
        if _OURS in at.tb_frame.f_code.co_filename:
            found = at.tb_frame.f_code.co_filename, at.tb_lineno
        at = at.tb_next
    return found


def _strip(event: Any, _: Hint) -> Any:
    """Leave in a report what it is for, and in its texts nothing that is anybody's."""
    for name in _LEFT_OUT:
        event.pop(name, None)
    for value in event.get("exception", {}).get("values", ()):
        value["value"] = redact(str(value.get("value", "")))
        for frame in value.get("stacktrace", {}).get("frames", ()):
            frame.pop("vars", None)
            frame["abs_path"] = _shortened(frame.get("abs_path"))
    event["logentry"] = redact_all(event.get("logentry", {}))
    return event


def _shortened(path: object) -> str:
    """Leave out of a path whose home it is in."""
    text = str(path or "")
    for folder in sorted(sys.path, key=len, reverse=True):
        if folder and text.startswith(f"{folder}/"):
            return text.removeprefix(f"{folder}/")
    return text
