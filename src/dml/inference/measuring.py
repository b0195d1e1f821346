"""Measuring what a model takes that passed its check. Sees hostile bytes: in a locked child only.

Not in the child that checked it: what the checker took of memory is none of the model's
(docs/decisions/0063).
"""

import resource
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from dml.inference import heads, speed
from dml.inference.guard import trial_items
from dml.inference.images import Items
from dml.inference.passport import BATCH, BATCH_SECONDS
from dml.inference.serving import frame
from dml.inference.session import Session
from dml.inference.spec import read

RUNS_MOST: Final = 5
RUNS_SECONDS: Final = 0.5


def measure(header: Mapping[str, Any], parts: list[bytes]) -> bytes:
    """In the child: a frame with what was measured, or Refused."""
    (model,), spec = parts, read(header["spec"])
    items = trial_items(spec)
    before = _peak_bytes()
    session = Session(model)
    digest = heads.digest(session.run(items, spec))
    one = _seconds(lambda: session.run(items[:1], spec))
    # As devices run them: as many at once as the model and memory allow.
    size = min(BATCH, session.batch_size(items))
    batch: Items = np.resize(items, (size, *items.shape[1:]))
    whole = None
    if one * BATCH <= BATCH_SECONDS:
        whole = _seconds(lambda: session.run(batch, spec)) * BATCH / size
    found = {
        "digest": digest,
        "peak_memory_bytes": _peak_bytes() - before + len(model),
        "milliseconds_for_one": round(1000 * one, 3),
        "speed": speed.measure(),
        "milliseconds_for_32": None if whole is None else round(1000 * whole, 3),
    }
    return frame(found)


def _seconds(run: Callable[[], object]) -> float:
    """The fastest of a few runs: other work of the machine can only make one slower."""
    took: list[float] = []
    while len(took) < RUNS_MOST and sum(took) < RUNS_SECONDS:
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return min(took)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
