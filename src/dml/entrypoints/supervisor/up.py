"""`dml up`: the whole marketplace on one machine, kept alive by two small processes.

    foreground  ⇄  supervisor  →  PostgreSQL, Valkey, local chain, APIs, workers, chain process

Each of them, killed, comes back by itself; where all are killed, the next `dml up` recovers. A
lock that its holder inherits tells who lives. Read: plan (what shall be), foreground,
supervisor (the story), watch and children (dying and coming back).
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from dml.core.settings import Settings
from dml.core.settings_files import is_bucket
from dml.entrypoints.embedded import accounts, chain, life, locks, places
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.safety import require_safe
from dml.entrypoints.supervisor import children, pair
from dml.entrypoints.supervisor.children import Child
from dml.entrypoints.supervisor.console import Console, refuse
from dml.entrypoints.supervisor.plan import Chain, Commands, Plan
from dml.entrypoints.supervisor.signals import Signals
from dml.refused import Refused

_APIS_MAX: Final = 8  # What one PostgreSQL on the same machine can keep busy.
_WORKERS_MAX: Final = 4
_SANDBOXES_MAX: Final = 8
_TRIES_MAX: Final = (
    3  # What ended so often at its start, as of a release that is broken, will again.
)
_STOP_SECONDS: Final = 90.0  # Beyond what open requests may take: for PostgreSQL's last checkpoint.


def run(settings: Settings, *, ready: bool = True, commands: Commands | None = None) -> int:
    """Start everything and stay until it is stopped; without `ready`, call it started sooner.

    This process becomes the foreground process, which is small, and so does not come back from
    here. The exit code is for a start that is refused.
    """
    if settings.chain_url is not None and settings.chain_vault is None:
        return refuse(
            "DML_CHAIN_URL names a chain, and DML_CHAIN_VAULT no vault on it: set the address of "
            "the vault that you deployed (README, `Money on a chain`), or neither of the two"
        )
    try:
        require_safe(settings, starts_a_chain=_which_chain(settings) is Chain.LOCAL)
    except Refused as refusal:
        return refuse(refusal)
    if sys.platform == "linux":
        plan = make_plan(settings, ready=ready, commands=commands)
        command = pair.command(pair.FOREGROUND)
        sys.stdout.flush()
        os.execve(command[0], command, os.environ | plan.write())  # noqa: S606 - no shell is wanted
    return refuse(
        "`dml up` is for Linux: start `dml server` and `dml worker`, with DML_DATABASE_URL and "
        "DML_REDIS_URL set"
    )


def stop(settings: Settings) -> int:
    """Stop all that runs for this home, however it came to run."""
    plan = make_plan(settings)
    if not Path(plan.home).is_dir():
        return refuse(f"there is no home {plan.home}: name the one that was used in DML_HOME")
    try:
        timeout = plan.shutdown_seconds + _STOP_SECONDS
        for name in ("up", "supervisor"):
            life.stop(plan.lock(name), signal.SIGTERM, account=accounts.caller(), timeout=timeout)
        pair.stop_everything(plan, Console(plan.logs / "up.log"), Signals())
    except (Refused, OSError) as error:
        return refuse(error)
    return 0


def restart(settings: Settings) -> int:
    """Start each API anew, then each worker and the chain process, while the others go on.

    All it does is to ask each to end: the supervisor brings it back, as ever. So this can be
    interrupted at any time, and goes no further than a process that does not come back. The
    settings stay those that `dml up` was started with.
    """
    plan = make_plan(settings)
    console = Console(plan.logs / "up.log")
    try:
        if not locks.is_held(plan.lock("supervisor")):
            raise Refused(f"nothing runs for {plan.home}: start it with `dml up`")
        for child in children.of_our_code(plan):
            with console.step(child.name):
                _start_anew(child, plan.shutdown_seconds + _STOP_SECONDS)
    except (Refused, OSError) as error:
        return refuse(error)
    return 0


def _start_anew(child: Child, patience: float) -> None:
    """Ask it to end, and wait until another serves in its place.

    Refused where none does, so that those who are still to come serve on as they are.
    """
    deadline, before = time.monotonic() + patience, child.find()
    tried = set[Process]()
    child.ask_to_end()
    while not ((found := child.find()) and found != before and child.serves(found[0])):
        if found and found != before:
            tried.add(found[0])
        elif len(tried) >= _TRIES_MAX:
            raise Refused(
                f"{child.name} ended {len(tried)} times at its start, so that nothing else is "
                f"started anew; {child.log} closes with:\n{child.tail}"
            )
        if time.monotonic() > deadline:
            raise Refused(f"{child.name} is not back after {patience:.0f} s: see {child.log}")
        time.sleep(0.05)


def make_plan(settings: Settings, *, ready: bool = True, commands: Commands | None = None) -> Plan:
    """What the settings mean for `dml up`."""
    home = places.absolute(settings.home)
    database, redis = settings.database_url, settings.redis_url
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    workers = settings.worker_processes or max(1, min(cores // 2, _WORKERS_MAX))
    return Plan(
        home=str(home),
        folder=str(Path.cwd()),
        host=settings.host,
        port=settings.port,
        port_is_fixed="port" in settings.model_fields_set,
        blobs=_blobs(settings, home),
        keys_file=str(places.absolute(settings.keys_file or home / "keys.json")),
        shutdown_seconds=settings.shutdown_seconds,
        waits_until_ready=ready,
        apis=settings.api_processes or min(cores, _APIS_MAX),
        workers=workers,
        sandboxes=max(1, min(cores // workers, _SANDBOXES_MAX)),
        database_url=database.get_secret_value() if database else None,
        redis_url=redis.get_secret_value() if redis else None,
        public_url=settings.public_url,
        chain=_which_chain(settings),
        commands=commands or Commands(),
    )


def _blobs(settings: Settings, home: Path) -> str:
    blobs = settings.blobs or home / "blobs"
    return str(blobs if is_bucket(blobs) else places.absolute(blobs))


def _which_chain(settings: Settings) -> Chain:
    if settings.chain_url is not None:
        return Chain.GIVEN
    if not settings.local_chain:
        return Chain.NONE
    return Chain.LOCAL if chain.program() else Chain.MISSING
