"""`dml top`: rates between two looks, and what there is at the moment."""

import json
from pathlib import Path

import pytest

from dml.core import metrics
from dml.core.settings import Settings
from dml.entrypoints import top
from dml.entrypoints.top import Line, Look
from dml.refused import ExitCode, Refused


def looked(at: float, requests: float, failed: float, quick: float, slow: float) -> Look:
    buckets = [0.0] * len(metrics.REQUEST_SECONDS.buckets)
    buckets[2], buckets[9] = quick, slow
    route = ("GET", "/v1/jobs")
    return Look(
        at,
        {
            "dml_requests_total": {(*route, "2xx"): [requests], (*route, "5xx"): [failed]},
            "dml_request_seconds": {route: [*buckets, 0.0, 1.0]},
            "dml_processes": {("api",): [2.0]},
            "dml_queue_depth": {("checks",): [0.0], ("mails",): [3.0]},
        },
    )


def test_it_tells_rates_since_the_look_before_and_what_is_there_now() -> None:
    said = top.lines_of(looked(10, 100, 4, 1_000, 0), looked(12, 300, 4, 1_090, 10))
    assert Line("requests", "all", 100, "/s") in said
    assert Line("requests", "5xx", 0, "/s") in said
    assert Line("requests", "95 % within", 1.0, "s") in said
    assert Line("processes", "api", 2, "") in said
    assert [it.name for it in said if it.about == "queues, how many wait"] == ["mails"]
    assert json.loads(top.as_object(said))["requests"]["all"] == 100
    assert top.as_table(said).row_count == len(said)


def test_with_nothing_counted_yet_all_is_zero() -> None:
    said = top.lines_of(Look(0, {}), Look(0, {}))
    assert {it.value for it in said} == {0}


def test_it_looks_as_often_as_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(Refused, match="dml up"):
        top.run(settings, seconds=0, times=1, as_json=True)
    metrics.write(_folder(tmp_path), "api")
    assert top.run(settings, seconds=0, times=2, as_json=True) == ExitCode.DONE
    told = capsys.readouterr().out
    assert told.count('"requests"') == 2
    assert top.run(settings, seconds=0, times=1, as_json=False) == ExitCode.DONE
    assert "requests" in capsys.readouterr().out


def _folder(home: Path) -> Path:
    folder = home / "metrics"
    folder.mkdir()
    return folder
