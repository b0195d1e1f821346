"""The loop: hand in what is pending, ask for work, do it. Ends when told to, or all is done."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dml.agent import photos
from dml.agent.console import Summary
from dml.agent.heartbeat import Heartbeat
from dml.agent.journal import Journal, Pending, encode
from dml.agent.leases import Claimed, Lease, read_claim
from dml.agent.pace import patiently, pause_seconds
from dml.agent.refusals import (
    LOST,
    Away,
    CannotRun,
    Declined,
    GaveUp,
    LeaseLost,
    Refusal,
    Resting,
    Stopped,
)
from dml.agent.server import Session, field
from dml.agent.work import Tools, Work
from dml.inference.photo_files import SUFFIXES

ONCE_PATIENCE_SECONDS: Final = 30.0  # How long `--once` waits for a server, with nothing in hand.
QUIET_LOOK_SECONDS: Final = 30.0
PHOTOS_LOOK_SECONDS: Final = 60.0
LAST_WORD_SECONDS: Final = 3.0
VERDICTS: Final = frozenset({400, 409, 413, 415, 422})  # On a result; others are on the asking.


class Agent:
    """One device at work."""

    def __init__(
        self,
        session: Session,
        tools: Tools,
        journal: Journal,
        *,
        once: bool,
    ) -> None:
        self.summary = Summary(device_id=session.device_id)
        self._session, self._tools, self._journal = session, tools, journal
        self._data, self._pace = tools.data, tools.pace
        self._console, self._runner, self._once = tools.console, tools.runner, once
        self._hopeless: set[str] = set()
        self._readable: Path | None = None  # A photo that could be read when it was looked at.
        self._ends_at: dict[str, float] = {}  # Of what is pending; by the monotonic clock.

    def work(self) -> None:
        """Work until told to end, or with `once` until nothing is left. CannotRun says why not."""
        try:
            while self._turn():
                pass
        except Stopped:
            pass
        finally:
            self._runner.rest()
        self.summary.earned, self.summary.unpaid = self._earned()

    def _earned(self) -> tuple[str | None, int]:
        """What the device earned in all, and how many of its newest results are not paid yet."""
        try:
            earned, newest = (
                self._session.ask("GET", f"/v1/devices/self/{name}", seconds=LAST_WORD_SECONDS)
                for name in ("earnings", "work")
            )
            unpaid = [it for it in field(newest, "items") if it["state"] == "accepted"]
            return str(field(earned, "earned")), sum(not it["paid"] for it in unpaid)
        except (Away, Refusal, CannotRun, LookupError, TypeError):
            return None, 0

    def _turn(self) -> bool:
        """One round. False where there will be no other."""
        for pending in list(self._journal.pending.values()):
            self._settle(pending)
        if self._pace.is_quiet():
            self._console.quiet()
            while self._pace.is_quiet() and not self._once:
                self._pace.sleep(QUIET_LOOK_SECONDS)
            return not self._once
        try:
            missing = self._look_at_photos()
        except Resting:
            return True
        if missing is not None:
            return self._miss_photos(missing)
        claimed = self._claim()
        for lease in claimed.leases:
            self._take_on(lease)
        if claimed.leases:
            return True
        if not self._once:
            self._runner.rest()  # A hundred megabytes, for as long as there is nothing to do.
            self._console.idle(claimed.reason, claimed.retry_after_seconds)
            self._pace.sleep(claimed.retry_after_seconds)
        elif claimed.reason is not None:
            self._console.line(claimed.reason)
        return not self._once

    def _settle(self, pending: Pending) -> None:
        """Hand in what was computed before, by an agent that was killed, or while nobody answered.

        From when this agent first saw it, its lease can't live for longer than a whole one.
        """
        longest = time.monotonic() + pending.lease_seconds
        ends_at = self._ends_at.setdefault(pending.assignment_id, longest)
        self._hand_in(pending, lambda: ends_at)

    def _look_at_photos(self) -> str | None:
        """Why there is nothing to count here, if so: then no place is taken and given back."""
        if self._readable is not None and self._readable.is_file():
            return None
        self._pace.begin()
        try:
            os.scandir(self._data).close()
            self._readable, why = photos.find_readable(
                self._data, today=self._session.now().date(), breathe=self._pace.breathe
            )
        except OSError as error:
            return f"{self._data} can't be read ({error.strerror})."
        except photos.Gone as gone:
            return f"No photo can be read: {gone}."
        if self._readable is not None:
            return None
        if why is not None:
            return f"No photo in {self._data} can be read; the first, {why}."
        return f"There is no photo in {self._data}: no file that ends in {', '.join(SUFFIXES)}."

    def _miss_photos(self, why: str) -> bool:
        """Ask for no work: an empty answer would take a place, and a disk may come back."""
        if self._once:
            raise CannotRun(why)
        self._console.line(f"{why} Looking again in {PHOTOS_LOOK_SECONDS:.0f} s.")
        self._pace.sleep(PHOTOS_LOOK_SECONDS)
        return True

    def _claim(self) -> Claimed:
        give_up_at = time.monotonic() + ONCE_PATIENCE_SECONDS if self._once else math.inf
        try:
            answer = patiently(
                lambda: self._session.ask("POST", "/v1/assignments/claim", b'{"max": 1}'),
                self._pace,
                until=lambda: give_up_at,
                tell=self._console.away,
            )
            return read_claim(answer)
        except (Away, Refusal) as error:
            raise CannotRun(str(error)) from None
        except ValueError as error:
            raise CannotRun(f"The server offers what this agent can't read ({error}).") from None

    def _take_on(self, lease: Lease) -> None:
        """Do one assignment to its end, whatever that is."""
        if lease.assignment_id in self._hopeless or lease.job_id in self._journal.declined:
            self._release(lease.assignment_id)
            self._pace.sleep(pause_seconds(0))
            return
        facts = {"assignment_id": lease.assignment_id, "job_id": lease.job_id}
        self._journal.note("claimed", **facts, model=lease.model.sha256)
        with Heartbeat(self._session, lease) as heartbeat:
            try:
                self._tools.consent.require(lease, heartbeat)
                self._hand_in(self._count(lease, heartbeat), lambda: heartbeat.ends_at)
            except (LeaseLost, Away) as why:
                self._journal.note("lost", assignment_id=lease.assignment_id, why=str(why))
            except Resting as why:
                self._give_back(lease, str(why))
            except Declined as declined:
                self._release(lease.assignment_id)
                self._journal.note("declined", **facts, why=str(declined))
            except GaveUp as why:
                self._give_back(lease, str(why))
                self.summary.failed += 1
                if why.for_good:
                    self._hopeless.add(lease.assignment_id)
                else:
                    self._pace.sleep(pause_seconds(self.summary.failed))
            except (Stopped, CannotRun) as why:
                # A result that is pending may have arrived: the next start will tell.
                if lease.assignment_id not in self._journal.pending:
                    self._give_back(lease, str(why))
                raise

    def _count(self, lease: Lease, heartbeat: Heartbeat) -> Pending:
        """The result of this assignment: the one that was computed before, if there is one."""
        known = self._journal.pending.get(lease.assignment_id)
        if known is not None:
            return known
        work = Work(
            lease,
            heartbeat,
            self._tools,
            note=self._journal.note,
            today=self._session.now().date(),
        )
        body = dict(work.do())
        heartbeat.require_lease()
        self._journal.note(
            "result",
            assignment_id=lease.assignment_id,
            job_id=lease.job_id,
            lease_seconds=lease.seconds,
            body=body,
        )
        return self._journal.pending[lease.assignment_id]

    def _hand_in(self, result: Pending, until: Callable[[], float]) -> None:
        """Send a result until the server says what becomes of it, or its lease must be over."""
        id = result.assignment_id
        try:
            patiently(
                lambda: self._session.ask(
                    "POST", f"/v1/assignments/{id}/result", encode(result.body)
                ),
                self._pace,
                until=until,
                tell=self._console.away,
            )
        except Away as away:
            self._ends_at[id] = until()
            self._console.line(f"{away} The result is kept, and sent again when it answers.")
        except Refusal as refusal:
            if refusal.code in LOST:
                self._journal.note("lost", assignment_id=id, why=str(refusal))
                return
            if refusal.status not in VERDICTS:
                raise CannotRun(str(refusal)) from None
            self._journal.note("refused", assignment_id=id, why=str(refusal))
            self.summary.failed += 1
            self._hopeless.add(id)
            self._release(id)
        else:
            items = result.body["items"]
            self._journal.note("accepted", assignment_id=id, items=items)
            self.summary.accepted += 1
            self.summary.items += items

    def _give_back(self, lease: Lease, why: str) -> None:
        self._release(lease.assignment_id)
        self._journal.note("released", assignment_id=lease.assignment_id, why=why)

    def _release(self, assignment_id: str) -> None:
        """Give a place back now. If that does not arrive, the lease gives it back in time."""
        path = f"/v1/assignments/{assignment_id}/release"
        try:
            self._session.ask("POST", path, seconds=LAST_WORD_SECONDS)
        except (Away, Refusal, CannotRun) as error:
            self._console.line(f"The place is given back when its lease is over: {error}")
