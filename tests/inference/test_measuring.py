"""What running a model takes is measured, beside its check."""

import numpy as np
import pytest

from dml.inference.heads import digest
from dml.inference.runner import Allowance, Refused, Sandbox
from tests.inference import hostile, zoo
from tests.inference.models import digits_like_model, image_spec, weight


def test_a_passport_tells_what_running_takes(sandbox: Sandbox) -> None:
    model = digits_like_model()
    signature, passport = sandbox.examine(model, image_spec(), 10)
    assert passport is not None
    assert passport.operators == signature.operators
    assert passport.speed is not None
    assert passport.speed > 100, "million multiplications a second"
    assert (passport.parameters, passport.download_bytes) == (28, len(model))
    assert passport.peak_memory_bytes >= len(model)
    assert passport.milliseconds_for_one > 0
    assert passport.milliseconds_for_32 is not None
    assert passport.runs_agree


def test_memory_is_that_of_the_model_and_not_of_its_check() -> None:
    side = 8 << 20
    wide = [hostile.node("Expand", ["x1", "side"], ["w"]), hostile.node("ReduceMax", ["w"], ["s"])]
    first = hostile.node("Slice", ["x", "a", "b", "axis"], ["x1"])
    bounds = [weight("a", [0]), weight("b", [1]), weight("axis", [1])]
    model = hostile.adding_nothing([first, *wide], [*bounds, weight("side", [1, side])])
    with Sandbox(Allowance(seconds=10)) as patient:
        _, large = patient.examine(model, hostile.SPEC, 10)
        _, small = patient.examine(hostile.GOOD, hostile.SPEC, 10)
    assert large is not None
    assert small is not None
    assert small.peak_memory_bytes < 4 * side < large.peak_memory_bytes


def test_what_takes_bytes_and_one_at_a_time_is_measured_too(sandbox: Sandbox) -> None:
    sample = zoo.in_one_column()
    assert sandbox.examine(sample.model, sample.spec, 2)[1] is not None
    one = zoo.plain(batch=1)
    _, passport = sandbox.examine(one.model, one.spec, 10)
    assert passport is not None
    assert passport.milliseconds_for_32 is not None


def test_what_is_refused_is_not_measured(sandbox: Sandbox) -> None:
    sample = zoo.REFUSED["segmentation"]
    with pytest.raises(Refused, match=r"model\.is_segmentation"):
        sandbox.examine(sample.model, sample.spec, 10)


def test_numbers_are_compared_to_the_last_bit() -> None:
    output = np.ones((2, 3), np.float32)
    assert digest(output) == digest(output.copy())
    assert digest(output) != digest(np.nextafter(output, np.float32(2)))
