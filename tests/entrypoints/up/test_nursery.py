"""The process that imports for all: what becomes of its forks, and of what it cannot do."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from dml.entrypoints.embedded import life, locks
from dml.entrypoints.supervisor.nursery import Nursery
from dml.entrypoints.supervisor.plan import Commands


def test_a_fork_has_its_order_and_its_lock_and_tells_how_it_ended(tmp_path: Path) -> None:
    nursery = Nursery.start()
    _until(nursery.is_ready)
    log, lock_file = tmp_path / "log", tmp_path / "lock"
    lock = locks.claim(lock_file)
    assert lock is not None
    # There is no such setting: it says so in its log, and ends.
    environment = {"PATH": os.defpath, "DML_NO_SETTING": "1"}
    pid = nursery.fork(Commands().api, environment, lock=lock, log=log)
    assert pid is not None
    os.close(lock)
    _until(lambda: life.exit_code(pid) is not None)
    assert life.exit_code(pid) == 1
    assert "DML_NO_SETTING" in log.read_text()
    assert not locks.is_held(lock_file), "nobody else keeps it"
    nursery.close()
    _until(lambda: life.exit_code(nursery.pid) == 0)


def test_one_that_is_gone_forks_nothing_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    nursery = Nursery.start()
    os.kill(nursery.pid, signal.SIGKILL)
    _until(nursery.is_ready)
    lock = locks.claim(tmp_path / "lock")
    assert lock is not None
    assert nursery.fork(Commands().worker, {}, lock=lock, log=tmp_path / "log") is None
    os.close(lock)
    assert not locks.is_held(tmp_path / "lock")
    nursery.close()


def test_it_knows_the_commands_of_our_code_alone() -> None:
    commands = Commands()
    nursery = Nursery.start()
    known = [nursery.knows(it) for it in (commands.api, commands.worker, commands.chain)]
    assert known == [True] * 3
    assert not nursery.knows(commands.local_chain)
    assert not nursery.knows(tuple(json.loads('["python"]')))
    nursery.close()


def _until(it: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not it():
        assert time.monotonic() < deadline
        time.sleep(0.05)
