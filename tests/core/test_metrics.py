"""Counts of several processes become one, and outlive those who counted."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from dml.core import metrics
from dml.core.metric_kinds import ALL, Counter

FOLDER: Final = "metrics"
COUNT: Final = """
import asyncio, pathlib, sys, time
from dml.core import metrics
metrics.RESULTS_FOLDED.inc(by=5)
metrics.DEVICE_REQUESTS.inc("claim", "ok", by=2)
metrics.BATCH_ITEMS.observe(3, "claim")
metrics.QUEUE_LENGTH.set(7, "claim")
metrics.INBOX_LENGTH.set(float(sys.argv[2]))
metrics.write(pathlib.Path(sys.argv[1]), "worker")
print("written", flush=True)
sys.stdin.read()
"""


def start(folder: Path, inbox: int) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(folder), str(inbox)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def values(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_counts_add_up_and_outlive_their_process_but_queues_do_not(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    with start(folder, 3) as one, start(folder, 4) as other:
        seen = values(metrics.render(folder))
        assert seen["dml_results_folded_total"] == 10
        assert seen['dml_device_requests_total{verb="claim",outcome="ok"}'] == 4
        assert seen['dml_device_queue_length{verb="claim"}'] == 14
        assert seen["dml_inbox_length"] == 4
        assert seen['dml_processes{kind="worker"}'] == 2
        one.communicate("")
        other.communicate("")
    for _ in range(2):  # To bury the dead twice changes nothing.
        metrics.bury(folder)
        assert [path.name for path in folder.glob("*.json")] == ["gone.json"]
        seen = values(metrics.render(folder))
        assert seen["dml_results_folded_total"] == 10
        assert seen['dml_device_batch_items_bucket{verb="claim",le="2"}'] == 0
        assert seen['dml_device_batch_items_bucket{verb="claim",le="4"}'] == 2
        assert seen['dml_device_batch_items_bucket{verb="claim",le="+Inf"}'] == 2
        assert seen['dml_device_batch_items_sum{verb="claim"}'] == 6
        assert seen['dml_device_batch_items_count{verb="claim"}'] == 2
        assert "dml_inbox_length" not in seen
        assert not any(name.startswith("dml_processes") for name in seen)


def test_who_has_not_written_for_a_while_has_nothing_at_the_moment(tmp_path: Path) -> None:
    path = tmp_path / f"worker-{os.getpid()}.json"
    path.write_text(json.dumps({"dml_inbox_length": [[[], [9]]], "gone_metric": [[[], [1]]]}))
    assert values(metrics.render(tmp_path))["dml_inbox_length"] == 9
    long_ago = time.time() - metrics.FRESH_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert "dml_inbox_length" not in values(metrics.render(tmp_path))


def test_a_torn_or_foreign_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "api-1.json").write_text('{"dml_resul')
    assert values(metrics.render(tmp_path)) == {}


def test_large_numbers_and_odd_labels_are_written_whole(tmp_path: Path) -> None:
    content = [[['a"b\\c\nd'], [12_345_678]]]
    (tmp_path / "api-1.json").write_text(json.dumps({"dml_refused_for_overload_total": content}))
    line = 'dml_refused_for_overload_total{what="a\\"b\\\\c\\nd"} 12345678'
    assert line in metrics.render(tmp_path).splitlines()


def test_to_count_costs_next_to_nothing() -> None:
    counter = Counter("dml_test_total", "Of this test.", "verb", "outcome")
    try:
        begun = time.process_time()
        for _ in range(20_000):
            counter.inc("claim", "ok")
        assert (time.process_time() - begun) / 20_000 < 3e-6
    finally:
        del ALL["dml_test_total"]
