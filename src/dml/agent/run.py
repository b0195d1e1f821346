"""`dml device run`: from the command line's options to an agent at work."""

import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

from dml.agent import signals
from dml.agent.agent import Agent
from dml.agent.consent import Consent
from dml.agent.console import Console, Summary
from dml.agent.home import Home, require_apart
from dml.agent.journal import Journal
from dml.agent.models import Models
from dml.agent.pace import Pace, QuietHours
from dml.agent.pairing import PairingOptions, open_session
from dml.agent.pictures import Pictures
from dml.agent.refusals import CannotRun, Stopped
from dml.agent.runner import Runner
from dml.agent.work import Tools


@dataclass(frozen=True, slots=True)
class Options:
    data: Path
    home: Path
    pairing: PairingOptions
    once: bool
    quiet: QuietHours | None
    cpu_percent: int
    cpus: int
    pictures_bytes: int  # Kept of reduced pictures at most; 0 keeps none.


def run(options: Options, console: Console) -> int:
    """Work in this process until a signal, or all is done. Return its exit code.

    It is 0 where the agent ended as it should, and 1 where it can't go on, or with `once` where
    some work failed.
    """
    summary = Summary()
    try:
        summary = _work(options, console, summary)
    except CannotRun as why:
        summary.error = str(why)
    except OSError as error:  # A full disk, say: without its journal the agent sends nothing.
        summary.error = f"{error.filename or options.home}: {error.strerror}"
    finally:
        console.close()
    console.end(summary)
    return int(summary.error is not None or (options.once and summary.failed > 0))


def _work(options: Options, console: Console, summary: Summary) -> Summary:
    warnings.filterwarnings("ignore", module="PIL")  # Damaged EXIF: the photo counts all the same.
    data, home = options.data.expanduser(), Home(options.home.expanduser())
    require_apart(home.folder, data)
    stop = threading.Event()
    pace = Pace(stop, quiet=options.quiet, cpu_percent=options.cpu_percent, cpus=options.cpus)
    runner = Runner(stop, at_once=options.cpus)
    signals.listen(stop, cut_off=runner.rest, restore=console.close)
    with home.held(), Journal(home.journal, console.tell) as journal:
        try:
            session = open_session(home, options.pairing, journal, console, pace)
        except Stopped:
            return summary
        models = Models(home.models, session, pace)
        pictures = Pictures(home.pictures, home.pictures_key, most_bytes=options.pictures_bytes)
        consent = Consent(home, session, pace, console, journal)
        tools = Tools(
            data.resolve(), models, runner, pace, console, pictures, options.cpus, consent
        )
        agent = Agent(session, tools, journal, once=options.once)
        try:
            agent.work()
        except CannotRun as why:
            agent.summary.error = str(why)
        finally:
            session.server.close()
        return agent.summary
