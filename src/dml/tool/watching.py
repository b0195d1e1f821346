"""Watching a job: its stream of events, taken up again where it broke off."""

import json
import time
from collections.abc import Generator
from contextlib import closing
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from dml.client.http import NotReached
from dml.client.marketplace import Marketplace, Unreached
from dml.tool import answers

STREAM_SECONDS: Final = 86_400.0  # Then it is opened anew.
PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0)  # Seconds between tries where a server is away.


def watch(market: Marketplace, job_id: str, console: Console, *, as_json: bool) -> None:
    """Show a job's answer as it grows, until it has ended. On no terminal: a line each time."""
    if as_json:
        with closing(changes(market, job_id)) as told:
            for answer in told:
                console.file.write(json.dumps(answer) + "\n")
                console.file.flush()  # Whoever reads the pipe watches, too.
        return
    ordered = market.ask("GET", f"/v1/jobs/{job_id}")
    with closing(changes(market, job_id)) as told:
        if not console.is_terminal:
            for answer in told:
                console.print(answers.line(answer))
            return
        with Live(console=console, auto_refresh=False) as live:
            for answer in told:
                live.update(answers.shown(ordered, answer), refresh=True)


def changes(market: Marketplace, job_id: str) -> Generator[dict[str, Any]]:
    """Yield each newer version of a job's answer, the last one once it has ended.

    A stream that breaks off, or ends without an event that says so, is opened again.
    """
    shown, failed = -1, 0
    while True:
        try:
            for name, data in market.events(f"/v1/jobs/{job_id}/events", STREAM_SECONDS):
                failed = 0
                if name == "refused":  # An access token has expired, or they may watch no more:
                    break  # the next opening is by a new one, or refused.
                if name in ("results", "end") and (data["version"] > shown or name == "end"):
                    shown = data["version"]
                    yield data
                if name == "end":
                    return
        except NotReached as error:
            if failed == len(PAUSES):
                raise Unreached(f"{error} The job goes on: watch it again later") from None
            time.sleep(PAUSES[failed])
            failed += 1
            continue
        time.sleep(PAUSES[0])
