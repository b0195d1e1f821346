"""`dml up` starts, says where things are, refuses what it cannot do, and stops."""

import contextlib
import json
import signal
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from dml.entrypoints.embedded import servers
from dml.entrypoints.supervisor.plan import VARIABLE
from tests.entrypoints.up.marketplace import STUBBORN, Marketplace


def test_it_comes_up_says_where_it_is_and_stops_at_ctrl_c(marketplace: Marketplace) -> None:
    first = marketplace.up()
    given = marketplace.environment()
    assert Path(given["DML_HOME"]) == marketplace.home
    assert Path(given["DML_BLOBS"]) == marketplace.home / "blobs"
    assert Path(given["DML_KEYS_FILE"]) == marketplace.home / "keys.json"
    assert given["DML_REDIS_URL"].startswith("unix://")
    assert VARIABLE not in given
    with psycopg.connect(given["DML_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("dml",)

    begun = marketplace.shown()
    out = marketplace.ends(marketplace.popen())
    assert out.startswith("dml already runs.\n")
    url = f"http://127.0.0.1:{marketplace.port}"
    assert f"{url}/docs" in out

    first.send_signal(signal.SIGINT)
    marketplace.ends(first)
    for shown in ("PostgreSQL", url, f"{url}/docs", str(marketplace.home / "logs")):
        assert shown in begun
    assert "admin@example.org  secret-password\n" in begun
    assert "secret" not in marketplace.logs()
    assert marketplace.nothing_runs()

    again = marketplace.up()
    assert "admin" not in marketplace.shown()
    again.send_signal(signal.SIGTERM)
    marketplace.ends(again)


def test_a_migration_that_fails_is_shown_and_nothing_stays(marketplace: Marketplace) -> None:
    marketplace.commands["migrate"] = "import sys; sys.exit('no such column: oops')"
    refusal = marketplace.fail()
    assert "dml: " in refusal
    assert "no such column: oops" in refusal
    assert marketplace.nothing_runs()


def test_a_child_that_ends_at_once_is_shown_with_its_log(marketplace: Marketplace) -> None:
    marketplace.commands["api"] = "import sys; sys.exit('cannot read the keys')"
    refusal = marketplace.fail()
    assert "API 1 ended; " in refusal
    assert "cannot read the keys" in refusal
    assert marketplace.nothing_runs()


def test_a_second_ctrl_c_hurries(marketplace: Marketplace) -> None:
    marketplace.variables["DML_SHUTDOWN_SECONDS"] = "60"
    marketplace.commands["worker"] = STUBBORN
    process = marketplace.up()
    marketplace.until(lambda: (marketplace.plan.logs / "worker-1.log").exists())
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    marketplace.ends(process)
    assert marketplace.nothing_runs()


def test_a_closed_terminal_stops_it_even_where_a_child_is_stubborn(
    marketplace: Marketplace,
) -> None:
    marketplace.variables["DML_SHUTDOWN_SECONDS"] = "0.5"
    marketplace.commands["worker"] = STUBBORN
    process = marketplace.up()
    process.send_signal(signal.SIGHUP)
    marketplace.ends(process)
    assert marketplace.nothing_runs()


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.2, 0.5, 0.8, 1.1, 1.4])
def test_ctrl_c_at_any_moment_of_the_start_leaves_nothing(
    marketplace: Marketplace, after: float
) -> None:
    process = marketplace.popen()
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert not marketplace.home.exists() or marketplace.nothing_runs()


def test_servers_that_are_given_are_used_and_none_is_started(marketplace: Marketplace) -> None:
    marketplace.variables |= {
        "DML_DATABASE_URL": "postgresql://there/dml",
        "DML_REDIS_URL": "redis://there",
    }
    marketplace.up()
    given = marketplace.environment()
    assert given["DML_DATABASE_URL"] == "postgresql://there/dml"
    assert given["DML_REDIS_URL"] == "redis://there"
    assert marketplace.process("postgres") is marketplace.process("valkey") is None


def test_a_file_in_the_way_says_so_in_one_line(marketplace: Marketplace) -> None:
    marketplace.home.write_text("")
    refusal = marketplace.fail()
    assert refusal.startswith("dml: cannot use ")
    assert refusal.count("\n") == 1


def test_the_two_watchers_stay_small(marketplace: Marketplace) -> None:
    marketplace.up()
    for name in ("up", "supervisor"):
        rollup = Path(f"/proc/{marketplace.pid(name)}/smaps_rollup").read_text()
        (resident,) = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
        assert int(resident) < 20_000  # KiB


def test_a_second_start_does_not_make_ready_what_is_known_to_be(marketplace: Marketplace) -> None:
    count = "import os; open(os.environ['DML_HOME'] + '/migrated', 'a').write('once ')"
    marketplace.commands["migrate"] = count
    for _ in range(2):
        marketplace.up()
        marketplace.down()
    assert (marketplace.home / "migrated").read_text() == "once "
    marketplace.commands["migrate"] += "  # Other code, as after an update."
    marketplace.up()
    assert (marketplace.home / "migrated").read_text() == "once once "


@pytest.mark.timeout(180)
def test_the_api_finds_out_where_that_memory_is_wrong(marketplace: Marketplace) -> None:
    marketplace.commands.clear()  # The real ones.
    marketplace.variables |= {"DML_API_PROCESSES": "1", "DML_WORKER_PROCESSES": "1"}
    marketplace.up()
    database = marketplace.database_url()
    marketplace.down()
    servers.up(marketplace.home)
    with psycopg.connect(database) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    marketplace.up()
    marketplace.until(marketplace.serves, 60)  # The workers, too, are there by then.
    with urllib.request.urlopen(marketplace.readyz) as answer:
        assert json.load(answer)["database"] == "ok"


def test_the_command_itself_starts_the_api_ahead_and_ends_it_where_none_is_needed(
    marketplace: Marketplace,
) -> None:
    command = [str(Path(sys.executable).with_name("dml")), "up", "--api", "1", "--workers", "1"]
    marketplace.variables["DML_PAYOUT_KEY"] = "for who pays alone"
    first = marketplace.popen(command=command)
    marketplace.until(lambda: "Stop    " in marketplace.shown(), 60)
    assert "--ahead" in Path(f"/proc/{marketplace.pid('api-1')}/cmdline").read_text()
    assert "--ahead" in Path(f"/proc/{marketplace.pid('supervisor')}/cmdline").read_text()
    for name in ("api-1", "worker-1"):
        assert b"PAYOUT" not in Path(f"/proc/{marketplace.pid(name)}/environ").read_bytes()
    assert marketplace.process("api-2") is marketplace.process("worker-2") is None
    assert marketplace.serves()

    before = _ahead(marketplace)
    assert marketplace.ends(marketplace.popen(command=command)).startswith("dml already runs.\n")
    marketplace.until(lambda: _ahead(marketplace) == before)

    marketplace.kill("api-1")
    marketplace.until(lambda: "; it was started again." in marketplace.logs())
    marketplace.until(marketplace.serves)
    first.send_signal(signal.SIGTERM)
    marketplace.ends(first)
    assert marketplace.nothing_runs()


def _ahead(marketplace: Marketplace) -> set[str]:
    """The processes that were started ahead where this marketplace is."""
    found = set[str]()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            here = (process / "cwd").readlink() == marketplace.home.parent
            if here and "--ahead" in (process / "cmdline").read_text():
                found.add(process.name)
    return found
