"""The devices: real agents, each a process with a home and a folder of photos of its own."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo import children
from demo.cast import join_owner
from demo.children import DML, Failed
from demo.made import Album
from demo.outcome import Answer
from demo.people import Customer, Owner
from demo.place import Place
from demo.screen import Screen
from demo.together import both, together

AT_ONCE: Final = 2 * len(os.sched_getaffinity(0))  # One waits while another one computes.
WORK_SECONDS: Final = 120
END_SECONDS: Final = 10
SETTLE_SECONDS: Final = 30


@dataclass(frozen=True)
class Device:
    """A folder of photos, and where the agent that looks at them lives and writes."""

    photos: Path
    home: Path
    log: Path

    async def work(self, url: str, code: str) -> None:
        """Pair with the code, do what work there is, and end."""
        process = await children.start(
            [
                *[*DML, "device", "run", "--once", "--json"],
                *["--data", os.fspath(self.photos), "--home", os.fspath(self.home)],
                *["--server", url, "--pair", code, "--name", self.photos.name],
            ],
            self.log,
        )
        try:
            exit_code = await asyncio.wait_for(process.wait(), WORK_SECONDS)
        except TimeoutError:
            raise self._failed(f"was not done after {WORK_SECONDS} s") from None
        finally:
            await children.end(process, END_SECONDS, signal.SIGKILL)
        if exit_code != 0:
            raise self._failed(f"ended with exit code {exit_code}")

    def _failed(self, how: str) -> Failed:
        return Failed(
            f"{self.photos.name} {how}; {self.log} closes with:\n{children.tail(self.log)}"
        )


async def let_work(
    url: str, customer: Customer, job_id: str, album: Album, place: Place, screen: Screen
) -> tuple[Answer, Sequence[Owner]]:
    """Let people come, each with a device that works, while the customer watches the job.

    Some register while the devices of others work: the server takes its time for a password.
    """
    joining, working = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
    ended = asyncio.Event()

    async def take_part(n: int, photos: Path) -> Owner:
        async with joining:
            owner = await join_owner(customer.client, f"owner-{n:02}")
        name = photos.name
        device = Device(photos, place.devices / name, place.logs / f"{name}.log")
        async with working:
            await device.work(url, await owner.pairing_code())
        return owner

    async def work() -> Sequence[Owner]:
        owners = await together(take_part(*it) for it in enumerate(album.folders, 1))
        try:
            await asyncio.wait_for(ended.wait(), SETTLE_SECONDS)
        except TimeoutError:
            timeline = await customer.ask("GET", f"/v1/jobs/{job_id}/timeline")
            raise Failed(
                f"all devices are done, but after {SETTLE_SECONDS} s the job is not: "
                f"{json.dumps(timeline)}"
            ) from None
        return owners

    async def watch() -> Answer:
        with screen.growing(len(album.folders)) as growth:
            async for results in customer.watch(job_id):
                growth.show(results)
        ended.set()
        return Answer.read(results)

    return await both(watch(), work())
