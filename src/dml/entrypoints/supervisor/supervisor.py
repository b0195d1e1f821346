"""The supervisor: starts everything, or adopts it, then watches over it, and at the end stops it.

It holds `supervisor.lock`, which the foreground process handed it. Killed, it is started again and
adopts what runs. It starts the foreground process again where that was killed, in the background.
"""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dml.entrypoints import listening
from dml.entrypoints.embedded import chain, folders, locks, postgres, servers, valkey
from dml.entrypoints.embedded.chain import LocalChainFacts
from dml.entrypoints.embedded.life import NotReadyYet
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.listening import Answer
from dml.entrypoints.supervisor import ahead, children, pair, ports, prepared
from dml.entrypoints.supervisor.children import Child
from dml.entrypoints.supervisor.console import Console
from dml.entrypoints.supervisor.nursery import Nursery
from dml.entrypoints.supervisor.plan import Chain, Plan, recall, remember
from dml.entrypoints.supervisor.signals import Interrupted, Signals
from dml.entrypoints.supervisor.watch import Watch
from dml.refused import Refused

READY_SECONDS: Final = 120.0
CHAIN_SECONDS: Final = 20.0
_PORT_TRIES: Final = 5
_HAS_DATABASE: Final = '"database":"ok"'
_ATTEMPT_SECONDS: Final = 2.0  # So long a server's start may keep us from the others.


@dataclass
class World:
    """What the supervisor knows of that which it watches over."""

    plan: Plan
    console: Console
    signals: Signals
    port: ports.Port
    database_url: str = ""
    redis_url: str = ""
    local_chain: LocalChainFacts | None = None
    watches: dict[str, Watch] = field(default_factory=dict)
    nursery: Nursery | None = None  # It imports while we start the servers.
    first_admin: str = ""  # How they sign in, in the words for the person, if they were made now.

    def environment(self, *, pays: bool = False) -> dict[str, str]:
        return self.plan.environment(
            self.port.number, self.database_url, self.redis_url, self.local_chain, pays=pays
        )


def main() -> int:
    """Supervise until somebody asks to stop, and leave a note that this was meant."""
    nursery = None
    if sys.argv[1:] == [ahead.ARGUMENT]:
        nursery = Nursery.start()
        ahead.await_order(keep_out=True)
    plan = Plan.read()
    folders.make(plan.logs)
    memory, code = recall(plan), 0
    world = World(plan, Console(plan.logs / "up.log"), Signals(), ports.reserve(memory.port))
    world.nursery = nursery
    try:
        make_watches(world)
        if not memory.is_ready:
            come_up(world)
        watch(world)
    except Interrupted:
        pass
    except (Refused, OSError) as error:
        world.console.say(f"dml: {error}")
        code = 1
    pair.stop_everything(plan, world.console, world.signals)
    pair.note_of_end(plan).write_text(str(code))
    return code


def make_watches(world: World) -> None:
    """Prepare to watch over the servers that are not given, then over all that serves."""
    plan = world.plan
    world.database_url, world.redis_url = plan.database_url or "", plan.redis_url or ""
    with contextlib.suppress(Refused):
        world.local_chain = chain.load(Path(plan.home))
    for child in children.local_chains(plan):
        world.watches[child.name] = Watch(child.name, _starter_of_local_chain(world, child))
    if not plan.database_url:
        world.watches["PostgreSQL"] = Watch("PostgreSQL", lambda: _start_postgres(world))
    if not plan.redis_url:
        world.watches["Valkey"] = Watch("Valkey", lambda: _start_valkey(world))
    for child in (
        *children.apis(plan),
        *children.workers(plan),
        *children.chain_processes(plan),
    ):
        world.watches[child.name] = Watch(child.name, _starter(world, child))


def come_up(world: World) -> None:
    """Start everything for the first time, and tell the person where it is."""
    plan, console = world.plan, world.console
    for name in ("PostgreSQL", "Valkey"):
        if name in world.watches:
            with console.step(name):
                _start_now(world, world.watches[name])
    _begin_local_chain(world)  # It gets ready while the database does.
    world.port = _choose_port(world)
    remember(plan, port=world.port.number)
    where = ""
    try:
        if not prepared.is_remembered(plan):
            prepare(world)
        _serve(world)
        where = pair.where(plan, world.port.number)
    finally:  # Should it fail, nobody would ever see the password of a first admin.
        if where or world.first_admin:
            console.show(where + world.first_admin)


def prepare(world: World) -> None:
    """Bring the database up to date, with an admin in it."""
    plan, console = world.plan, world.console
    with console.step("Database"):
        _run(world, plan.commands.migrate)
        admin = _run(world, plan.commands.ensure_first_admin)
    if admin:
        world.first_admin = f"\n  The first admin, shown this once:\n  {admin}"
    prepared.keep(plan)


def _serve(world: World) -> None:
    plan = world.plan
    if not children.running(plan):
        shutil.rmtree(plan.metrics, ignore_errors=True)  # Counts begin anew.
    _await_local_chain(world)
    with world.console.step("APIs, workers"):
        children.end_all(plan, children.surplus(plan))
        _start_serving(world)
    remember(plan, is_ready=True)


def watch(world: World) -> None:
    """Bring back whatever dies, until somebody asks to stop."""
    while not world.signals.stopping:
        _follow_local_chain(world)
        for it in world.watches.values():
            line = it.tend(time.monotonic())
            if line:
                world.console.say(line)
        with contextlib.suppress(OSError):  # A disk that is full now may not be so soon.
            _keep_foreground(world)
        all_live = all(it.lives for it in world.watches.values())
        if all_live and world.nursery is not None:
            world.nursery.close()  # What is started from now on may have new code.
            world.nursery = None
        world.signals.wait(pair.POLL_SECONDS if all_live else 0.1)


def _start_postgres(world: World) -> Process:
    url = servers.start_postgres(world.plan.home, timeout=_ATTEMPT_SECONDS)
    _change_urls(world, url, world.redis_url)
    return _require(postgres.process(world.plan.home), "PostgreSQL")


def _start_valkey(world: World) -> Process:
    url = servers.start_valkey(world.plan.home, timeout=_ATTEMPT_SECONDS)
    _change_urls(world, world.database_url, url)
    return _require(valkey.process(world.plan.home), "Valkey")


def _change_urls(world: World, database_url: str, redis_url: str) -> None:
    """Take note of where the servers are. A child that knows another place is started again."""
    changed = (world.database_url or database_url, world.redis_url or redis_url) != (
        database_url,
        redis_url,
    )
    world.database_url, world.redis_url = database_url, redis_url
    if changed:  # Rare: somebody took the port, or a cleaner of /tmp the socket.
        _start_all_anew(world)


def _start_all_anew(world: World) -> None:
    """Let whoever knows another place end: it is started again, and told the new one."""
    for child in children.of_our_code(world.plan):
        child.ask_to_end()


def _begin_local_chain(world: World) -> None:
    """Start it without waiting. Where it does not start, the marketplace goes on without.

    Only for the first time: where its place is known, it comes when all else is ready (`watch`).
    """
    if world.plan.chain == Chain.MISSING:
        world.console.show(f"  {chain.HOW_TO_GET_ONE}")
    if world.local_chain is not None:
        return
    for child in children.local_chains(world.plan):
        line = world.watches[child.name].tend(time.monotonic())
        if line:
            world.console.say(line)


def _await_local_chain(world: World) -> None:
    """Wait until it is known where the chain is. It may still be on its way to make blocks."""
    for child in children.local_chains(world.plan):
        deadline = time.monotonic() + CHAIN_SECONDS
        while not _follow_local_chain(world):
            if world.watches[child.name].has_ended or time.monotonic() > deadline:
                world.console.say(
                    f"{child.name} did not start, and is tried again: see {child.log}"
                )
                return
            world.signals.wait_at_work(0.02)


def _follow_local_chain(world: World) -> bool:
    """Take note of where the chain is. Whether that is known."""
    if world.plan.chain != Chain.LOCAL:
        return False
    with contextlib.suppress(Refused):  # A damaged file: its process says so, again and again.
        found = chain.load(Path(world.plan.home))
        if found != world.local_chain:
            is_news = world.local_chain is not None or recall(world.plan).is_ready
            world.local_chain = found
            if is_news:  # Rare: somebody took the port.
                _start_all_anew(world)
    return world.local_chain is not None


def _starter_of_local_chain(world: World, child: Child) -> Callable[[], Process]:
    return lambda: child.start(world.plan, world.plan.environment_of_local_chain())


def _require(process: Process | None, name: str) -> Process:
    if process is None:
        raise NotReadyYet(f"{name} ended as soon as it was ready")
    return process


def _starter(world: World, child: Child) -> Callable[[], Process]:
    command = tuple(child.command)

    def start() -> Process:
        if not (world.database_url and world.redis_url):
            raise NotReadyYet("the servers are still to come")
        nursery = world.nursery if world.nursery and world.nursery.knows(command) else None
        return child.start(world.plan, world.environment(pays=child.pays), nursery)

    return start


def _start_now(world: World, it: Watch) -> None:
    """Start one thing, however long it takes; what keeps it from starting is the end of us."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            it.process = it.start()
        except NotReadyYet:
            if time.monotonic() > deadline:
                raise
            _pause(world)
        else:
            return


def _start_serving(world: World) -> None:
    """Start them all, at another port where somebody was faster to take the chosen one."""
    apis = children.apis(world.plan)
    workers = children.workers(world.plan)
    # Who reads the chain comes when all this is ready: see `watch`.
    for _ in range(_PORT_TRIES):
        try:
            # The first for itself: it is the sooner there, and sees whether the database is ours.
            _start_now(world, world.watches[apis[0].name])
            if world.plan.waits_until_ready:
                _await_ready(world, apis[:1], _HAS_DATABASE)
            for child in (*workers, *apis[1:]):
                _start_now(world, world.watches[child.name])
            if world.plan.waits_until_ready:
                _await_ready(world, apis, "")  # It is not, without a worker.
            _require_alone(world)
        except Refused:
            before = world.port.number
            children.end_all(world.plan, apis)
            for api in apis:
                world.watches[api.name].process = None
            world.port = _choose_port(world)  # Refuses too, where it is fixed and taken.
            if world.port.number == before:
                raise
            remember(world.plan, port=world.port.number)
        else:
            return
    raise Refused(f"others took {_PORT_TRIES} ports before the API could: choose a DML_PORT")


def _choose_port(world: World) -> ports.Port:
    kept = world.port.number
    is_right = not world.plan.port_is_fixed or world.plan.port in (0, kept)
    if is_right and any(child.find() for child in children.apis(world.plan)):
        return world.port  # An API of ours listens there.
    world.port.release()
    return ports.choose(world.plan, kept)


def _run(world: World, command: tuple[str, ...]) -> str:
    environment = world.environment()
    return children.run_to_end(command, world.plan, environment, lambda: _pause(world))


def _await_ready(world: World, apis: list[Child], enough: str) -> None:
    """Wait until each API says that it can serve, or what is `enough`, where that is something.

    A child that ends meanwhile is the end of us.
    """
    deadline = time.monotonic() + READY_SECONDS
    waiting, is_prepared = list(apis), False
    while waiting:
        answer = _answer(world, waiting[0])
        if answer.status == "200" or (enough and enough in answer.body):
            del waiting[0]
            continue
        if "dml migrate" in answer.body and not is_prepared:
            prepare(world)  # It is another database than we remember.
            is_prepared = True
        for child in (*children.apis(world.plan), *children.workers(world.plan)):
            if world.watches[child.name].has_ended:
                raise Refused(f"{child.name} ended; {child.log} closes with:\n{child.tail}")
        if time.monotonic() > deadline:
            raise Refused(
                f"{waiting[0].name} is not ready after {READY_SECONDS:.0f} s "
                f"(/readyz: {answer.status}): see {waiting[0].log}"
            )
        _pause(world)


def _answer(world: World, api: Child) -> Answer:
    process = world.watches[api.name].process
    if process is None or not ports.listens(process.pid, world.port.number):
        return Answer("does not listen yet")
    return listening.ask(process, "/readyz")


def _require_alone(world: World) -> None:
    """See to it that nobody shares the port but our own."""
    pids = [it.process.pid for it in world.watches.values() if it.process]
    if ports.is_shared(pids, world.port.number):
        raise Refused(
            f"another process of this user shares port {world.port.number} with us: end it, "
            "or choose another DML_PORT"
        )


def _pause(world: World) -> None:
    world.console.tick()
    world.signals.wait_at_work(0.1)


def _keep_foreground(world: World) -> None:
    """Start the foreground process again where it was killed; it has no terminal any more."""
    lock = locks.claim(world.plan.lock("up"))
    if lock is None:
        return
    world.console.say(
        "`dml up` was killed. Everything goes on in the background: `dml down` stops it."
    )
    world.console.leave()
    pair.start("dml.entrypoints.supervisor.foreground", world.plan, lock)


if __name__ == "__main__":
    sys.exit(main())
