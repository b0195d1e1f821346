"""What a child that was taken over could tell is what its submitter knew; and it can't get out."""

import contextlib
import io
import json
import operator
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from dml.inference import client, frames
from dml.inference.client import Faults
from dml.inference.outcome import Ending, Limits
from dml.scoring import arrays, places
from dml.scoring.names import MetricName, TableLayout
from dml.scoring.reader import FAULTS, Reader, Refused, SandboxFailed
from dml.scoring.test_set import Ids
from tests.inference import hostile
from tests.inference.models import build, tensor, weight
from tests.inference.processes import (
    children_of,
    locked_child_of,
    memory_of,
    my_new_children,
    runs,
    wait_until,
)
from tests.scoring.files import ROWS, a_test_set, csv

SOURCE = Path(__file__).parents[2] / "src"
GOOD = csv("id,prediction", *((i, i / 7) for i in range(ROWS)))
LABELS = csv("id,prediction", *((i, "no") for i in range(ROWS)))


def test_the_sandbox_holds_here(reader: Reader) -> None:
    assert reader.self_test() is None


class Overheard(Reader):
    """Keeps what goes to children."""

    def __init__(self) -> None:
        super().__init__()
        self.said = bytearray()

    def ask(
        self,
        header: Mapping[str, Any],
        parts: Sequence[frames.Part],
        limits: Limits,
        faults: Faults,
    ) -> tuple[dict[str, Any], list[bytes]]:
        self.said += json.dumps(header).encode() + b"".join(bytes(part) for part in parts)
        return super().ask(header, parts, limits, faults)


@pytest.mark.parametrize("metric", [MetricName.ACCURACY, MetricName.RMSE])
def test_no_target_goes_where_a_submission_is_read_or_run(metric: MetricName) -> None:
    test_set = a_test_set(metric, features=4)
    content = LABELS if metric is MetricName.ACCURACY else GOOD.replace(b",0", b",9")
    columns = 2 if metric is MetricName.ACCURACY else 1
    model = build(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [weight("w", np.ones((4, columns), np.float32))],
        [tensor("x", [None, 4])],
        [tensor("y", [None, columns])],
    )
    with Overheard() as reader:
        reader.read_predictions(content, "csv", metric=metric, test_set=test_set)
        reader.check_model(model, metric=metric, features=4, classes=len(test_set.classes))
        reader.run_model(model, metric=metric, test_set=test_set)
        assert test_set.features.tobytes() in reader.said
        assert content in reader.said
        target = test_set.target
        for part in (target, target[5:15], target.astype(np.float64)[5:15], target[::-1][:10]):
            assert part.tobytes() not in reader.said
        assert test_set.public.tobytes() not in reader.said


def test_the_zygote_knows_no_secret_and_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DML_SECRET_KEY", "hunter2")
    before = children_of(os.getpid())
    with Reader() as reader:
        reader.read_predictions(
            GOOD, "csv", metric=MetricName.RMSE, test_set=a_test_set(MetricName.RMSE)
        )
        process = Path(f"/proc/{my_new_children(before).pop()}")
        assert b"hunter2" not in (process / "environ").read_bytes()
        assert (process / "cwd").readlink() == Path("/")
        assert len(list((process / "task").iterdir())) == 1
        files = {os.readlink(each) for each in (process / "fd").iterdir()}
        assert all(file.startswith(("/dev/null", "pipe:", "socket:")) for file in files), files


def test_no_target_lies_in_the_memory_of_a_child_that_runs_a_model() -> None:
    """Nor in the zygote's, whose memory each child inherits, with all that was ever freed there."""
    marks = [f"canary-{os.urandom(8).hex()}" for _ in range(2)]
    numbers = np.random.default_rng(3).random(40_000)
    before = children_of(os.getpid())
    with Reader(seconds=30) as reader:
        for metric, targets in (
            (MetricName.ACCURACY, [marks[row % 2] for row in range(40_000)]),
            (MetricName.RMSE, [str(number) for number in numbers]),
        ):
            made = reader.read_test_set(
                csv("id,target", *enumerate(targets)),
                TableLayout("csv", "id", "target"),
                metric=metric,
                salt=bytes(32),
            )
        hidden = [*(mark.encode() for mark in marks), made.target[5:9].tobytes()]
        hidden += [repr(number).encode() for number in numbers[::4_000].tolist()]
        (zygote,) = my_new_children(before)
        model, ended = hostile.slow(), threading.Event()

        def run() -> None:
            with contextlib.suppress(SandboxFailed):
                reader.check_model(model, metric=MetricName.ACCURACY, features=64, classes=10)
            ended.set()

        threading.Thread(target=run).start()
        child, looked = locked_child_of(zygote), 0
        for process in (zygote, child):
            for piece in memory_of(process):
                looked += model[:200] in piece  # what is there is found
                assert not [mark for mark in hidden if mark in piece]
        assert looked
        reader.close()
        assert ended.wait(20)


IMPORTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import dml.scoring.{module}
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(module: str) -> set[str]:
    command = [sys.executable, "-I", "-c", IMPORTS.format(module=module), str(SOURCE)]
    return set(json.loads(subprocess.check_output(command)))


def test_the_worker_imports_nothing_that_parses() -> None:
    for module in ("reader", "ladder", "ranking", "agreement"):
        assert not {"pyarrow", "onnx", "onnxruntime", "PIL"} & modules_after(module)


def test_names_need_no_numpy() -> None:
    assert "numpy" not in modules_after("names")


def test_the_zygote_imports_nothing_else_of_ours() -> None:
    ours = {name for name in modules_after("zygote") if name.startswith("dml.")}
    assert all(f"{name}.".startswith(("dml.inference.", "dml.scoring.")) for name in ours)


def test_after_its_zygote_was_killed_a_reader_reads_on() -> None:
    before = children_of(os.getpid())
    test_set = a_test_set(MetricName.RMSE)

    def read(reader: Reader) -> int:
        return len(reader.read_predictions(GOOD, "csv", metric=MetricName.RMSE, test_set=test_set))

    with Reader() as reader:
        assert read(reader) == ROWS
        first = my_new_children(before).pop()
        os.kill(first, signal.SIGKILL)
        assert read(reader) == ROWS
        (second,) = my_new_children(before)
        assert first != second
    wait_until(lambda: not runs(second))
    with pytest.raises(SandboxFailed, match="closed"):
        read(reader)


def test_threads_share_a_reader(reader: Reader) -> None:
    test_sets = [a_test_set(MetricName.RMSE, Ids(numbers=np.arange(60) + i)) for i in range(4)]

    def read(i: int) -> float:
        content = csv("id,prediction", *((row + i, i) for row in range(60)))
        found = reader.read_predictions(
            content, "csv", metric=MetricName.RMSE, test_set=test_sets[i]
        )
        return float(found.values.sum())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, [0, 1, 2, 3] * 5)) == [0, 60, 120, 180] * 5


THREE = ("no", "perhaps", "yes")
LIES = {
    "NaN": (MetricName.RMSE, np.full(ROWS, np.nan)),
    "too few": (MetricName.RMSE, np.full(ROWS - 1, 1.0)),
    "too wide": (MetricName.RMSE, np.full((ROWS, 2), 1.0)),
    "codes": (MetricName.RMSE, np.full(ROWS, 1, np.int32)),
    "whose squares are infinite": (MetricName.RMSE, np.full(ROWS, 1e200)),
    "of no class": (MetricName.ACCURACY, np.full(ROWS, 3, np.int32)),
    "no probability": (MetricName.LOG_LOSS, np.full((ROWS, 3), -1.0)),
    "sure of each class": (MetricName.LOG_LOSS, np.full((ROWS, 3), 1.0)),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_child_says_is_checked(lie: str) -> None:
    metric, values = LIES[lie]
    answer = arrays.to_bytes({"values": values})
    header, parts = frames.read(io.BytesIO(answer))

    class Lied(Reader):
        def ask(self, *_: Any) -> tuple[dict[str, Any], list[bytes]]:
            return header, parts

    test_set = a_test_set(metric, classes=THREE)
    with pytest.raises(SandboxFailed, match="no sense"):
        Lied().read_predictions(GOOD, "csv", metric=metric, test_set=test_set)


@pytest.mark.parametrize("kill", [False, True])
def test_what_a_child_breaks_down_over_is_told_without_its_words(kill: bool) -> None:
    before = children_of(os.getpid())
    with Reader() as reader:
        reader.self_test()
        (zygote,) = my_new_children(before)

        def kill_soon() -> None:
            os.kill(locked_child_of(zygote), signal.SIGKILL)

        request = {"verb": "run_model", "metric": "hunter2", "features": 64, "classes": 10}
        parts = [b"", b""]
        if kill:
            request["verb"], request["metric"] = "check_model", "accuracy.v1"
            parts = [hostile.slow()]
            threading.Thread(target=kill_soon).start()
        with pytest.raises(client.ChildFailed) as failed:
            reader.ask(request, parts, Limits(), FAULTS)
    assert failed.value.reason.code == "file.crashed"
    assert ("more memory than there is" if kill else "ValueError") in failed.value.reason.detail
    assert "hunter2" not in failed.value.reason.detail


def test_where_in_a_file_a_child_breaks_down_is_told_without_its_words(reader: Reader) -> None:
    texts = [*(f"r{i:02}".encode() for i in range(ROWS - 1)), b"\xff secret"]
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    ids = Ids(offsets=offsets, text=np.frombuffer(b"".join(texts), np.uint8))
    test_set = a_test_set(MetricName.RMSE, ids)
    # The last one is missing, which can't be said: nobody could show it.
    content = csv("id,prediction", *((it.decode(), 1) for it in texts[:-1]))
    with pytest.raises(client.ChildFailed) as failed:
        reader.read_predictions(content, "csv", metric=MetricName.RMSE, test_set=test_set)
    code, detail = failed.value.reason
    assert code == "file.crashed"
    assert f"UnicodeDecodeError at row {ROWS - 1} of column 'id' (reading ids)" in detail
    assert "codec" not in detail
    assert "secret" not in detail
    assert "codec" in str(failed.value)  # For an operator's books.


@pytest.mark.parametrize(
    "told",
    [
        {"broke_down": "KeyError: 1", "place": {"phase": 1}},
        {"broke_down": "KeyError: 1", "place": {"phase": "ids", "row": "1"}},
        {"broke_down": "KeyError: 1", "place": {"phase": "ids", "column": ["id"]}},
        {"broke_down": "KeyError: 1", "place": {"phase": "ids", "cell": "hunter2"}},
        {"broke_down": "KeyError: 1", "place": None},
        {"broke_down": "KeyError: 1"},
    ],
)
def test_a_place_that_makes_no_sense_is_told_nobody(told: dict[str, Any]) -> None:
    with pytest.raises(client.ChildFailed) as failed:
        client._answer({"ending": Ending.ANSWERED, "detail": ""}, frames_of(told), FAULTS)
    assert "without an answer that makes sense" in failed.value.reason.detail


def test_the_row_is_searched_for_by_halves() -> None:
    for rows in range(1, 40):
        for bad in range(1, rows + 1):
            assert places.first_row(partial(operator.le, bad), rows) == bad


def test_a_child_cannot_fill_the_books_with_reasons() -> None:
    answer = frames_of({"reasons": [(f"{n}" * 1_000, "x" * 10_000) for n in range(50)]})
    told = {"ending": Ending.ANSWERED, "detail": ""}
    with pytest.raises(Refused) as refused:
        client._answer(told, answer, FAULTS)
    assert len(str(refused.value.reasons)) < 50_000


def frames_of(header: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    frames.write(file, header)
    return file.getvalue()
