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


def test_it_comes_up_says_where_it_is_and_stops_at_ctrl_c(new_marketplace: Marketplace) -> None:
    first = new_marketplace.up()
    given = new_marketplace.environment()
    assert Path(given["DML_HOME"]) == new_marketplace.home
    assert Path(given["DML_BLOBS"]) == new_marketplace.home / "blobs"
    assert Path(given["DML_KEYS_FILE"]) == new_marketplace.home / "keys.json"
    assert given["DML_REDIS_URL"].startswith("unix://")
    assert VARIABLE not in given
    with psycopg.connect(given["DML_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("dml",)

    begun = new_marketplace.shown()
    out = new_marketplace.ends(new_marketplace.popen())
    assert out.startswith("dml already runs.\n")
    url = f"http://127.0.0.1:{new_marketplace.port}"
    assert f"{url}/docs" in out

    first.send_signal(signal.SIGINT)
    new_marketplace.ends(first)
    for shown in (
        "PostgreSQL",
        url,
        f"{url}/docs",
        f"{url}/console",
        str(new_marketplace.home / "logs"),
    ):
        assert shown in begun
    # Below all that can be asked for again.
    assert begun.endswith("shown this once:\n  admin@example.org  secret-password\n")
    assert "secret" not in new_marketplace.logs()
    assert new_marketplace.nothing_runs()

    again = new_marketplace.up()
    assert "admin" not in new_marketplace.shown()
    again.send_signal(signal.SIGTERM)
    new_marketplace.ends(again)


def test_a_migration_that_fails_is_shown_and_nothing_stays(marketplace: Marketplace) -> None:
    marketplace.commands["migrate"] = "import sys; sys.exit('no such column: oops')"
    refusal = marketplace.fail()
    assert "dml: " in refusal
    assert "no such column: oops" in refusal
    assert marketplace.nothing_runs()


def test_a_child_that_ends_at_once_is_shown_with_its_log(marketplace: Marketplace) -> None:
    marketplace.commands["api"] = "import sys; sys.exit('cannot read the keys')"
    refusal = marketplace.fail()
    assert "admin@example.org  secret-password\n" in refusal  # It was made all the same.
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
    new_marketplace: Marketplace, after: float
) -> None:
    process = new_marketplace.popen()
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert not new_marketplace.home.exists() or new_marketplace.nothing_runs()


def test_servers_that_are_given_are_used_and_none_is_started(new_marketplace: Marketplace) -> None:
    new_marketplace.variables |= {
        "DML_DATABASE_URL": "postgresql://there/dml",
        "DML_REDIS_URL": "redis://there",
    }
    new_marketplace.up()
    given = new_marketplace.environment()
    assert given["DML_DATABASE_URL"] == "postgresql://there/dml"
    assert given["DML_REDIS_URL"] == "redis://there"
    assert new_marketplace.process("postgres") is new_marketplace.process("valkey") is None


def test_a_file_in_the_way_says_so_in_one_line(new_marketplace: Marketplace) -> None:
    new_marketplace.home.write_text("")
    refusal = new_marketplace.fail()
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
    assert "--ahead" in Path(f"/proc/{marketplace.pid('supervisor')}/cmdline").read_text()
    # Both are forks of one process, which is gone, and children of the supervisor.
    forks = {str(marketplace.pid(it)) for it in ("api-1", "worker-1")}
    marketplace.until(lambda: _ahead(marketplace) == {*forks, str(marketplace.pid("supervisor"))})
    for pid in forks:
        assert (
            f"PPid:\t{marketplace.pid('supervisor')}\n" in Path(f"/proc/{pid}/status").read_text()
        )
    for name in ("api-1", "worker-1"):
        assert b"PAYOUT" not in Path(f"/proc/{marketplace.pid(name)}/environ").read_bytes()
    assert marketplace.process("api-2") is marketplace.process("worker-2") is None
    assert marketplace.serves()

    before = _ahead(marketplace)
    assert marketplace.ends(marketplace.popen(command=command)).startswith("dml already runs.\n")
    marketplace.until(lambda: _ahead(marketplace) == before)

    marketplace.kill("api-1")
    again = "API 1 was killed (SIGKILL); it was started again."
    marketplace.until(lambda: again in marketplace.logs())
    marketplace.until(marketplace.serves)
    assert _ahead(marketplace) < before, "of new code, were there any"
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
