"""Whoever of `dml up` is killed, and when: it comes back, and the rest goes on."""

import itertools
import os
import signal
import socket
import time
from pathlib import Path

import psycopg
import pytest

from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.supervisor import watch
from dml.refused import Refused
from tests.entrypoints.up.marketplace import CHILDREN, EVERYONE, STUBBORN, Marketplace


def test_whoever_is_killed_comes_back_and_the_rest_goes_on(marketplace: Marketplace) -> None:
    marketplace.up()
    for name in EVERYONE:
        before = {other: marketplace.process(other) for other in EVERYONE}
        marketplace.kill(name)
        killed_at = time.monotonic()
        known = before.values()  # For an instant a lock is held by whoever hands it on.
        marketplace.until_another(name, known, 20)
        took = time.monotonic() - killed_at
        assert took < 8, f"{name} took {took:.1f} s"
        after = {other: marketplace.process(other) for other in EVERYONE}
        assert [other for other in EVERYONE if before[other] != after[other]] == [name]
    marketplace.until(marketplace.serves)
    told = (marketplace.plan.logs / "up.log").read_text()
    for line in (
        "API 1 was killed (SIGKILL); it was started again.",
        "Worker 2 was killed (SIGKILL); it was started again.",
        "PostgreSQL was killed (SIGKILL); it was started again.",
        "Valkey was killed (SIGKILL); it was started again.",
        "The supervisor died; it was started again.",
        "`dml up` was killed.",
    ):
        assert line in told


def test_it_recovers_when_all_are_killed_at_once(marketplace: Marketplace) -> None:
    marketplace.up()
    marketplace.kill(*EVERYONE)
    marketplace.up()
    marketplace.until(marketplace.serves)


def test_all_but_the_foreground_killed_at_once_come_back(marketplace: Marketplace) -> None:
    first = marketplace.up()
    marketplace.kill(*[name for name in EVERYONE if name != "up"])
    marketplace.until(lambda: all(marketplace.process(name) for name in EVERYONE))
    marketplace.until(marketplace.serves)
    first.send_signal(signal.SIGINT)
    marketplace.ends(first)
    assert marketplace.nothing_runs()


def test_what_outlived_both_watchers_is_adopted_unless_settings_changed(
    marketplace: Marketplace,
) -> None:
    marketplace.up()
    served = (*CHILDREN, "postgres", "valkey")
    before = [marketplace.process(name) for name in served]
    marketplace.kill("up", "supervisor")
    assert marketplace.serves()
    marketplace.up()
    assert [marketplace.process(name) for name in served] == before

    marketplace.kill("up", "supervisor")
    marketplace.variables["DML_MIN_OWNERS"] = "7"
    marketplace.up()
    assert [marketplace.process(name) for name in served][-2:] == before[-2:]
    assert marketplace.environment()["DML_MIN_OWNERS"] == "7"


@pytest.mark.slow
def test_a_terminal_that_lost_its_foreground_can_have_another(marketplace: Marketplace) -> None:
    marketplace.up()
    for _ in range(3):  # Either it attaches, or the supervisor was faster and it says so.
        before = marketplace.process("supervisor")
        marketplace.kill("up")
        another = marketplace.popen()
        marketplace.until(lambda: marketplace.process("up"))
        time.sleep(1)
        assert another.poll() in (None, 0)
        assert marketplace.process("supervisor") == before
        assert marketplace.serves()


@pytest.mark.slow
def test_children_follow_a_postgres_whose_port_was_taken(marketplace: Marketplace) -> None:
    marketplace.up()
    before = marketplace.environment()["DML_DATABASE_URL"]
    supervisor, port = marketplace.pid("supervisor"), int(before.rsplit("=", 1)[1])
    children = [marketplace.process(name) for name in CHILDREN]
    os.kill(supervisor, signal.SIGSTOP)
    marketplace.kill("postgres")
    marketplace.until(lambda: marketplace.process("postgres") is None)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        os.kill(supervisor, signal.SIGCONT)
        for name in CHILDREN:
            marketplace.until_another(name, children)
    marketplace.until(marketplace.serves)
    assert marketplace.environment()["DML_DATABASE_URL"] != before
    psycopg.connect(marketplace.environment()["DML_DATABASE_URL"]).close()


def test_a_worker_that_always_dies_is_tried_ever_less_often(marketplace: Marketplace) -> None:
    count = "import os; print('tried', flush=True); __import__('time').sleep(0.5); os._exit(3)"
    marketplace.commands["worker"] = count
    marketplace.up()
    time.sleep(5)
    tries = (marketplace.plan.logs / "worker-1.log").read_text().count("tried")
    assert 3 <= tries <= 5
    assert "Worker 1 ended (exit code 3); it was started again." in marketplace.logs()
    assert marketplace.serves()


def test_delays_double_up_to_ten_seconds_and_start_over(tmp_path: Path) -> None:
    dead = Process(2**30, "never")

    def start() -> Process:
        if not alive:
            raise Refused("no")
        return Process(os.getpid(), _started())

    alive, now, tried = False, 1000.0, list[float]()
    it = watch.Watch("It", start, process=dead)
    while now < 1030:
        if "does not start" in it.tend(now):
            tried.append(now)
        now += 0.05
    gaps = [round(b - a, 1) for a, b in itertools.pairwise(tried)]
    assert gaps[:5] == [0.4, 0.8, 1.6, 3.2, 6.4]
    assert it.delay == watch.DELAY_SECONDS_MAX
    alive = True
    assert it.tend(now + 20) == "It died; it was started again."
    it.tend(time.monotonic() + watch.STEADY_SECONDS + 1)
    assert it.delay == watch.DELAY_SECONDS


def _started() -> str:
    found = Process.of(os.getpid())
    assert found is not None
    return found.started


@pytest.mark.slow
def test_a_supervisor_killed_while_it_stops_leaves_nothing(marketplace: Marketplace) -> None:
    marketplace.variables["DML_SHUTDOWN_SECONDS"] = "3"
    marketplace.commands["worker"] = STUBBORN
    process = marketplace.up()
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    marketplace.kill("supervisor")
    marketplace.ends(process)
    assert marketplace.nothing_runs()


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.3, 0.6, 0.9, 1.2, 1.5])
def test_a_supervisor_killed_while_it_starts_is_started_again(
    new_marketplace: Marketplace, after: float
) -> None:
    process = new_marketplace.popen()
    new_marketplace.until(
        lambda: new_marketplace.home.exists() and new_marketplace.process("supervisor")
    )
    time.sleep(after)
    new_marketplace.kill("supervisor")
    new_marketplace.until(lambda: "Stop    " in new_marketplace.shown())
    assert process.poll() is None
    assert new_marketplace.serves()
