"""What subscriptions follow: an operation that streams, or one that reads and is asked anew.

Both are operations of REST, as all fields of the graph are (docs/decisions/0042). So who may see
what, where to go on from, and what is too slow is said in one place.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import msgspec

from dml.edge.graphql.asking import Asking
from dml.edge.graphql.graph import Follow
from dml.edge.graphql.operations import Operation, Refused, Sent
from dml.edge.graphql.refusals import ServerStops, SubscriptionTooSlow, TooManySubscriptions

PAUSE_SECONDS: Final = 0.25  # Between two answers; more, where there is much to do after each:
PAUSE_SECONDS_A_SUBSCRIPTION: Final = 0.002


class Subscriptions:
    """How many subscriptions each user has in this process."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    @contextmanager
    def one_more(self, asking: Asking) -> Iterator[None]:
        """Count a subscription while it lasts. Raises TooManySubscriptions."""
        most, whose = asking.parts.settings.streams_of_one_user, asking.whose
        if self._of[whose] >= most:
            raise TooManySubscriptions(most=most, retry_after_seconds=15)
        self._of[whose] += 1
        asking.pause_seconds = max(PAUSE_SECONDS, self._of.total() * PAUSE_SECONDS_A_SUBSCRIPTION)
        try:
            yield
        finally:
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]


async def streamed(asking: Asking, operation: Operation, sent: Sent) -> AsyncGenerator[Any]:
    """Yield what an operation sends as events. Raises Refused, SubscriptionTooSlow, ServerStops."""
    async with aclosing(asking.stream(operation, sent)) as pieces:
        async for piece in pieces:
            name, data = _read(piece)
            if name == b"refused":
                raise Refused(msgspec.json.decode(data))
            if name == b"dropped":
                raise SubscriptionTooSlow
            if name and name != b"position":
                yield msgspec.json.decode(data)
    raise ServerStops  # Nothing else ends it.


async def renewed(
    asking: Asking, operation: Operation, sent: Sent, follow: Follow
) -> AsyncGenerator[Any]:
    """Yield what an operation answers, now and after each event about its thing; after several
    that follow at once, what is true then. Raises Refused, PointsUsedUp, ServerStops.
    """
    bells, rung = asking.parts.bells, asyncio.Event()
    async with bells.ringing(follow.about.format(**sent.places), rung.set):
        while True:
            rung.clear()
            answer = await asking.run(operation, sent)
            is_last = follow.ends(answer)  # What is selected of it may change it.
            yield answer
            if is_last:
                return
            await asyncio.sleep(asking.pause_seconds)
            await rung.wait()
            if bells.is_closed:
                raise ServerStops
            await asking.begin_anew()


def _read(piece: bytes) -> tuple[bytes, bytes]:
    """Return the name and the data of a server-sent event; of a comment, neither."""
    found = dict(line.partition(b": ")[::2] for line in piece.splitlines())
    return found.get(b"event", b""), found.get(b"data", b"")
