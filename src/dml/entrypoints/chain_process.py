"""The chain process: reads the chain, pays, and compares both with the books. One at a time does.

The others stand by, and one of them takes over as soon as the lock is free. That is so when its
holder's connection to PostgreSQL ends, however it ended; a holder that lost it exits. Should two
work for a moment, no harm is done: each writing transaction locks its row, and looks again.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
import uvloop
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.chain import queries
from dml.chain.comparison import service as comparison_service
from dml.chain.indexer import statements
from dml.chain.indexer.indexing import Indexer
from dml.chain.node.endpoints import Endpoints, NoNode
from dml.chain.payer import queries as batch_queries
from dml.chain.payer.batches import BatchTerms
from dml.chain.payer.paying import Payer
from dml.chain.payer.signers import NoSigner, Signer, make_signer
from dml.core import metrics, nodes
from dml.core.engine_supervisor import LOST, connect
from dml.core.ids import VaultId
from dml.core.pool import pool_of
from dml.core.settings import Settings
from dml.entrypoints import chain_wiring, connection_budget, fitness, wiring
from dml.entrypoints.fitness import Needs
from dml.entrypoints.observing import observed
from dml.entrypoints.safety import require_safe
from dml.profiles import sampling
from dml.refused import Refused

log = logging.getLogger("dml.chain")
STAND_BY_SECONDS: Final = 0.3
WATCH_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 2.0  # A chain that makes no blocks is read, and its payer asked, no oftener.
QUIET_GROWTH: Final = 1.25  # So it takes a few passes until then.
PAY_SECONDS_MIN: Final = 1.0  # Withdrawals wait for each other anyway, and each look asks a node.
FORMER_SECONDS: Final = 15.0
END_SECONDS: Final = 0.5
NO_KEY: Final = "no payout key is set"
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('dml chain', 7331))"


class Turn:
    """The right to work: a lock that a connection of its own holds."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    async def take(self) -> None:
        """Wait for the lock, and for PostgreSQL where that is away."""
        logged = ""
        while not (found := await asyncio.to_thread(self._try)).startswith("mine"):
            if found != logged:
                log.info("%s", found)
                logged = found
            await asyncio.sleep(STAND_BY_SECONDS)
        threading.Thread(target=self._watch, name="turn", daemon=True).start()
        log.info("reads the chain from now on")

    def _try(self) -> str:
        try:
            if self._connection is None:
                self._connection = connect(self._url)
            row = self._connection.execute(_LOCK).fetchone()
        except psycopg.OperationalError as error:
            self._connection = None
            return f"PostgreSQL is away: {error}"
        return "mine" if row and row[0] else "another process reads the chain: this one stands by"

    def _watch(self) -> None:
        """End the process when the lock may be another's. A thread: whatever else hangs."""
        assert self._connection is not None
        try:
            while True:
                time.sleep(WATCH_SECONDS)
                self._connection.execute("SELECT 1")
        except BaseException:  # Whatever it was, nobody knows any more whose turn it is.
            log.critical("the lock of the chain process is lost: it exits", exc_info=True)
            os._exit(LOST)


class Loop:
    """Does something again and again. An error is logged when it begins, not each time.

    Where the same comes of it each time, the pauses grow to `quiet_seconds`, until something does.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[], Awaitable[object]],
        seconds: float,
        quiet_seconds: float | None = None,
    ) -> None:
        self.name, self._act, self._seconds = name, act, seconds
        self._quiet_seconds = seconds if quiet_seconds is None else max(seconds, quiet_seconds)
        self._error = ""
        self._found: object = None
        self.pause_seconds = seconds  # Until the next time.

    async def run(self) -> None:
        while True:
            await self.once()
            await asyncio.sleep(self.pause_seconds)

    async def once(self) -> bool:
        """Act once. Whether it went well."""
        failure, before, self._found = "", self._found, None
        try:
            self._found = await self._act()
        except NoNode as error:
            failure = error.reason
        except Exception as error:  # A loop that ends would leave everybody's money where it is.
            failure = f"{type(error).__name__}: {error}"
            if failure != self._error:
                log.exception("%s failed, and is tried again", self.name)
        else:
            if self._error:
                log.info("%s goes on", self.name)
        if failure and failure != self._error:
            log.warning("%s has stopped: %s", self.name, failure)
        self._error = failure
        is_quiet = self._found is not None and self._found == before
        grown = min(self.pause_seconds * QUIET_GROWTH, self._quiet_seconds)
        self.pause_seconds = grown if is_quiet else self._seconds
        return not failure


async def work(
    settings: Settings,
    sessions: async_sessionmaker[AsyncSession],
    endpoints: Endpoints,
    apart: Endpoints,
    signer: Signer | None,
    facts: dict[str, Any],
) -> None:
    """Read, pay and compare until cancelled, once it is our turn.

    `apart` are the same nodes, for the vaults that were current before: where one of those cannot
    be read, the current one still can.
    """
    assert settings.chain_vault is not None
    await Turn(wiring.database_url(settings)).take()
    facts["works"] = True
    indexer = Indexer(
        sessions,
        endpoints,
        vault=settings.chain_vault,
        start_block=settings.chain_start_block,
    )
    vault_id = await _register(indexer, settings.chain_poll_seconds)
    loops = [
        Loop("reading", indexer.run_pass, settings.chain_poll_seconds, QUIET_SECONDS),
        Loop(
            "comparing",
            lambda: comparison_service.compare(sessions, endpoints, vault_id),
            settings.compare_seconds,
        ),
        Loop(
            "attending former vaults",
            Former(settings, sessions, apart, signer).attend,
            max(settings.chain_poll_seconds, FORMER_SECONDS),
        ),
    ]
    if signer is None:
        log.warning("%s: deposits are credited, and nothing is paid out", NO_KEY)
        async with sessions.begin() as tx:
            (await statements.get_vault(tx, vault_id)).paying_error = NO_KEY
    else:
        payer = Payer(sessions, endpoints, vault_id, signer, BatchTerms.of(settings))
        seconds = max(settings.chain_poll_seconds, PAY_SECONDS_MIN)
        loops.append(Loop("paying", payer.step, seconds, QUIET_SECONDS))
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(loop.run())


class Former:
    """Looks after the vaults that were current before: deposits into them, and open batches.

    They are credited and followed to their end like those of the current one, and none is begun.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: async_sessionmaker[AsyncSession],
        endpoints: Endpoints,
        signer: Signer | None,
    ) -> None:
        self._settings, self._sessions = settings, sessions
        self._endpoints, self._signer = endpoints, signer

    async def attend(self) -> None:
        async with self._sessions() as tx:
            found = await queries.list_former(tx)
        for it in found:
            indexer = Indexer(
                self._sessions,
                self._endpoints,
                vault=it.address,
                start_block=it.start_block,
                vault_id=it.id,
            )
            await indexer.run_pass()
            if self._signer is not None and await self._has_batches(it.id):
                terms = BatchTerms.of(self._settings)
                payer = Payer(
                    self._sessions, self._endpoints, it.id, self._signer, terms, begins=False
                )
                await payer.step()
            await comparison_service.compare(self._sessions, self._endpoints, it.id)

    async def _has_batches(self, vault_id: VaultId) -> bool:
        async with self._sessions() as tx:
            return bool(await batch_queries.list_open(tx, vault_id))


async def _register(indexer: Indexer, seconds: float) -> VaultId:
    """Find the vault on the chain, however long that takes."""
    found = list[VaultId]()

    async def register() -> None:
        found.append(await indexer.register())

    loop = Loop("finding the vault", register, seconds)
    while True:
        if await loop.once():
            return found[0]
        await asyncio.sleep(seconds)


async def serve(settings: Settings, signer: Signer | None) -> int:
    """Work or stand by until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    facts: dict[str, Any] = {"works": False}
    await fitness.require(wiring.database_url(settings), Needs.WORK, patient=True)
    engine = wiring.make_engine(settings, "dml chain")
    sessions = wiring.make_sessions(engine)
    async with (
        chain_wiring.open_endpoints(settings) as endpoints,
        chain_wiring.open_endpoints(settings) as apart,
    ):
        assert endpoints is not None
        assert apart is not None
        name = nodes.new_name("chain")
        most = settings.database_connections + connection_budget.OF_CHAIN
        facts |= await connection_budget.tell(sessions, most)
        working = asyncio.create_task(work(settings, sessions, endpoints, apart, signer, facts))
        tasks = [
            asyncio.create_task(stop.wait()),
            working,
            asyncio.create_task(sampling.keep_alive(sessions, name, "chain", facts)),
            asyncio.create_task(metrics.keep_writing(wiring.metrics_folder(settings), "chain")),
        ]
        with metrics.looking(lambda: pool_of(engine).show("chain")):
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=END_SECONDS)
        await engine.dispose()
    if working.done() and not working.cancelled() and (error := working.exception()):
        raise error
    return 0


def run(settings: Settings) -> int:
    """Run the chain process here. Return its exit code."""
    require_safe(settings)
    settings = chain_wiring.with_local_chain(settings)
    if settings.chain_url is None:
        raise Refused(
            "there is no chain: name one in DML_CHAIN_URL and its vault in DML_CHAIN_VAULT, "
            "or let `dml up` start a local one"
        )
    if settings.chain_vault is None:
        raise Refused(
            "DML_CHAIN_VAULT is not set: the address of the vault on the chain of DML_CHAIN_URL"
        )
    with observed(settings, "chain"):
        try:
            signer = make_signer(settings)
        except NoSigner as error:
            raise Refused(str(error)) from error
        return uvloop.run(serve(settings, signer))
