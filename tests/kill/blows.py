"""What is done to a marketplace under load, by a seeded schedule: each kind as often as another."""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from dml.entrypoints.embedded import accounts, locks, postgres, servers, valkey
from dml.entrypoints.embedded.locks import Process
from dml.entrypoints.supervisor import up
from tests.kill.marketplace import Marketplace, until
from tests.kill.processes import Killable

KINDS: Final = (
    "api",
    "worker",
    "postgres",
    "backend",
    "all backends",
    "valkey",
    "api paused",
    "worker paused",
)
BY_DML_UP: Final = (*KINDS, "supervisor")
VICTIM_SECONDS: Final = 60.0  # A victim of an earlier blow comes back in this time.
AWAY_SECONDS: Final = 1.0


@dataclass
class Blows:
    """Hits a marketplace, and counts what it did."""

    market: Marketplace
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def schedule(self) -> Iterator[str]:
        """Yield kinds of blows without end: all of them in an order of its own, again and again."""
        kinds = list(BY_DML_UP if self.market.is_supervised else KINDS)
        while True:
            yield from self.chance.sample(kinds, len(kinds))

    async def strike(self, kind: str) -> None:
        market = self.market
        strikes: dict[str, Callable[[], Awaitable[None]]] = {
            "api": lambda: self._kill(market.apis),
            "worker": lambda: self._kill(market.workers),
            "postgres": self._kill_postgres,
            "backend": self._kill_backend,
            "all backends": self._end_all_backends,
            "valkey": self._kill_valkey,
            "api paused": lambda: self._pause(market.apis),
            "worker paused": lambda: self._pause(market.workers),
            "supervisor": self._kill_supervisor,
        }
        await strikes[kind]()
        self.done[kind] += 1

    async def _kill(self, which: Sequence[Killable]) -> None:
        os.kill(await _pid(self.chance.choice(which)), signal.SIGKILL)

    async def _pause(self, which: Sequence[Killable]) -> None:
        """Stop a process for longer than a lease lives; it comes to in another world."""
        process = Process.of(await _pid(self.chance.choice(which)))
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(self.market.settings.lease_seconds + 2)
            finally:
                if process.lives:
                    os.kill(process.pid, signal.SIGCONT)

    async def _kill_postgres(self) -> None:
        home = self.market.settings.home
        await until(
            lambda: postgres.process(home) is not None, seconds=VICTIM_SECONDS, what="PostgreSQL"
        )
        await self.market.kill_postgres(away_seconds=self.chance.uniform(0, AWAY_SECONDS))

    async def _kill_backend(self) -> None:
        """Kill one that serves an API, upon which PostgreSQL ends the others, and recovers."""
        ((pid,),) = await self._ask(
            "SELECT pid FROM pg_stat_activity "
            "WHERE starts_with(application_name, 'dml api') ORDER BY random() LIMIT 1"
        )
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    async def _end_all_backends(self) -> None:
        await self._ask(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE usename = current_user AND pid <> pg_backend_pid()"""
        )

    async def _kill_valkey(self) -> None:
        home = self.market.settings.home
        await until(lambda: valkey.process(home) is not None, seconds=VICTIM_SECONDS, what="Valkey")
        process = valkey.process(home)
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        if not self.market.is_supervised:
            await asyncio.sleep(self.chance.uniform(0, AWAY_SECONDS))
            await asyncio.to_thread(servers.start_valkey, home)

    async def _kill_supervisor(self) -> None:
        lock = up.make_plan(self.market.settings).lock("supervisor")
        found: list[Process] = []

        def lives() -> bool:
            found[:] = locks.heads(lock, accounts.caller())
            return bool(found)

        await until(lives, seconds=VICTIM_SECONDS, what="a supervisor lives")
        os.kill(found[0].pid, signal.SIGKILL)

    async def _ask(self, query: str) -> list[tuple[int]]:
        """Ask PostgreSQL, once it answers."""
        found: list[tuple[int]] = []

        def answers() -> bool:
            with contextlib.suppress(psycopg.OperationalError):
                found[:] = self.market.rows(query)
            return bool(found)

        await until(answers, seconds=VICTIM_SECONDS, what="PostgreSQL has connections")
        return found


async def _pid(victim: Killable) -> int:
    """The pid of a process that lives. Never 0, which would be this process and its family."""
    await until(
        lambda: victim.pid > 1 and Process.of(victim.pid) is not None,
        seconds=VICTIM_SECONDS,
        what="a victim that lives",
    )
    return victim.pid
