"""A marketplace that listens on a port of this machine, and agents that are real processes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import uvicorn
from PIL import ExifTags, Image
from sqlalchemy import select

from dml.agent import journal
from dml.core.ids import DeviceId, JobId
from dml.entrypoints.embedded import free_ports
from dml.entrypoints.server import with_device_layer
from dml.jobs.device_path.service import DevicePath
from dml.jobs.models import Assignment, Job, Result
from tests.devices.factories import pairing_code, permit
from tests.inference.models import IMAGE_SPEC, digits_like_model, grey_image
from tests.jobs.factories import make_version
from tests.world import Person, World, soon

LABELS: Final = [f"digit-{digit}" for digit in range(10)]
ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = ("-m", "dml.entrypoints.cli", "device")
SECONDS: Final = 30


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to pytest."""
        yield


class Market:
    """The API of a world, which can go away and come back at the same address."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.port = free_ports.lasting("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @contextmanager
    def set(self, **changes: Any) -> Iterator[None]:
        """Change settings of the server while the block runs."""
        state, before = self.world.app.state, self.world.parts.settings
        assert before.database_url is not None
        path, state.settings = state.device_path, before.model_copy(update=changes)
        state.device_path = DevicePath(
            before.database_url.get_secret_value(), state.sessions, state.keys, state.settings
        )
        try:
            yield
        finally:
            self._ending = asyncio.create_task(state.device_path.close())
            state.settings, state.device_path = before, path

    def blob(self, sha256: str) -> Path:
        """The file of a model, where the server keeps it."""
        (path,) = self.world.parts.settings.home.glob(f"blobs/**/{sha256}")
        return path

    async def open(self) -> None:
        """Listen, if it does not yet."""
        if self._server is not None:
            return
        config = uvicorn.Config(
            with_device_layer(self.world.app),
            port=self.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done(), self._task
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        if self._server is not None:
            assert self._task is not None
            self._server.should_exit = True
            await self._task
            self._server = None


@dataclass(frozen=True)
class Ended:
    """An agent that has ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> Any:
        return json.loads(self.out.splitlines()[-1])


@dataclass(frozen=True)
class Device:
    """An owner's folder of photos, and a home for an agent."""

    market: Market
    owner: Person
    data: Path
    home: Path

    def photo(
        self, name: str, digit: float, taken: date | None = None, side: int = 16, **more: Any
    ) -> Path:
        """A photo that the model takes for this digit; its bytes are like no other's."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[ExifTags.Base.ImageDescription] = os.fsencode(name).hex()
        if taken is not None:
            text = f"{taken:%Y:%m:%d} 12:00:00"
            exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = text
        grey_image(round(digit * 255 / 9), side).save(path, exif=exif, **more)
        return path

    async def start(self, *options: str, **how: Any) -> asyncio.subprocess.Process:
        """Start an agent here that is paired, or becomes so with `--pair`."""
        where = ("--data", str(self.data), "--home", str(self.home), "--server", self.market.url)
        return await start("run", *where, *options, **how)

    async def run(self, *options: str) -> Ended:
        """Let an agent do all there is, with one final line of JSON."""
        return await end(await self.start("--once", "--json", *options))

    async def pair(self) -> Ended:
        return await self.run("--pair", await pairing_code(self.owner), "--country", "PT")

    async def status(self, *options: str) -> Ended:
        return await end(await start("status", "--home", str(self.home), *options))

    @property
    def id(self) -> DeviceId:
        return DeviceId(json.loads((self.home / "device.json").read_text())["device_id"])

    def noted(self, event: str) -> list[dict[str, Any]]:
        """What the journal has of one kind."""
        records = journal.read(self.home / "journal.jsonl")
        return [record for record in records if record["event"] == event]

    async def has_noted(self, event: str) -> dict[str, Any]:
        """Wait until the journal has one of this kind: another process writes it."""
        async with asyncio.timeout(SECONDS):
            while not (found := self.noted(event)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        return found[0]

    async def results(self) -> list[dict[str, Any]]:
        """What the server accepted from this device."""
        query = (
            select(Result.body)
            .join(Assignment, Assignment.id == Result.assignment_id)
            .where(Assignment.device_id == self.id)
        )
        async with self.market.world.parts.sessions() as tx:
            return [json.loads(body) for body in await tx.scalars(query)]

    async def states(self) -> list[str]:
        """The states of this device's assignments."""
        query = select(Assignment.state).where(Assignment.device_id == self.id)
        async with self.market.world.parts.sessions() as tx:
            return [str(state) for state in await tx.scalars(query)]


async def start(
    *arguments: str,
    before: tuple[str, ...] = (),
    stdout: int = asyncio.subprocess.PIPE,
    **environment: str,
) -> asyncio.subprocess.Process:
    """Start `dml device …`. `before` are arguments of Python that come before it."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *before,
        *COMMAND,
        *arguments,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"} | environment,
    )


async def end(process: asyncio.subprocess.Process) -> Ended:
    """Wait for an agent to end by itself."""
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def open_job(
    market: Market,
    model: bytes | None = None,
    spec: dict[str, Any] = IMAGE_SPEC,
    labels: list[str] = LABELS,
    **changes: Any,
) -> AsyncIterator[Job]:
    """A job that devices can do. It is closed when the block ends: other tests' devices can't."""
    world = market.world
    customer = await world.rich("customer", "1000")
    version_id = await make_version(
        world,
        await world.person("developer"),
        model=model or digits_like_model(len(LABELS)),
        spec=spec,
        labels=labels,
    )
    body = {
        "version_id": str(version_id),
        "title": "Which digits do people photograph?",
        "max_devices": 10,
        "reward": "0.1",
        "deadline": soon(days=1),
        "answers": "exact",
    }
    answer = await customer.post("/v1/jobs", body | changes)
    assert answer.status_code == 201, answer.text
    async with world.parts.sessions() as tx:
        job = await tx.get_one(Job, JobId(answer.json()["id"]))
    try:
        yield job
    finally:
        closed = await customer.post(f"/v1/jobs/{job.id}/close")
        assert closed.status_code == 200, closed.text


async def make_owner(world: World) -> Person:
    """Somebody who lets models process photos."""
    owner = await world.person("owner")
    await permit(owner, "photo")
    return owner
