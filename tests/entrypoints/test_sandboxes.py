"""What is counted of sandboxes: which runs there were, and what became of them."""

import pytest

from dml.core import metrics
from dml.entrypoints.sandboxes import measured
from dml.inference.client import SandboxFailed
from dml.inference.signature import Reason, Refused


def runs(kind: str) -> dict[str, float]:
    return {its[1]: it[0] for its, it in metrics.SANDBOX_RUNS.values.items() if its[0] == kind}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (Refused([Reason("model.opset", "It is too new.")]), "refused"),
        (Refused([Reason("model.too_slow", "It took too long.")]), "too_slow"),
        (Refused([Reason("file.too_much_memory", "It unfolds.")]), "too_much_memory"),
        (Refused([Reason("file.crashed", "It ended.")]), "crashed"),
        (SandboxFailed("It does not start."), "failed"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_a_run_is_counted_by_what_became_of_it(error: Exception | None, outcome: str) -> None:
    kind = f"test of {outcome}"
    if error is None:
        with measured(kind):
            pass
    else:
        with pytest.raises(type(error)), measured(kind):
            raise error
    assert runs(kind) == {outcome: 1}
    assert metrics.SANDBOX_SECONDS.values[(kind,)][0] >= 0
    del metrics.SANDBOX_RUNS.values[kind, outcome], metrics.SANDBOX_SECONDS.values[(kind,)]
