"""What must be in no log: the addresses, passwords and tokens of the people of these tests.

Each line that is logged in this process goes through what makes lines in a server, and is looked
at here; a test in which one got through fails. Of servers that tests start, the files are read.
"""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from structlog.typing import EventDict

from dml.core import logs

# A password of `tests/world.py`, an address of anybody's, a JWT, and our own tokens.
CANARY: Final = re.compile(r"a password|[\w.+-]+@example\.org|eyJ[\w-]{8,}\.|dml_pat_\w{8}|whsec_")
FILE_CANARY: Final = "a canary of a file"
found: Final = list[str]()


def look_at(line: str) -> None:
    """Note a line that says what none may say."""
    if CANARY.search(line) or FILE_CANARY in line:
        found.append(line)


def look_into(files: Iterable[Path]) -> None:
    """Fail where one of these logs, or what it was before it began anew, has a canary."""
    for path in files:
        for log in (path, path.with_name(f"{path.name}.old")):
            if log.exists():
                lines = log.read_text(errors="replace").splitlines()
                wrong = [it for it in lines if CANARY.search(it) or FILE_CANARY in it]
                assert not wrong, f"{log} says {wrong[0]}"


def _look(_: Any, __: str, line: EventDict) -> EventDict:
    look_at(repr(line))
    return line


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("dml", "uvicorn")):
            look_at(self.format(record))


def watch() -> None:
    """Look at each line that is logged from now on."""
    structlog.configure(
        processors=[
            logs.say_who_asked,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            logs.redacted,
            _look,
            structlog.dev.ConsoleRenderer(colors=False),
        ]
    )
    handler = _Handler()
    handler.setFormatter(logs.make_formatter(structlog.processors.JSONRenderer()))
    logging.getLogger().addHandler(handler)
    logging.getLogger("dml").setLevel(logging.INFO)


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """What is logged meanwhile, as a server writes it."""
    said = list[dict[str, Any]]()

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(json.loads(self.format(record)))

    handler = Kept()
    handler.setFormatter(logs.make_formatter(structlog.processors.JSONRenderer()))
    logging.getLogger("dml").addHandler(handler)
    before = structlog.get_config()
    structlog.configure(
        processors=[
            *logs.shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    try:
        yield said
    finally:
        structlog.configure(**before)
        logging.getLogger("dml").removeHandler(handler)
