"""Where photos are read: by a child of this process's own zygote, one after the other.

The zygote starts with the first photo, in a fifth of a second, and ends when none came for a while:
most of the time nobody changes theirs, and it takes some memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from dml.accounts.photos import rules
from dml.inference.client import ChildFailed, Client, Faults, SandboxFailed, Unsafe
from dml.inference.outcome import Limits
from dml.inference.signature import Reason, Refused

ZYGOTE: Final = "dml.accounts.photos.zygote"
# 16 megapixels of the slowest kind take a second, and 200 MB.
LIMITS: Final = Limits(cpu_seconds=5, wall_seconds=20, memory_bytes=512 << 20, output_bytes=4 << 20)
FAULTS: Final = Faults(
    too_slow=Reason("photo.too_slow", "It takes too long to read. Save it anew, or smaller."),
    too_much_memory=Reason(
        "photo.too_much_memory", "It takes too much memory to read. Save it anew, or smaller."
    ),
    crashed="photo.crashed",
)
WAITING_MOST: Final = 8
BUSY_SECONDS: Final = 5
IDLE_SECONDS: Final = 300.0


class Studio:
    """Makes of an uploaded file the photo and thumbnail that are shown."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._client: Client | None = None
        self._idle_seconds = idle_seconds
        self._ending: asyncio.TimerHandle | None = None

    async def develop(self, read: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bytes]:
        """Return the photo and its thumbnail, both in WebP; or refuse the file, or for now.

        The file is `read` only when its turn has come: who waits holds none in memory.
        """
        if self._waiting >= WAITING_MOST:
            raise rules.PhotosBusy(retry_after_seconds=BUSY_SECONDS)
        self._waiting += 1
        try:
            async with self._turn:
                content = await read()
                rules.require_kind(content)
                return await self._ask(content)
        finally:
            self._waiting -= 1

    @property
    def is_idle(self) -> bool:
        """Whether there is no zygote."""
        return self._client is None

    async def close(self) -> None:
        """End the zygote, if there is one."""
        if self._ending is not None:
            self._ending.cancel()
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def _ask(self, content: bytes) -> tuple[bytes, bytes]:
        if self._ending is not None:
            self._ending.cancel()
        if self._client is None:
            self._client = Client(ZYGOTE)
        try:
            photo, thumbnail = await asyncio.to_thread(_make, self._client, content)
        finally:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(self._idle_seconds, self._end_idle)
        if not (rules.is_picture(photo) and rules.is_picture(thumbnail)):
            raise rules.NotAPhoto(why="Reading it gave no picture.")
        return photo, thumbnail

    def _end_idle(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()  # A kill and a wait for it: nobody is using it.


def _make(client: Client, content: bytes) -> tuple[bytes, bytes]:
    """Blocking. A child that broke down is asked once more: the machine may be at fault."""
    try:
        try:
            _, parts = client.ask({"verb": "make"}, [content], LIMITS, FAULTS)
        except ChildFailed:
            _, parts = client.ask({"verb": "make"}, [content], LIMITS, FAULTS)
        photo, thumbnail = parts
    except Refused as refused:
        if rules.TOO_MANY_PIXELS in refused.codes:
            raise rules.TooManyPixels(most_pixels=rules.PIXELS_MAX) from None
        raise rules.NotAPhoto(why=refused.reasons[0].detail) from None
    except ChildFailed as failed:
        raise rules.NotAPhoto(why=failed.reason.detail) from failed
    except ValueError:
        raise rules.NotAPhoto(why="Reading it gave no picture.") from None
    except (SandboxFailed, Unsafe, OSError) as failed:
        raise rules.PhotosOff(retry_after_seconds=60) from failed
    return photo, thumbnail
