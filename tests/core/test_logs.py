"""A log that begins anew while its processes write on."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from dml.core import logs

WRITER = """
import sys
from datetime import datetime
from dml.core import logs
from dml.core.settings import Settings
import logging
logs.configure(Settings(log_limit_bytes=20_000))
for number in range(int(sys.argv[2])):
    logging.getLogger("dml").warning("%s %d", sys.argv[1], number)
"""


def open_log(log: Path) -> int:
    return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def write(log: Path, name: str, lines: int) -> "subprocess.Popen[bytes]":
    descriptor = open_log(log)
    try:
        return subprocess.Popen([sys.executable, "-c", WRITER, name, str(lines)], stderr=descriptor)
    finally:
        os.close(descriptor)


def test_a_long_log_is_kept_beside_and_begins_anew(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_bytes(b"line\n" * 1_000)
    logs.rotate_all([log, tmp_path / "none.log"], 10_000)
    assert log.stat().st_size == 5_000
    child = open_log(log)  # As a server has it open, who knows nothing of this.
    logs.rotate_all([log], 4_999)
    os.write(child, b"on\n")
    assert log.read_bytes() == b"on\n"
    assert (tmp_path / "it.log.old").read_bytes() == b"line\n" * 1_000
    os.close(child)


def test_one_that_was_killed_half_way_has_lost_nothing(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_bytes(b"line\n" * 1_000)
    (tmp_path / "it.log.new").write_bytes(b"half a copy")
    logs.rotate_all([log], 10)
    assert (tmp_path / "it.log.old").read_bytes() == b"line\n" * 1_000
    assert not (tmp_path / "it.log.new").exists()


def test_what_is_no_file_for_appending_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_bytes(b"line\n" * 1_000)
    with log.open("r+b") as file:
        assert not logs.rotate(file.fileno(), 10)
    reader, writer = os.pipe()
    assert not logs.rotate(writer, 10)
    os.close(reader)
    os.close(writer)
    descriptor = open_log(log)
    assert not logs.rotate(descriptor, 0)
    os.close(descriptor)
    assert log.stat().st_size == 5_000


def test_several_processes_share_a_log_that_never_grows_long(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    writers = [write(log, name, 600) for name in ("ada", "bob")]
    assert [it.wait(60) for it in writers] == [0, 0]
    assert log.stat().st_size < 30_000
    old = tmp_path / "it.log.old"
    assert 10_000 < old.stat().st_size < 50_000
    whole = old.read_text().splitlines() + log.read_text().splitlines()
    assert all(it.startswith("{") and it.endswith("}") for it in whole)


REQUESTS: Final = """
import structlog
from dml.core import logs
from dml.core.settings import Settings
logs.configure(Settings(log_level="{level}", log_format="{format}"))
asked = logs.Asked("an-id", user_id="a-user", code="jobs.not_found")
logs.log_request(asked, method="GET", path="/\\udce4\\n", status=404, seconds=0.0012)
logs.ASKED.set(asked)
structlog.get_logger("dml.access").info(
    "request", method="GET", path="/\\udce4\\n", status=404, milliseconds=1.2
)
"""


def logged(**said: str) -> list[str]:
    command = [sys.executable, "-c", REQUESTS.format(**said)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()


def test_a_request_is_logged_as_structlog_would_log_it() -> None:
    ours, theirs = (json.loads(it) for it in logged(level="INFO", format="json"))
    for line in (ours, theirs):
        assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert list(ours.items()) == list(theirs.items())
    assert (ours["request_id"], ours["user_id"]) == ("an-id", "a-user")
    assert ours["code"] == "jobs.not_found"
    assert len(logged(level="INFO", format="console")) >= 2
    assert logged(level="WARNING", format="json") == []


BLOCKED: Final = """
import logging, sys
from dml.core import logs, metrics
from dml.core.settings import Settings
logs.configure(Settings())
for number in range(20_000):
    logging.getLogger("dml").warning("line %d of many, which nobody reads", number)
logging.getLogger("dml").critical("and one that is waited for, a moment")
print(metrics.LOG_LINES_DROPPED.values[()][0])
"""


def test_a_sink_that_takes_nothing_holds_up_nobody() -> None:
    command = [sys.executable, "-c", BLOCKED]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        dropped = float(process.stdout.read())  # It has ended, and nobody read what it logged.
        lines = process.stderr.read().splitlines()
    assert dropped > 10_000
    assert json.loads(lines[0])["event"] == "line 0 of many, which nobody reads"


def test_a_pipe_that_is_read_gets_every_line() -> None:
    command = [sys.executable, "-c", WRITER, "ada", "500"]
    written = subprocess.run(command, stderr=subprocess.PIPE, check=True).stderr.splitlines()
    assert [json.loads(it)["event"] for it in written] == [f"ada {it}" for it in range(500)]
