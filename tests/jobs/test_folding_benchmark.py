"""The benchmark of folding, small: real workers fold a backlog, and the books are compared."""

from benchmarks import folding
from dml.entrypoints.embedded.servers import Endpoints
from tests.conftest import HOME


def test_a_small_backlog_is_measured_and_found_exact(endpoints: Endpoints) -> None:
    assert endpoints
    told = folding.measure(HOME, results=300, workers=1, jobs=3)
    assert (told["results"], told["workers"], told["jobs"]) == (300, 1, 3)
    assert told["results_per_second"] > 0
    assert told["worker_us_per_result"] > 0
    assert 0 < told["results_per_fold"] <= 300
