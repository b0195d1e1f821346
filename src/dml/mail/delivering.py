"""The loop of a worker that sends mails, some at once, with no transaction open."""

import asyncio
import logging
import random
from datetime import UTC, datetime
from typing import Final, Self

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core.context import SYSTEM, Context
from dml.core.looking import Pauses
from dml.core.nodes import Pulse
from dml.core.sealing import NotSealedForUs, Opener
from dml.core.sending import Sender
from dml.core.worker import WorkerParts
from dml.mail import claiming, rules
from dml.mail.claiming import Attempt
from dml.mail.models import Mail
from dml.mail.sending import Addressed, CannotSend, Carrier, carrier_of
from dml.mail.service import open_letter

AT_ONCE: Final = 8
LOOK_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 1.5  # Where nothing was due for half a minute.
RETRY_SECONDS: Final = 2.0
NAME: Final = "mailing"
UNREADABLE: Final = "It was sealed for workers with another key."
log = logging.getLogger(__name__)


class Mailing(Sender):
    """What one worker has in hand. Without a carrier, mail waits for one."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], opener: Opener, carrier: Carrier | None
    ) -> None:
        super().__init__(AT_ONCE)
        self._sessions, self._opener, self._carrier = sessions, opener, carrier

    @classmethod
    def of(cls, parts: WorkerParts) -> Self:
        """Make what a worker sends with."""
        return cls(parts.sessions, parts.opener, carrier_of(parts.settings))

    async def run(self, pulse: Pulse) -> None:
        """Send what is due, for ever. An error of the database is logged, and the next turn tries
        again.
        """
        pauses = Pauses(LOOK_SECONDS, QUIET_SECONDS)
        while True:
            pulse.beat(NAME)
            pause = RETRY_SECONDS
            try:
                pause = pauses.after(await self.start_due())
            except Exception:  # A loop that ends would send nothing until a restart.
                log.exception("taking mails failed, and is tried again")
            await asyncio.sleep(pause)

    async def start_due(self, now: datetime | None = None) -> int:
        """Take what is due, up to what this worker can do at once, and begin to send it."""
        room = self.room
        if self._carrier is None or room <= 0:
            return 0
        async with self._sessions.begin() as tx:
            taken = await claiming.take(Context(tx, SYSTEM, now or datetime.now(UTC)), most=room)
        for it in taken:
            self.start(self._carry_out(self._carrier, it, now))
        return len(taken)

    async def _carry_out(self, carrier: Carrier, mail: Mail, now: datetime | None) -> None:
        assert mail.lease_id is not None, "it was taken"
        try:
            attempt = await self._attempt(carrier, mail, now or datetime.now(UTC))
            async with self._sessions.begin() as tx:
                ctx = Context(tx, SYSTEM, attempt.at)
                draw = random.random()  # noqa: S311 - it spreads attempts
                await claiming.note(ctx, mail.id, mail.lease_id, attempt, draw)
        except Exception:  # The lease ends, and it is sent again.
            log.exception("a mail could not be noted, and is sent again")

    async def _attempt(self, carrier: Carrier, mail: Mail, at: datetime) -> Attempt:
        try:
            letter = open_letter(self._opener, mail)
            await carrier.carry(Addressed(mail.id, mail.recipient, mail.created_at, letter))
        except NotSealedForUs:
            return Attempt(at, UNREADABLE, is_final=True)
        except CannotSend as error:
            log.warning("a mail (%s) was not taken: %s", mail.kind, error)
            return Attempt(at, str(error)[: rules.ERROR_MAX], error.is_final)
        return Attempt(at)
