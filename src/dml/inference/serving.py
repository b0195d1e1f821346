"""What every zygote does: it forks a process for each request, which forks the locked child.

A zygote is clean, without secrets, with everything imported once, and stays so: it is handed a
connection for each request and reads not a byte of it. Whatever a process has read and freed still
lies in its memory, and would lie in that of each child forked later. So it forks first. Who reads
the request is the *attendant*, a process for this one, which has it done in a locked child and
writes how that ended. A zygote ends when standard input does, and with it all who attend.
"""

import gc
import io
import os
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, NoReturn

from dml.inference import frames, lockdown, sandbox
from dml.inference.outcome import BrokeDown, Ending, Limits, RunOutcome
from dml.inference.signature import Refused


class Verb(NamedTuple):
    """What a child does with a request, and which lock is right for it."""

    work: Callable[[Mapping[str, Any], list[bytes]], bytes]
    lock: lockdown.Lock = lockdown.lock


def serve(verbs: Mapping[str, Verb], warm_up: Callable[[], None]) -> None:
    """Serve until standard input ends. Whatever fails before, the first frame tells."""
    control = _take_over_standard_streams()
    with control.makefile("wb") as answers:
        try:
            warm_up()
            unsafe = _unsafe({verb.lock for verb in verbs.values()})
        except BaseException as error:
            frames.write(answers, {"failed": f"{type(error).__name__}: {error!s:.500}"})
            return
        frames.write(answers, {"unsafe": unsafe})
    gc.freeze()  # so that no child's collector copies our pages by touching them
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who attended leaves no zombie
    zygote = os.getpid()
    while (connection := _next_connection(control)) is not None:
        with connection:
            try:
                attendant = os.fork()
            except OSError as error:  # the machine has no process left
                _tell(connection, RunOutcome(Ending.NOT_STARTED, detail=str(error)))
                continue
            if attendant == 0:
                control.close()
                _attend(connection, verbs, zygote)


def frame(header: Mapping[str, Any], *parts: frames.Part) -> bytes:
    """What a child gives."""
    file = io.BytesIO()
    frames.write(file, header, parts)
    return file.getvalue()


def _unsafe(locks: Iterable[lockdown.Lock]) -> str | None:
    """Why one of the locks does not hold here, or None where all do."""
    threaded = lockdown.lock_but_for_threads
    tests = (sandbox.self_test(lock, threads=lock is threaded) for lock in locks)
    return next((why for why in tests if why is not None), None)


def _next_connection(control: socket.socket) -> socket.socket | None:
    """The connection of the next request, or None where nobody asks any more."""
    said, handed, _, _ = socket.recv_fds(control, 1, 1)
    if not said:
        return None
    (connection,) = handed
    return socket.socket(fileno=connection)


def _attend(connection: socket.socket, verbs: Mapping[str, Verb], zygote: int) -> NoReturn:
    """Read the request, have it done, and write how that ended; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        lockdown.die_with(zygote)
        with connection.makefile("rb") as requests:
            header, parts = frames.read(requests)
        _tell(connection, _run(verbs[header["verb"]], header, parts, connection.fileno()))
    except (frames.Broken, OSError, sandbox.HungUp):
        pass  # whoever asked is gone
    finally:
        os._exit(0)


def _tell(connection: socket.socket, outcome: RunOutcome) -> None:
    with connection.makefile("wb") as answers:
        ending = {"ending": outcome.ending, "detail": outcome.detail}
        frames.write(answers, ending, [outcome.output])


def _run(verb: Verb, header: Mapping[str, Any], parts: list[bytes], hang_up: int) -> RunOutcome:
    work, limits = partial(_work, verb, header, parts), Limits(**header["limits"])
    try:
        return sandbox.run(work, limits, hang_up=hang_up, lock=verb.lock)
    except OSError as error:  # the machine has no process or pipe left
        return RunOutcome(Ending.NOT_STARTED, detail=str(error))


def _work(verb: Verb, header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    try:
        return verb.work(header, parts)
    except Refused as refused:
        return frame({"reasons": refused.reasons})
    except BrokeDown as broke:
        return frame({"broke_down": str(broke), "place": asdict(broke.place)})


def _take_over_standard_streams() -> socket.socket:
    """Where connections come from; a stray print of a library goes nowhere."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return control
