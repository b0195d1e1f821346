"""The loop of a worker that sends deliveries: signed, some at once, with no transaction open."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final, Self

import httpcore2
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.client import webhooks
from dml.core.context import SYSTEM, Context
from dml.core.ids import WebhookId
from dml.core.looking import Pauses
from dml.core.nodes import Pulse
from dml.core.sealing import NotSealedForUs, Opener
from dml.core.sending import Sender
from dml.core.worker import WorkerParts
from dml.feed.webhooks import claiming, rules, service
from dml.feed.webhooks.claiming import Errand, Outcome
from dml.feed.webhooks.reaching import AddressRefused, Resolver
from dml.feed.webhooks.rules import WebhookUrlRefused
from dml.feed.webhooks.sending import Caller

AT_ONCE: Final = 64  # Calls of one worker under way.
EACH_AT_ONCE: Final = 4  # And of those, calls of one webhook: a slow one holds up no other.
OF_OWNER_AT_ONCE: Final = 16  # And of all of one owner: whose are all slow, holds up no other.
LOOK_SECONDS: Final = 0.2
QUIET_SECONDS: Final = (
    1.0  # Where nothing was due for a while. What is fanned out here is seen at once.
)
GATHER_SECONDS: Final = 0.01  # What ends at the same time is followed by one look.
RETRY_SECONDS: Final = 1.0
NAME: Final = "webhooks"
log = logging.getLogger(__name__)


class Delivering(Sender):
    """What one worker has in hand."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], opener: Opener, caller: Caller
    ) -> None:
        super().__init__(AT_ONCE)
        self._sessions, self._opener, self._caller = sessions, opener, caller
        self._busy: Counter[WebhookId] = Counter()
        self._done = asyncio.Event()

    @classmethod
    def of(cls, parts: WorkerParts) -> Self:
        """Make what a worker sends with."""
        resolver = Resolver(to_loopback=parts.settings.webhooks_to_loopback)
        return cls(parts.sessions, parts.opener, Caller(resolver, connections=AT_ONCE))

    async def run(self, pulse: Pulse) -> None:
        """Send what is due, for ever. An error of the database is logged, and the next turn tries
        again.
        """
        pauses = Pauses(LOOK_SECONDS, QUIET_SECONDS)
        while True:
            pulse.beat(NAME)
            pause, self._done = RETRY_SECONDS, asyncio.Event()
            try:
                started = await self.start_due()
                pause = pauses.after(started or len(self._busy))
            except Exception:  # A loop that ends would send nothing until a restart.
                log.exception("taking deliveries failed, and is tried again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._done.wait()
                    await asyncio.sleep(GATHER_SECONDS)

    def look_soon(self, count: int) -> None:
        """Look at once where so many events were just fanned out."""
        if count:
            self._done.set()

    async def start_due(self, now: datetime | None = None) -> int:
        """Take what is due, up to what this worker can do at once, and begin to send it."""
        room = self.room
        if room <= 0:
            return 0
        async with self._sessions.begin() as tx:
            ctx = Context(tx, SYSTEM, now or datetime.now(UTC))
            errands = await claiming.take(
                ctx, self._busy, each=EACH_AT_ONCE, of_owner=OF_OWNER_AT_ONCE, most=room
            )
        for it in errands:
            self._busy[it.webhook_id] += 1
            self.start(self._carry_out(it, now))
        return len(errands)

    async def stop(self) -> None:
        await super().stop()
        await self._caller.close()

    async def _carry_out(self, errand: Errand, now: datetime | None) -> None:
        try:
            outcome = await self._send(errand, now)
            async with self._sessions.begin() as tx:
                ctx = Context(tx, SYSTEM, outcome.at)
                await claiming.note(ctx, errand, outcome, random.random())  # noqa: S311 - it spreads attempts
        except Exception:  # The lease ends, and it is sent again.
            log.exception("a delivery could not be noted, and is sent again")
        finally:
            self._busy[errand.webhook_id] -= 1
            if not self._busy[errand.webhook_id]:
                del self._busy[errand.webhook_id]
            self._done.set()

    async def _send(self, errand: Errand, now: datetime | None) -> Outcome:
        at, began = now or datetime.now(UTC), time.perf_counter()
        status = answer = error = None
        try:
            answered = await self._caller.post(errand.url, self._headers(errand), errand.body)
            status = answered.status
            answer = answered.beginning.decode(errors="replace").replace(
                "\0", "\N{REPLACEMENT CHARACTER}"
            )
        except (AddressRefused, WebhookUrlRefused) as refused:
            error = f"Not called: {getattr(refused, 'facts', {}).get('why', refused)}."
        except (TimeoutError, httpcore2.TimeoutException):
            error = f"No whole answer came within {rules.SEND_SECONDS:.0f} seconds."
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as failed:
            error = f"The connection failed ({type(failed).__name__})."
        except NotSealedForUs:
            error = "Its secret cannot be read: rotate it."
        latency = round((time.perf_counter() - began) * 1000)
        return Outcome(at, latency, status, answer, error)

    def _headers(self, errand: Errand) -> dict[str, str]:
        purpose = service.purpose(errand.webhook_id)
        opened = (self._opener.open(it, purpose).decode() for it in errand.secrets)
        return webhooks.signed(opened, errand.event_id, datetime.now(UTC), errand.body)
