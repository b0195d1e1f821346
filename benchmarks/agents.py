"""A device's processor time for a photo of 12 megapixels, against loops of Pillow and onnxruntime.

The photos are made here, from a seed; each has bytes of its own. The agent's time is its process's,
and how long its sandbox takes to answer, which is what `--cpu-percent` counts too: processes that
have ended can't be asked. The sandbox has been started before, as onnxruntime has for the loops.
"""

import datetime as dt
import io
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import onnxruntime
from PIL import Image

from benchmarks.device_path import Say
from benchmarks.figures import Figure, compared, only_told
from dml.agent import photos
from dml.agent.photos import Reading, Tally
from dml.agent.pictures import Pictures
from dml.agent.runner import Runner
from dml.inference import spec as specs
from dml.inference.images import Items
from dml.inference.spec import InputSpec
from tests.inference.models import tiny_image_model

PHOTOS: Final = 24
WIDTH, HEIGHT = 4000, 3000
LABELS: Final = 10
SECOND_JOBS: Final = 3
CACHE_BYTES: Final = 1 << 30
TODAY: Final = dt.date(2026, 1, 1)
LONG_AGO: Final = 1_700_000_000  # The agent keeps nothing of what was written a moment ago.
WAYS: Final = ("whole", "fast")  # of decoding


def agent(home: Path, rounds: int, say: Say) -> list[Figure]:
    """In turns: the plain loop, the one with `draft`, and an agent's first and second jobs."""
    folder = home / "photos"
    _make_photos(folder)
    model = tiny_image_model(_spec("whole"), LABELS)
    taken: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        taken.setdefault(name, []).append(1000 * seconds / PHOTOS)

    runner = Runner(threading.Event())
    try:
        runner.predict(model, _spec("whole"), np.zeros((1, 3, 224, 224), np.float32), LABELS)
        for number in range(rounds):
            note("plain", _loop(folder, model, draft=False))
            note("draft", _loop(folder, model, draft=True))
            for decode in WAYS:
                name = f"{decode}-{number}"
                keeping = Pictures(home / name, home / f"{name}.key", most_bytes=CACHE_BYTES)
                job = partial(_job, folder, _spec(decode), model, runner, keeping)
                note(f"first_{decode}", job(kept=0))
                again = [job(kept=PHOTOS) for _ in range(SECOND_JOBS)]
                note(f"second_{decode}", median(again))
            say(", ".join(f"{it} {each[-1]:.1f} ms" for it, each in taken.items()))
    finally:
        runner.rest()
    middle = {name: median(each) for name, each in taken.items()}
    goals = {"first_fast": "≤ 0.5", "second_fast": "≤ 0.1", "second_whole": "≤ 0.1"}
    return [
        *(
            compared(f"agent_{job}_vs_loop", middle[job], middle["plain"], goals.get(job, ""), "ms")
            for job in ("first_fast", "second_fast", "first_whole", "second_whole")
        ),
        compared("agent_first_fast_vs_draft", middle["first_fast"], middle["draft"], "", "ms"),
        only_told("agent_loop_ms", middle["plain"], "ms"),
    ]


def _job(
    folder: Path, spec: InputSpec, model: bytes, runner: Runner, keeping: Pictures, *, kept: int
) -> float:
    """The processor seconds of one job, of whose photos so many were kept from an earlier one."""
    tally, elsewhere = Tally(), 0.0
    began, labelled = time.process_time(), 0
    reading = Reading(spec, None, TODAY, keeping)
    for batch in photos.batches(folder, reading, tally, breathe=lambda: None):
        asked = time.perf_counter()
        labels, _ = runner.predict(model, spec, batch.items, LABELS)
        elsewhere += time.perf_counter() - asked
        labelled += len(labels)
    taken = time.process_time() - began + elsewhere
    assert (labelled, tally.kept) == (PHOTOS, kept)
    return taken


def _loop(folder: Path, model: bytes, *, draft: bool) -> float:
    """The processor seconds of what anybody would write, on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    began = time.process_time()
    items = np.stack([*_prepared(folder, _spec("whole"), draft=draft)])
    (shares,) = session.run(None, {name: items})
    labels = np.asarray(shares).argmax(axis=1)
    assert len(labels) == PHOTOS
    return time.process_time() - began


def _prepared(folder: Path, spec: InputSpec, *, draft: bool) -> Iterator[Items]:
    sides = spec.width, spec.height
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            if draft:
                image.draft("RGB", sides)
            small = image.convert("RGB").resize(sides)
        values = (np.asarray(small, np.float32) / 255 - mean) / std
        yield values.transpose(2, 0, 1)


def _spec(decode: str) -> InputSpec:
    output = {"name": "probabilities", "activation": "none"}
    return specs.read({**specs.EXAMPLE, "decode": decode, "output": output})


def _make_photos(folder: Path) -> None:
    """Soft shapes with the noise of a sensor; 4 MB each, and the same pixels under other bytes."""
    folder.mkdir()
    random = np.random.default_rng(1)
    shapes = random.integers(0, 256, (HEIGHT // 40, WIDTH // 40, 3), np.uint8)
    soft = Image.fromarray(shapes).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    noisy = np.asarray(soft, np.int16) + random.integers(-12, 13, (HEIGHT, WIDTH, 1), np.int16)
    image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, comment=b"00")
    before, mark, after = file.getvalue().partition(b"\xff\xfe\x00\x0400")
    for number in range(PHOTOS):
        path = folder / f"{number:02}.jpg"
        path.write_bytes(before + mark[:-2] + b"%02d" % number + after)
        os.utime(path, (LONG_AGO, LONG_AGO))
