"""What every zygote does: it forks a locked child for each request, and hands on what that says.

A zygote is clean, without secrets, with everything imported once. It reads one request after the
other from standard input and writes how each ended to standard output. It ends when standard input
does, and with it a child that is at work.
"""

import gc
import io
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from dml.inference import frames, lockdown, sandbox
from dml.inference.outcome import Ending, Limits, Outcome
from dml.inference.signature import Refused


class Verb(NamedTuple):
    """What a child does with a request, and which lock is right for it."""

    work: Callable[[Mapping[str, Any], list[bytes]], bytes]
    lock: lockdown.Lock = lockdown.lock


def serve(verbs: Mapping[str, Verb], warm_up: Callable[[], None]) -> None:
    """Serve until standard input ends. Whatever fails before, the first frame tells."""
    requests, answers = _take_over_standard_streams()
    try:
        warm_up()
        unsafe = _unsafe({verb.lock for verb in verbs.values()})
    except BaseException as error:
        frames.write(answers, {"failed": f"{type(error).__name__}: {error!s:.500}"})
        return
    frames.write(answers, {"unsafe": unsafe})
    gc.freeze()  # so that no child's collector copies our pages by touching them
    while True:
        try:
            header, parts = frames.read(requests)
            assert not unsafe, "the client does not ask where the sandbox does not hold"
            outcome = _run(verbs[header["verb"]], header, parts, requests.fileno())
            del parts  # a file may have hundreds of MiB
            told = {"ending": outcome.ending, "detail": outcome.detail}
            frames.write(answers, told, [outcome.output])
        except (frames.Broken, BrokenPipeError, sandbox.HungUp):
            return


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


def _run(verb: Verb, header: Mapping[str, Any], parts: list[bytes], hang_up: int) -> Outcome:
    work, limits = partial(_work, verb, header, parts), Limits(**header["limits"])
    try:
        return sandbox.run(work, limits, hang_up=hang_up, lock=verb.lock)
    except OSError as error:  # the machine has no process or pipe left
        return Outcome(Ending.RAISED, detail=str(error))


def _work(verb: Verb, header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    try:
        return verb.work(header, parts)
    except Refused as refused:
        return frame({"reasons": refused.reasons})


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Where requests come from and answers go; a stray print of a library goes nowhere."""
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")
