"""APIs, workers and more as children that outlive whoever started them, for the next to adopt.

Each holds an inherited flock, whose file says which process it was handed to and with what.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.entrypoints import listening
from dml.entrypoints.embedded import accounts, life, locks
from dml.entrypoints.embedded.life import NotReadyYet
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.supervisor.nursery import Nursery
from dml.entrypoints.supervisor.plan import Chain, Plan
from dml.entrypoints.supervisor.signals import Signals
from dml.refused import Refused

_KILL_SECONDS: Final = 10.0
_LOCAL_CHAIN: Final = "local-chain"
_COUNTS: Final = ("DML_API_PROCESSES", "DML_WORKER_PROCESSES")  # One more changes not the others.


@dataclass(frozen=True)
class Child:
    """A process of ours that serves."""

    name: str
    command: Sequence[str]
    lock: Path
    log: Path
    has_door: bool  # Whether it answers by itself: see `listening`.
    pays: bool = False  # Whether it is given the key that pays out.

    def find(self) -> tuple[Process, str] | None:
        """The process that runs, and the fingerprint of what it was started with."""
        try:
            pid, started, fingerprint = json.loads(self.lock.read_text())
        except (FileNotFoundError, ValueError):
            return None
        process = Process(pid, started)
        return (process, fingerprint) if process.lives and locks.is_held(self.lock) else None

    def start(
        self, plan: Plan, environment: Mapping[str, str], nursery: Nursery | None = None
    ) -> Process:
        """Start the process, or adopt it where it runs with the same settings.

        Where there is a nursery for it, it is forked, as soon as that can be.
        """
        fingerprint = _fingerprint(plan, self.command, environment)
        found = self.find()
        if found is not None and found[1] == fingerprint:
            return found[0]
        if nursery is not None and not nursery.is_ready():
            raise NotReadyYet(f"what {self.name} is forked from still imports")
        self.end(plan.shutdown_seconds if found else 0)
        lock = locks.claim(self.lock)
        if lock is None:
            raise Refused(f"{self.lock} is held by a process that does not end: see `fuser`")
        pid = None
        if nursery is not None:
            command = tuple(self.command)
            pid = nursery.fork(command, environment, lock=lock, log=self.log)
        if pid is not None:
            os.close(lock)
        else:
            program = life.Program(
                self.command,
                folder=Path(plan.folder),
                log=self.log,
                account=accounts.caller(),
                environment=environment,
            )
            pid = life.spawn(program, lock=lock)
        process = Process.of(pid)
        if process is None:
            raise Refused(f"{self.name} ended at once; {self.log} closes with:\n{self.tail}")
        self.lock.write_text(json.dumps([pid, process.started, fingerprint]))
        return process

    def serves(self, process: Process) -> bool:
        """Whether this process of it does its work; of one that cannot be asked, that it lives."""
        return not self.has_door or listening.ask(process, "/readyz").status == "200"

    @property
    def tail(self) -> str:
        return life.tail(self.log)

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process, or to what is left of it."""
        _signal(locks.heads(self.lock, accounts.caller()), signal.SIGTERM)

    def kill(self) -> None:
        """End all that is left of it, at once."""
        deadline = time.monotonic() + _KILL_SECONDS
        while locks.is_held(self.lock) and time.monotonic() < deadline:
            _signal(locks.holders(self.lock, accounts.caller()), signal.SIGKILL)
            time.sleep(0.02)
            life.reap()

    def end(self, patience: float) -> None:
        """End it, gracefully for so many seconds."""
        if not locks.is_held(self.lock):
            return
        if patience:
            with contextlib.suppress(Refused):
                life.stop(
                    self.lock, signal.SIGTERM, account=accounts.caller(), timeout=patience + 3
                )
        self.kill()


def apis(plan: Plan) -> list[Child]:
    return [_child(plan, f"api-{number}") for number in range(1, plan.apis + 1)]


def workers(plan: Plan) -> list[Child]:
    return [_child(plan, f"worker-{number}") for number in range(1, plan.workers + 1)]


def chain_processes(plan: Plan) -> list[Child]:
    """Who reads the chain and pays: one, where there is a chain."""
    return [_child(plan, "chain-1")] if plan.chain in (Chain.LOCAL, Chain.GIVEN) else []


def local_chains(plan: Plan) -> list[Child]:
    return [_child(plan, _LOCAL_CHAIN)] if plan.chain == Chain.LOCAL else []


def running(plan: Plan) -> list[Child]:
    """Everything of which something is left, however many are wanted: every API, every worker, …"""
    patterns = ("api-*", "worker-*", "chain-*", _LOCAL_CHAIN)
    locks_of = [sorted(Path(plan.home).glob(f"{it}.lock")) for it in patterns]
    return [_child(plan, it.stem) for found in locks_of for it in found if locks.is_held(it)]


def of_our_code(plan: Plan) -> list[Child]:
    """What runs and changes with our code: the chain itself does not."""
    return [it for it in running(plan) if it.lock != plan.lock(_LOCAL_CHAIN)]


def surplus(plan: Plan) -> list[Child]:
    """What runs of an earlier start that wanted more of them."""
    planned = [*apis(plan), *workers(plan), *chain_processes(plan), *local_chains(plan)]
    return [child for child in running(plan) if child not in planned]


def _child(plan: Plan, label: str) -> Child:
    kind, _, number = label.partition("-")
    name, command = {
        "api": (f"API {number}", plan.commands.api),
        "worker": (f"Worker {number}", plan.commands.worker),
        "chain": (f"Chain {number}", plan.commands.chain),
        "local": ("Local chain", plan.commands.local_chain),
    }[kind]
    log, pays = plan.logs / f"{label}.log", kind == "chain"
    return Child(name, command, plan.lock(label), log, has_door=kind == "api", pays=pays)


def end_all(plan: Plan, children: Sequence[Child], signals: Signals | None = None) -> None:
    """End these side by side: gracefully, unless somebody hurries."""
    deadline = time.monotonic() + plan.shutdown_seconds + 3
    for child in children:
        if locks.is_held(child.lock):
            child.ask_to_end()
    while any(locks.is_held(child.lock) for child in children) and time.monotonic() < deadline:
        if signals is not None and signals.hurrying:
            break
        time.sleep(0.03)
        life.reap()
    for child in children:
        child.kill()


def run_to_end(
    command: Sequence[str],
    plan: Plan,
    environment: Mapping[str, str],
    pause: Callable[[], None],
) -> str:
    """What a command prints that makes something ready. One that fails is refused with its error.

    It holds a lock: where its launcher is killed it goes on, and the next launcher waits for it.
    `pause` is called while it runs; what that raises ends the command too.
    """
    while (lock := locks.claim(plan.lock("setup"))) is None:
        pause()
    try:
        process = subprocess.Popen(  # noqa: S603 - our own commands, never a shell's line
            command,
            cwd=plan.folder,
            env=environment,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[lock],
            start_new_session=True,
        )
    finally:
        os.close(lock)
    with process:
        try:
            while (printed := _printed(process)) is None:
                pause()
        except BaseException:
            process.terminate()
            raise
    out, err = printed
    if process.returncode:
        lines = "\n".join((err or out).strip().splitlines()[-30:])
        raise Refused(f"`{' '.join(command[-2:])}` failed:\n{lines}")
    return out


def _printed(process: subprocess.Popen[str]) -> tuple[str, str] | None:
    try:
        return process.communicate(timeout=0.05)
    except subprocess.TimeoutExpired:
        return None


def _signal(processes: Sequence[Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _fingerprint(plan: Plan, command: Sequence[str], environment: Mapping[str, str]) -> str:
    # Another number of workers changes each one's share of the cores: no reason to end any.
    ignored = _COUNTS if "DML_SANDBOXES" in os.environ else {*_COUNTS, "DML_SANDBOXES"}
    settings = [it for it in sorted(environment.items()) if it[0].startswith("DML_")]
    text = json.dumps([plan.folder, list(command), [it for it in settings if it[0] not in ignored]])
    return hashlib.sha256(text.encode()).hexdigest()
