"""Birth, adoption, death and recovery, whoever is killed when."""

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from dml.entrypoints.embedded import accounts, locks, postgres, valkey
from tests.entrypoints.embedded.user import (
    User,
    postmaster,
    rewrite,
    sql,
    valkey_process,
    works,
)


def test_a_second_start_adopts_and_down_leaves_nothing(user: User, home: Path) -> None:
    state = user.up(home)
    processes = postmaster(home), valkey_process(home)
    assert user.up(home) == state
    assert (postmaster(home), valkey_process(home)) == processes
    user.down(home)
    assert not any(process.lives for process in processes)
    assert postgres.process(home) is valkey.process(home) is None
    user.down(home)  # Nothing to stop is fine.
    assert user.up(home).port == state.port


def test_many_launchers_at_once_agree(user: User, home: Path) -> None:
    started = [user.popen("up", home) for _ in range(5)]
    outputs = {process.communicate(timeout=90)[0] for process in started}
    assert [process.returncode for process in started] == [0] * 5
    assert len(outputs) == 1


def test_data_outlives_a_kill_of_both_servers(user: User, used: Path) -> None:
    state = user.up(used)
    sql(state, "CREATE TABLE kept AS SELECT 7 AS n")
    for _ in range(3):
        # Its children are still dying when the next start comes.
        os.kill(postmaster(used).pid, signal.SIGKILL)
        os.kill(valkey_process(used).pid, signal.SIGKILL)
        assert user.up(used).port == state.port
        assert sql(state, "SELECT n FROM kept") == [(7,)]
        assert works(state)


def test_an_orphan_that_computes_holds_up_no_restart(user: User, used: Path) -> None:
    state = user.up(used)

    def compute() -> None:
        with pytest.raises(psycopg.OperationalError):
            sql(
                state,
                "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
            )

    computing = threading.Thread(target=compute)
    computing.start()
    active = (
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%series%'"
    )
    while postgres.run_sql(used, active) != "2\n":  # The question finds itself as well.
        time.sleep(0.02)
    os.kill(postmaster(used).pid, signal.SIGKILL)
    begun = time.monotonic()
    assert works(user.up(used))
    assert time.monotonic() - begun < 10
    computing.join()


@pytest.mark.parametrize(
    "after",
    [0.1, 0.3]
    + [pytest.param(s, marks=pytest.mark.slow) for s in (0.15, 0.2, 0.25, 0.4, 0.5, 0.7, 1.0, 1.3)],
)
def test_a_launcher_killed_at_any_moment_leaves_nothing_that_hurts(
    user: User, home: Path, after: float
) -> None:
    launcher = user.popen("up", home)
    time.sleep(after)
    launcher.kill()
    launcher.communicate()
    assert works(user.up(home))


def test_a_stale_pid_file_that_names_a_living_stranger_harms_neither(
    user: User, used: Path
) -> None:
    state = user.up(used)
    os.kill(postmaster(used).pid, signal.SIGKILL)
    while locks.is_held(Path(state.place) / "postgres.lock"):
        time.sleep(0.02)
    pid_file = Path(state.place) / "postgres/postmaster.pid"
    text = pid_file.read_text().splitlines(keepends=True)
    # Alive, and of the same account: PostgreSQL would take it for a postmaster.
    with subprocess.Popen(["sleep", "60"], **user.drop) as stranger:
        pid_file.write_text("".join([f"{stranger.pid}\n", *text[1:]]))
        assert postgres.process(used) is None
        assert works(user.up(used))
        user.down(used)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.slow
def test_a_cleaner_that_takes_the_sockets_away_costs_a_restart(user: User, home: Path) -> None:
    far = Path("y" * 150)  # Too long a path for a socket, so that they are in /tmp.
    state = user.up(far)
    assert not state.run.startswith(state.place)
    for stops_first in (False, True):
        if stops_first:
            user.down(far)
        shutil.rmtree(user.state(far).run)
        assert works(user.up(far))


def test_whoever_merely_tries_the_lock_is_not_taken_for_the_server(user: User, used: Path) -> None:
    state = user.up(used)
    lock = Path(state.place) / "valkey.lock"
    with lock.open():
        assert os.getpid() not in [
            process.pid for process in locks.holders(lock, accounts.caller())
        ]


@pytest.mark.slow
def test_logs_do_not_grow_for_ever(user: User, home: Path) -> None:
    state = user.up(home)
    user.down(home)
    log = Path(state.place) / "valkey.log"
    with log.open("a") as file:
        file.truncate(10_000_001)
    user.up(home)
    assert log.stat().st_size < 10_000
    assert log.with_name("valkey.log.old").stat().st_size == 10_000_001


@pytest.mark.slow
def test_a_remembered_port_is_kept_while_it_is_free(user: User, home: Path) -> None:
    state = user.up(home)
    user.down(home)
    rewrite(home, state, port=0)
    other = user.up(home).port
    user.down(home)
    assert user.up(home).port == other
