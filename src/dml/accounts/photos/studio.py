"""Where photos are read: by a child of this process's own zygote, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from dml.accounts.photos import rules
from dml.core.late_client import IDLE_SECONDS, LateClient
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


class Studio:
    """Makes of an uploaded file the photo and thumbnail that are shown."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._child = LateClient(ZYGOTE, idle_seconds=idle_seconds)

    async def develop(self, read: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bytes]:
        """Return the photo and its thumbnail, both in WebP; or refuse the file, or for now.

        The file is `read` only when its turn has come: who waits holds none in memory.
        """
        busy = rules.PhotosBusy(retry_after_seconds=BUSY_SECONDS)
        async with self._child.turn(most=WAITING_MOST, busy=busy) as client:
            content = await read()
            rules.require_kind(content)
            photo, thumbnail = await asyncio.to_thread(_make, client, content)
        if not (rules.is_picture(photo) and rules.is_picture(thumbnail)):
            raise rules.NotAPhoto(why="Reading it gave no picture.")
        return photo, thumbnail

    @property
    def is_idle(self) -> bool:
        """Whether there is no zygote."""
        return self._child.is_idle

    async def close(self) -> None:
        """End the zygote, if there is one."""
        await self._child.close()


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
