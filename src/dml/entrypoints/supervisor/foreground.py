"""What a person started with `dml up`: it keeps the supervisor alive, and passes signals on to it.

It does as little as it can, so that next to nothing can go wrong in it. Killed, it is started again
by the supervisor, in the background.
"""

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass

from dml.entrypoints.embedded import accounts, life, locks, places
from dml.entrypoints.supervisor import pair
from dml.entrypoints.supervisor.ahead import Ahead
from dml.entrypoints.supervisor.console import Console, refuse
from dml.entrypoints.supervisor.plan import Plan, recall, remember
from dml.entrypoints.supervisor.signals import Signals
from dml.entrypoints.supervisor.watch import DELAY_SECONDS, DELAY_SECONDS_MAX, STEADY_SECONDS
from dml.refused import Refused


@dataclass
class Supervised:
    """What the foreground process knows of its supervisor; the pid only of one that it started.

    Starts are so many seconds apart, at least: `delay`.
    """

    pid: int = 0
    since: float = 0.0
    delay: float = DELAY_SECONDS
    requests_passed_on: int = 0


def main() -> int:
    """Run until everything has stopped. A second one for the same home says where things are."""
    ahead = Ahead.find()
    plan, signals = Plan.read(), Signals()
    console = Console(plan.logs / "up.log")
    # One that the supervisor started was handed its lock.
    is_first = len(sys.argv) == 1
    try:
        places.open_home(plan.home)
        if is_first and locks.claim(plan.lock("up")) is None:
            console.show(_what_runs(plan, "already runs"))
            return 0
        supervised = Supervised()
        if is_first:
            _begin(plan, console, supervised, ahead)
        return _attend(plan, console, signals, supervised)
    except (Refused, OSError) as error:
        return refuse(error)


def _begin(plan: Plan, console: Console, supervised: Supervised, ahead: Ahead | None) -> None:
    """Start a supervisor, unless there is one whose foreground process was killed just now."""
    lock = locks.claim(plan.lock("supervisor"))
    if lock is None:
        console.show(_what_runs(plan, "runs on, and is watched over from here"))
        if ahead is not None:
            ahead.close()
        return
    pair.note_of_end(plan).unlink(missing_ok=True)
    remember(plan, is_ready=False)
    _start(plan, lock, supervised, ahead)


def _attend(plan: Plan, console: Console, signals: Signals, supervised: Supervised) -> int:
    """Start the supervisor again whenever it dies; where it meant to end, so do we."""
    while True:
        lock = locks.claim(plan.lock("supervisor"))
        if lock is not None:
            code = _exit_code(plan, console, signals, supervised)
            if code is not None:
                os.close(lock)
                return code
            wait = supervised.since + supervised.delay - time.monotonic()
            if wait > 0:
                os.close(lock)  # Whoever holds it is taken for the supervisor.
                signals.wait(wait)
                continue
            console.say("The supervisor died; it was started again.")
            _start(plan, lock, supervised)
        if len(signals.requests) > supervised.requests_passed_on:
            supervised.requests_passed_on += 1
            _ask_to_stop(plan)
        signals.wait(pair.POLL_SECONDS)


def _exit_code(
    plan: Plan, console: Console, signals: Signals, supervised: Supervised
) -> int | None:
    """How we end, now that there is no supervisor. None where there shall be another."""
    note = pair.note_of_end(plan)
    if note.exists():
        return int(note.read_text() or 1)
    if signals.stopping:  # It was killed while it stopped everything.
        pair.stop_everything(plan, console, signals)
        return 0
    if (life.exit_code(supervised.pid) or 0) > 0 and not recall(plan).is_ready:
        console.show(f"dml: the supervisor failed:\n{life.tail(plan.logs / 'up.log')}")
        pair.stop_everything(plan, console, signals)
        return 1
    return None


def _start(plan: Plan, lock: int, supervised: Supervised, ahead: Ahead | None = None) -> None:
    is_steady = time.monotonic() - supervised.since > STEADY_SECONDS
    supervised.delay = DELAY_SECONDS if is_steady else min(2 * supervised.delay, DELAY_SECONDS_MAX)
    supervised.pid = pair.start(pair.SUPERVISOR, plan, lock, ahead)
    supervised.since = time.monotonic()


def _ask_to_stop(plan: Plan) -> None:
    for process in locks.heads(plan.lock("supervisor"), accounts.caller()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)


def _what_runs(plan: Plan, how: str) -> str:
    memory = recall(plan)
    if not memory.is_ready:
        return f"dml {how}, and is just starting or stopping: see {plan.logs / 'up.log'}\n"
    return f"dml {how}.\n{pair.where(plan, memory.port)}"


if __name__ == "__main__":
    sys.exit(main())
