"""What the foreground process and the supervisor share, who watch over each other. Why two of
them, and locks in place of pid files: docs/decisions/0006.

Each holds a lock (`up.lock`, `supervisor.lock`) that the other hands it when it starts it, so that
it is free only when its holder is gone.
"""

import os
import sys
from pathlib import Path
from typing import Final

from dml.entrypoints import shipped
from dml.entrypoints.embedded import accounts, folders, life, servers
from dml.entrypoints.supervisor import children
from dml.entrypoints.supervisor.ahead import Ahead
from dml.entrypoints.supervisor.console import Console
from dml.entrypoints.supervisor.plan import Plan, remember
from dml.entrypoints.supervisor.signals import Signals
from dml.refused import Refused

FOREGROUND: Final = "dml.entrypoints.supervisor.foreground"
SUPERVISOR: Final = "dml.entrypoints.supervisor.supervisor"
POLL_SECONDS: Final = 0.5


def command(module: str, *arguments: str) -> list[str]:
    """How one of the two is run. Nothing in the folder where that happens is imported (-P)."""
    return [sys.executable, "-P", "-m", module, *arguments]


def start(module: str, plan: Plan, lock: int, ahead: Ahead | None = None) -> int:
    """Start the other of the two, hand it its lock, and answer its pid.

    Where it was started ahead, it is only told to go on.
    """
    folders.make(plan.logs)
    environment, log = os.environ | plan.write(), plan.logs / "up.log"
    if ahead is not None and ahead.order(environment, lock=lock, log=log):
        os.close(lock)
        return ahead.pid
    program = life.Program(
        command(module, str(lock)),
        folder=Path(plan.folder),
        log=log,
        account=accounts.caller(),
        environment=environment,
        out=1,
    )
    return life.spawn(program, lock=lock)


def note_of_end(plan: Plan) -> Path:
    """The file that says with which exit code the supervisor meant to end. None: it was killed."""
    return Path(plan.home, "up.ended")


def stop_everything(plan: Plan, console: Console, signals: Signals) -> None:
    """End APIs and workers, then the servers that are ours, whoever started them."""
    console.show("Stopping …")
    children.end_all(plan, children.running(plan), signals)
    try:
        servers.down(plan.home)
    except Refused as refusal:
        console.say(f"dml: {refusal}")
    remember(plan, is_ready=False)
    console.show("Stopped.")


def where(plan: Plan, port: int) -> str:
    """Where a person finds what runs, and how it is stopped."""
    url = plan.url(port)
    console = f"\n  Console {url}/console" if shipped.console() else ""
    return f"""
  API     {url}{console}
  Docs    {url}/docs
  Logs    {plan.logs}
  Home    {plan.home}
  Stop    Ctrl-C, or `dml down`
"""
