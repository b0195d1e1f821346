"""How a process is watched from outside: its logs, and who hears of its bugs and traces."""

import importlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from dml.core import logs, tracing
from dml.core.settings import Settings

END_SECONDS: Final = 2.0  # So long a process that ends waits for all of them together.


@contextmanager
def observed(settings: Settings, process: str) -> Iterator[None]:
    """Log, report and trace what this process does meanwhile, as far as the settings say."""
    logs.configure(settings)
    stops = list[Callable[[float], None]]()
    if settings.sentry_dsn is not None:
        stops.append(importlib.import_module("dml.core.reporting").start(settings, process))
    if tracing.is_wanted():
        stops.append(importlib.import_module("dml.core.tracing_exporter").start(settings, process))
    try:
        yield
    finally:
        _stop(stops)


def _stop(stops: list[Callable[[float], None]]) -> None:
    """Let each send what it still has; who takes longer is left behind with the process."""
    ending = [threading.Thread(target=it, args=(END_SECONDS,), daemon=True) for it in stops]
    until = time.monotonic() + END_SECONDS
    for thread in ending:
        thread.start()
    for thread in ending:
        thread.join(max(0.0, until - time.monotonic()))
