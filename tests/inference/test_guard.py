"""Each hostile file is refused for what is wrong with it, and the next one is served."""

import os

import pytest

from dml.inference.runner import Refused, Sandbox
from tests.inference import hostile

ALL = {**hostile.FILES, **hostile.GRAPHS, **hostile.TRIALS}


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_file_is_refused_for_its_one_sin(sandbox: Sandbox, name: str) -> None:
    model, code = ALL[name]
    with pytest.raises(Refused) as refusal:
        sandbox.check(model, hostile.SPEC, hostile.LABELS)
    assert refusal.value.codes == (code,), str(refusal.value)
    assert sandbox.check(hostile.GOOD, hostile.SPEC, hostile.LABELS).parameters > 0
    assert not os.path.exists("/tmp/dml-was-unpickled")
