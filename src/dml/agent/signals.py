"""The first signal lets the agent end well, the second one ends it at once."""

import os
import queue
import signal
import threading
from collections.abc import Callable
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FINISH_SECONDS: Final = 2.0  # For the photo or batch in hand, before the model is cut off.
EXIT_SECONDS: Final = 8.0  # For giving back what is held; the journal is whole whenever we leave.
EXIT_AT_ONCE: Final = 128 + signal.SIGINT


def listen(
    stop: threading.Event, *, cut_off: Callable[[], None], restore: Callable[[], None]
) -> None:
    """Set `stop` at the first signal. Call it in the main thread, before there is work.

    A handler interrupts the main thread anywhere, and `Event.set` is not made for that: it could
    wait for a lock that the same thread holds. `SimpleQueue.put` is.
    """
    came: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in ENDING:
        signal.signal(number, lambda number, _: came.put(number))

    def another_within(seconds: float) -> bool:
        try:
            came.get(timeout=seconds)
        except queue.Empty:
            return False
        return True

    def wait() -> None:
        came.get()
        stop.set()
        if not another_within(FINISH_SECONDS):
            cut_off()
            if not another_within(EXIT_SECONDS):
                restore()
                os._exit(0)
        restore()
        os._exit(EXIT_AT_ONCE)

    threading.Thread(target=wait, daemon=True).start()
