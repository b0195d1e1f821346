"""The zygote is clean, ends with its client, and is replaced when it dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dml.inference import client, runner
from dml.inference.images import prepare
from dml.inference.runner import Allowance, Refused, Sandbox, SandboxFailed
from dml.inference.spec import input_shape
from dml.inference.tiny import COLUMNS, FEATURES, TINY_MODEL
from tests.inference import hostile
from tests.inference.models import (
    build,
    digits_like_model,
    grey_image,
    image_classifier,
    image_spec,
    scores,
    tensor,
)
from tests.inference.processes import (
    a_child_of,
    children_of,
    lasting_child_of,
    locked_child_of,
    memory_of,
    my_new_children,
    runs,
    wait_until,
)

SOURCE = Path(__file__).parents[2] / "src"
SPEC, MODEL = image_spec(), digits_like_model()
ITEMS = np.stack([prepare(grey_image(round(i * 255 / 9)), SPEC) for i in range(10)])


@pytest.fixture
def own() -> Iterator[tuple[Sandbox, int]]:
    """A sandbox of one test's own, with the id of its zygote."""
    before = children_of(os.getpid())
    with Sandbox(Allowance(seconds=20)) as sandbox:
        assert sandbox.self_test() is None
        yield sandbox, my_new_children(before).pop()


def test_the_zygote_knows_no_secret_and_holds_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DML_SECRET_KEY", "hunter2")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = children_of(os.getpid())
    with (tmp_path / "private").open("w") as private:
        os.set_inheritable(private.fileno(), True)
        with Sandbox() as sandbox:
            sandbox.self_test()
            process = Path(f"/proc/{my_new_children(before).pop()}")
            environment = (process / "environ").read_bytes()
            files = {os.readlink(each) for each in (process / "fd").iterdir()}
            assert b"hunter2" not in environment
            assert b"ORT_DISABLE_TELEMETRY=1" in environment
            assert (process / "cwd").readlink() == Path("/")
            assert len(list((process / "task").iterdir())) == 1  # what forks has no threads
            held = ("/dev/null", "pipe:", "socket:")
            assert all(file.startswith(held) for file in files), files
            assert sum(file.startswith("socket:") for file in files) == 1


IMPORTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import dml.inference.{module}
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(module: str) -> list[str]:
    command = [sys.executable, "-I", "-c", IMPORTS.format(module=module), str(SOURCE)]
    names: list[str] = json.loads(subprocess.check_output(command))
    return names


def test_the_zygote_imports_nothing_else_of_ours() -> None:
    ours = [name for name in modules_after("zygote") if name.startswith("dml")]
    assert "dml.inference.guard" in ours
    assert [name for name in ours if not f"{name}.".startswith("dml.inference.")] == ["dml"]


def test_what_only_runs_models_has_no_package_that_checks_them() -> None:
    """A device does without onnx, and what it needs: 30 MB, and a tenth of a second each time."""
    names = modules_after("running")
    assert "onnxruntime" in names
    assert not {"onnx", "google.protobuf", "ml_dtypes", "dml.inference.guard"} & set(names)
    before = children_of(os.getpid())
    with Sandbox(checks=False) as sandbox:
        assert sandbox.self_test() is None
        assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))
        mapped = Path(f"/proc/{my_new_children(before).pop()}/maps").read_text()
        assert "/onnxruntime/" in mapped
        assert "/onnx/" not in mapped
        with pytest.raises(AssertionError):
            sandbox.check(MODEL, SPEC, 10)


def test_what_it_warms_up_with_is_a_model_by_the_book() -> None:
    values = [0.1 * each for each in range(FEATURES * COLUMNS)]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [FEATURES, COLUMNS], values)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, COLUMNS])],
        [weight],
    )
    opset = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=9)
    assert made.SerializeToString() == TINY_MODEL
    onnx.checker.check_model(TINY_MODEL)


def test_the_client_imports_no_runtime() -> None:
    """What parses hostile files, or reports home, is not in the server's process."""
    assert not {"onnx", "onnxruntime", "PIL", "pyseccomp"} & set(modules_after("runner"))


def test_it_runs_from_site_packages(tmp_path: Path) -> None:
    venv.create(tmp_path, symlinks=True)
    (packages,) = tmp_path.glob("lib/python*/site-packages")
    (packages / "dml").mkdir()
    (packages / "dml" / "__init__.py").touch()
    shutil.copytree(SOURCE / "dml" / "inference", packages / "dml" / "inference")
    (packages / "libraries.pth").write_text(str(Path(np.__file__).parents[1]))
    script = (
        "import dml.inference.runner as r\n"
        "with r.Sandbox() as sandbox: print(r.__file__, sandbox.self_test())"
    )
    command = [str(tmp_path / "bin" / "python"), "-I", "-c", script]
    told = subprocess.check_output(command, text=True).split()
    assert told == [str(packages / "dml" / "inference" / "runner.py"), "None"]


def test_a_zygote_killed_while_idle_is_replaced(own: tuple[Sandbox, int]) -> None:
    sandbox, zygote = own
    os.kill(zygote, signal.SIGKILL)
    assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))
    assert not runs(zygote)


def in_flight(sandbox: Sandbox, outcomes: list[Any]) -> threading.Thread:
    """A run of a model that takes long, in another thread."""

    def work() -> None:
        try:
            outcomes.append(sandbox.predict(hostile.slow(), SPEC, ITEMS[:1]))
        except (Refused, SandboxFailed) as error:
            outcomes.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_request_in_flight_is_tried_once_more_and_then_fails_as_ours(
    own: tuple[Sandbox, int],
) -> None:
    sandbox, first = own
    others = children_of(os.getpid()) - {first}
    outcomes: list[Any] = []
    thread = in_flight(sandbox, outcomes)
    child = locked_child_of(first)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not runs(child))  # it died with its zygote

    wait_until(lambda: children_of(os.getpid()) - others - {first})
    (second,) = children_of(os.getpid()) - others - {first}
    child = locked_child_of(second)
    os.kill(second, signal.SIGKILL)
    thread.join(20)
    wait_until(lambda: not runs(child))
    assert isinstance(outcomes[0], SandboxFailed)
    assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))


def test_a_request_whose_zygote_is_killed_once_is_answered(own: tuple[Sandbox, int]) -> None:
    sandbox, first = own
    many = np.repeat(ITEMS, 60_000, axis=0)
    assert many.nbytes > 2 * runner.CHUNK_BYTES  # several requests, whose answers keep their order
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.append(sandbox.predict(MODEL, SPEC, many)))
    thread.start()
    a_child_of(first)
    os.kill(first, signal.SIGKILL)
    thread.join(60)
    assert outcomes[0][0].tolist() == np.repeat(range(10), 60_000).tolist()


def test_a_zygote_that_hangs_is_killed_and_the_request_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "GRACE_SECONDS", 0)
    before = children_of(os.getpid())
    with Sandbox(Allowance(seconds=1, item_seconds=0)) as sandbox:
        sandbox.self_test()
        zygote = my_new_children(before).pop()
        os.kill(zygote, signal.SIGSTOP)
        assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))
        assert not runs(zygote)


def test_an_interrupted_request_leaves_no_answer_for_the_next_one(
    own: tuple[Sandbox, int],
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    def send_soon() -> None:
        lasting_child_of(own[1])
        os.kill(os.getpid(), signal.SIGUSR1)

    sandbox, before = own[0], signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send_soon)
    sender.start()
    try:
        with pytest.raises(Interrupted):
            sandbox.predict(hostile.slow(), SPEC, ITEMS[:1])
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))


def test_what_one_was_asked_lies_in_the_memory_of_no_other(own: tuple[Sandbox, int]) -> None:
    """Neither of the zygote nor of a child that runs another model: what is freed is not gone."""
    sandbox, zygote = own
    secrets = np.random.default_rng(7).random((20_000, 64), np.float32)
    marks = [secrets[row].tobytes() for row in range(0, len(secrets), 1_000)]
    model = build(*image_classifier(SPEC, 10), [tensor("x", [None, 64])], [scores(SPEC, 10)])
    for _ in range(3):
        sandbox.predict(model, SPEC, secrets.reshape(-1, *input_shape(SPEC)))
    outcomes: list[Any] = []
    thread = in_flight(sandbox, outcomes)
    attendant = lasting_child_of(zygote)
    child = locked_child_of(zygote)
    looked = 0
    for process in (zygote, attendant, child):
        for piece in memory_of(process):
            looked += hostile.slow()[:200] in piece  # what is there is found
            assert not [mark for mark in marks if mark in piece]
    assert looked
    sandbox.close()
    thread.join(20)


def test_several_run_at_once_and_one_that_dies_harms_no_other() -> None:
    before = children_of(os.getpid())
    with Sandbox(Allowance(seconds=20), at_once=2) as sandbox:
        sandbox.self_test()
        (zygote,) = my_new_children(before)
        outcomes: list[Any] = []
        thread = in_flight(sandbox, outcomes)
        child = locked_child_of(zygote)
        for _ in range(3):
            assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))
        assert runs(child)
        os.kill(child, signal.SIGKILL)
        thread.join(20)
        assert isinstance(outcomes[0], SandboxFailed)
        assert sandbox.predict(MODEL, SPEC, ITEMS)[0].tolist() == list(range(10))
        assert my_new_children(before) == {zygote}
        wait_until(lambda: not children_of(zygote))


def test_closing_ends_a_request_in_flight(own: tuple[Sandbox, int]) -> None:
    sandbox, zygote = own
    outcomes: list[Any] = []
    thread = in_flight(sandbox, outcomes)
    child = locked_child_of(zygote)
    sandbox.close()
    thread.join(20)
    assert isinstance(outcomes[0], SandboxFailed)
    wait_until(lambda: not runs(zygote) and not runs(child))
    with pytest.raises(SandboxFailed, match="closed"):
        sandbox.check(MODEL, SPEC, 10)


ABANDONED = """
import os, threading
from dml.inference.runner import Sandbox
from tests.inference import hostile
from tests.inference.processes import children_of, locked_child_of
import numpy as np

sandbox = Sandbox()
sandbox.self_test()
(zygote,) = children_of(os.getpid())
zeros = np.zeros((1, 64), np.float32)
threading.Thread(target=sandbox.predict, args=(hostile.slow(), hostile.SPEC, zeros)).start()
print(zygote, locked_child_of(zygote), flush=True)
"""


def test_when_the_client_is_killed_zygote_and_child_end_too() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED],
        env={**os.environ, "PYTHONPATH": f"{SOURCE}:{SOURCE.parent}"},
        stdout=subprocess.PIPE,
    ) as client:
        assert client.stdout is not None
        zygote, child = (int(each) for each in client.stdout.readline().split())
        assert runs(zygote)
        assert runs(child)
        client.kill()
    wait_until(lambda: not runs(zygote) and not runs(child), seconds=5)


def test_a_zygote_that_cannot_start_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "_ROOT", str(tmp_path))  # an installation with half its files
    for package in (tmp_path / "dml", tmp_path / "dml" / "inference"):
        package.mkdir()
        (package / "__init__.py").touch()
    with Sandbox() as sandbox, pytest.raises(SandboxFailed, match="zygote"):
        sandbox.self_test()
