"""Passwords: hashed by argon2id, off the event loop, a few at a time, and few that wait.

A hash takes 64 MiB and tens of milliseconds by design (`Hashing`). A flood of sign-ins must
exhaust neither the event loop nor the memory. So whoever finds the queue full is refused at once,
and no single client can fill it. Never call these inside a transaction: who waits would hold a
connection.

A password is hashed in its normal form (RFC 8265, OpaqueString): typed on another system, the same
letters come as other code points.
"""

import asyncio
import os
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from argon2 import extract_parameters
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from dml.accounts.rules import TooManyPasswords
from dml.accounts.strength import require_strong
from dml.core.deferred import deferred
from dml.core.settings import Settings

if TYPE_CHECKING:
    import precis_i18n
else:
    precis_i18n = deferred("precis_i18n")

LENGTH_MIN: Final = 8
LENGTH_MAX: Final = 1_024
SENT_MAX: Final = 4 * LENGTH_MAX  # A system may send each letter apart from its accents.
RETRY_SECONDS: Final = 2
# Each hash keeps several processors busy. At this niceness they leave them to whoever else has
# something to do: beside a hundred who sign in, a list took a second (docs/decisions/0057).
NICENESS: Final = 15
AT_ONCE_MOST: Final = 64  # Threads, of which no more run than there are places.
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Hashing:
    """What a hash costs whoever makes one, who guesses included."""

    memory_kib: int
    passes: int
    lanes: int

    @classmethod
    def of(cls, settings: Settings) -> "Hashing":
        return cls(settings.password_memory_kib, settings.password_passes, settings.password_lanes)

    def costs_more_than(self, password_hash: str) -> bool:
        """Whether this hash was made for less. Where an operator asks for less, it stays."""
        made = extract_parameters(password_hash)
        return made.memory_cost * made.time_cost < self.memory_kib * self.passes


_hashing = Hashing(65_536, 3, 4)
_hasher = PasswordHash([Argon2Hasher()])


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose places in the queue are counted together: a network's, or those of a known account."""

    name: str
    is_known: bool = False


OURSELVES: Final = Asker("ourselves", is_known=True)  # Commands of the machine itself.


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a password is right, and a better hash where the one it has is of no normal form, or
    was made for less than one costs today.
    """

    is_right: bool
    better_hash: str | None = None


class Queue:
    """Who waits to have a password hashed. Strangers never take the last places from the known.

    Those who are known and strangers take turns, so neither waits for all of the others.
    """

    def __init__(self, at_once: int, *, waiting: int, of_one: int) -> None:
        self._free = at_once
        self._most = {True: at_once + waiting, False: at_once + waiting * 3 // 4}
        self._of_one = of_one
        self._held: Counter[str] = Counter()
        self._waiting: dict[bool, deque[asyncio.Future[None]]] = {True: deque(), False: deque()}
        self._turn = True

    @asynccontextmanager
    async def place(self, asker: Asker) -> AsyncIterator[None]:
        """Hold a place while the block runs, or refuse at once where there is none."""
        is_full = self._held.total() >= self._most[asker.is_known]
        if is_full or (asker != OURSELVES and self._held[asker.name] >= self._of_one):
            raise TooManyPasswords(retry_after_seconds=RETRY_SECONDS)
        self._held[asker.name] += 1
        try:
            await self._wait(asker)
            try:
                yield
            finally:
                self._free += 1
                self._wake()
        finally:
            self._held[asker.name] -= 1
            if not self._held[asker.name]:
                del self._held[asker.name]

    async def _wait(self, asker: Asker) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[asker.is_known].append(turn)
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # It was its turn in that very moment.
                self._free += 1
            self._wake()
            raise

    def _wake(self) -> None:
        """Give each free place to whose turn it is."""
        while self._free > 0 and any(self._waiting.values()):
            self._turn = not self._turn
            queue = self._waiting[self._turn] or self._waiting[not self._turn]
            turn = queue.popleft()
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


_queue: Queue | None = None
_threads: ThreadPoolExecutor | None = None


def configure(settings: Settings) -> None:
    """Hash as an operator decided. Called once, by an entrypoint."""
    global _hashing, _hasher
    made = Hashing.of(settings)
    _hasher = PasswordHash([Argon2Hasher(made.passes, made.memory_kib, made.lanes)])
    _hashing = made
    _nobodys_hash.cache_clear()
    allow_at_once(
        settings.password_hashes_at_once,
        waiting=settings.password_hashes_waiting,
        of_one=settings.password_hashes_of_one,
    )


def allow_at_once(count: int, *, waiting: int = 8, of_one: int = 4) -> None:
    """Set how many passwords are hashed at the same time, and how many wait for that, in all and
    of one asker.
    """
    global _queue
    _queue = Queue(count, waiting=waiting, of_one=of_one)


def normal_form(password: str) -> str:
    """Return what is hashed of a password, or raise ValueError with what is wrong."""
    try:
        normal: str = precis_i18n.get_profile("OpaqueString").enforce(password)
    except UnicodeEncodeError as error:
        why = error.reason.removeprefix("DISALLOWED/").replace("_", " ")
        detail = f"must hold no control, invisible or unassigned character ({why})"
        raise ValueError(detail) from None
    return normal


def forms(password: str) -> list[str]:
    """Return what a hash of this password may be of: its normal form, and what was sent.

    ValueError where it can be of neither.
    """
    try:
        normal = normal_form(password)
    except ValueError:
        if not password.isprintable():  # Half of a pair cannot be hashed at all.
            raise
        return [password]
    return [normal] if normal == password else [normal, password]


async def hash_password(password: str, asker: Asker = OURSELVES) -> str:
    """Return the hash of a password that was made at random. Refused where too many wait."""
    normal = normal_form(password)
    async with _places().place(asker):
        return await _in_thread(lambda: _hasher.hash(normal))


async def hash_chosen(password: str, asker: Asker, settings: Settings, words: Sequence[str]) -> str:
    """Return the hash of a password that somebody chose, of whom everybody may know these words.

    Refused where it is guessed too soon, or too many wait.
    """
    normal = normal_form(password)

    def judge_and_hash() -> str:
        require_strong(normal, words, least=settings.password_strength)
        return _hasher.hash(normal)

    async with _places().place(asker):
        return await _in_thread(judge_and_hash)


async def check(password: str, password_hash: str | None, asker: Asker) -> Checked:
    """Tell whether the password is right. No account (None) takes as long as a wrong password."""
    tried = forms(password)
    async with _places().place(asker):
        return await _in_thread(lambda: _check(tried, password_hash))


def _check(tried: Sequence[str], password_hash: str | None) -> Checked:
    nobodys = _nobodys_hash()  # Made for whoever asks first, and not for the first unknown one.
    for form in tried:
        if _hasher.verify(form, password_hash or nobodys) and password_hash is not None:
            is_good = form == tried[0] and not _hashing.costs_more_than(password_hash)
            return Checked(True, None if is_good else _hasher.hash(tried[0]))
    return Checked(is_right=False)


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Run what hashes in a thread that gives way to all others. The caller holds a place."""
    global _threads
    if _threads is None:  # Late: a process that hashes nothing has no threads for it.
        _threads = ThreadPoolExecutor(
            max_workers=AT_ONCE_MOST, thread_name_prefix="passwords", initializer=_give_way
        )
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _give_way() -> None:
    """Lower the priority of this thread, and of those that argon2 starts for its lanes."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _places() -> Queue:
    if _queue is None:
        allow_at_once(2)
    assert _queue is not None
    return _queue


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
