"""The check of a model of 20 MB: seconds, and the peak memory of the locked children.

python -m benchmarks.checks
"""

import json
import resource
import subprocess
import sys
import time
from typing import Any, Final

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from benchmarks.device_path import Say
from benchmarks.figures import Figure, only_told
from dml.inference.runner import Sandbox
from dml.inference.spec import read

SIDE: Final = 64
LABELS: Final = 10
HIDDEN: Final = 20_000_000 // (4 * 3 * SIDE * SIDE)
SPEC: Final[dict[str, Any]] = {
    "kind": "image",
    "color": "rgb",
    "width": SIDE,
    "height": SIDE,
    "resize": "stretch",
    "layout": "NCHW",
    "scale": 1 / 255,
    "mean": 0,
    "std": 1,
    "output": {"name": "probabilities", "activation": "none"},
}


def checks(rounds: int, say: Say) -> list[Figure]:
    """Check it as a worker does, and measure its passport, in a process of its own."""
    ran = subprocess.run(
        (sys.executable, "-m", "benchmarks.checks", str(rounds)), stdout=subprocess.PIPE, check=True
    )
    told = json.loads(ran.stdout)
    say(f"a model of {told['megabytes']:.1f} MB: {told['check_seconds']:.2f} s to check")
    return [
        only_told("check_20_mb_seconds", told["check_seconds"], "s"),
        only_told("check_20_mb_with_passport", told["examine_seconds"], "s"),
        only_told("check_20_mb_peak", told["peak_mib"], "MiB"),
    ]


def _model() -> bytes:
    """Two layers over all pixels: nearly all of its bytes are weights."""
    random = np.random.default_rng(0)
    pixels = 3 * SIDE * SIDE
    weights = {
        "first": random.normal(0, 0.01, (pixels, HIDDEN)).astype(np.float32),
        "second": random.normal(0, 0.01, (HIDDEN, LABELS)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "second"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "benchmark",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", LABELS])],
        [numpy_helper.from_array(it, name) for name, it in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    made: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return made


def _main() -> None:
    rounds, model, spec = int(sys.argv[1]), _model(), read(SPEC)
    took: dict[str, list[float]] = {"check": [], "examine": []}
    with Sandbox() as sandbox:
        for _ in range(rounds):
            began = time.perf_counter()
            sandbox.check(model, spec, LABELS)
            took["check"].append(time.perf_counter() - began)
            began = time.perf_counter()
            assert sandbox.examine(model, spec, LABELS)[1] is not None
            took["examine"].append(time.perf_counter() - began)
    # Of the largest process below this one, once all of them have ended.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    seconds = {f"{name}_seconds": sorted(its)[len(its) // 2] for name, its in took.items()}
    print(json.dumps({"megabytes": len(model) / 1e6, "peak_mib": peak, **seconds}))


if __name__ == "__main__":
    _main()
