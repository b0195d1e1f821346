"""Logs: one JSON object a line, or text for people, with the request's id. Never a secret."""

import logging
import sys

import structlog
from structlog.typing import Processor

from dml.core.settings import Settings


def configure(settings: Settings) -> None:
    """Send what this process logs, by structlog or by logging, to standard error, in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in ("uvicorn", "uvicorn.error", "dbos", "alembic"):
        quiet = logging.getLogger(name)
        quiet.handlers.clear()
        quiet.propagate = True
    for name in ("httpx2", "alembic.runtime.plugins"):
        logging.getLogger(name).setLevel(logging.WARNING)
