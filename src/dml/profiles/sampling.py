"""What a process does that is asked for a profile of itself (docs/decisions/0082).

py-spy is a child that looks into its parent: where the system asks for that (Yama), the parent
names the child as the one who may. memray can only trace from within, and writes one entry for each
place that allocated, however long it runs. Either way another child makes the files, so that the
process itself never reads what may be large.
"""

import asyncio
import contextlib
import ctypes
import gzip
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.core import nodes
from dml.core.context import SYSTEM, Context
from dml.core.nodes import Pulse
from dml.profiles import service
from dml.profiles.models import (
    Profile,
    ProfileFailure,
    ProfileFormat,
    ProfileKind,
)
from dml.profiles.rules import FACT, FILE_MAX, GZIPPED_MAX
from dml.release import release

log = logging.getLogger(__name__)
Sessions = async_sessionmaker[AsyncSession]
DoneT = TypeVar("DoneT")
SAMPLES_A_SECOND: Final = 100
START_SECONDS: Final = 15.0  # What a sampler may take beside the time for which it samples.
RENDER_SECONDS: Final = 30.0
LEAVE_SECONDS: Final = 1.0
RENDERER: Final = "dml.profiles.rendering"
# It waits until its parent has said who may look into it, and writes no larger file than this.
WAITING_SHELL: Final = f'ulimit -f {FILE_MAX // 512}; read _ && exec "$@"'
_SET_PTRACER: Final = 0x59616D61  # prctl(2): of the Yama module; without it, there is no such call.
_TOO_LARGE: Final = (-25, 128 + 25)  # It was ended by SIGXFSZ, or by a shell that says so.


class NoProfile(Exception):
    """There is none, for this reason."""

    def __init__(self, failure: ProfileFailure, said: str = "") -> None:
        super().__init__(said)
        self.failure = failure


async def keep_alive(
    sessions: Sessions, name: str, kind: str, facts: dict[str, Any], pulse: Pulse | None = None
) -> None:
    """Say that this process lives (`nodes.keep_alive`) and of which release it is, and profile it
    whenever that is asked.
    """
    facts |= {FACT: offered(), "release": release()}
    sampler = Sampler(sessions, name)
    try:
        await nodes.keep_alive(sessions, name, kind, facts, pulse, sampler.hear)
    finally:
        await sampler.close()


def offered() -> list[str]:
    """Return by what this process can be profiled. Nothing is imported for that."""
    found = list[str]()
    if _py_spy() is not None:
        found.append(ProfileKind.CPU.value)
    if importlib.util.find_spec("memray") is not None:
        found.append(ProfileKind.MEMORY.value)
    return found


class Sampler:
    """Takes profiles of its own process, one at a time."""

    def __init__(self, sessions: Sessions, name: str) -> None:
        self._sessions, self._name = sessions, name
        self._heard: UUID | None = None
        self._task: asyncio.Task[None] | None = None

    def hear(self, profile_id: UUID) -> None:
        """Begin with a profile, unless it was heard of before."""
        if profile_id != self._heard and (self._task is None or self._task.done()):
            self._heard = profile_id
            self._task = asyncio.create_task(self._take(profile_id))

    async def close(self) -> None:
        """End with what is under way: the process ends."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _take(self, profile_id: UUID) -> None:
        try:
            begun = await self._do(lambda ctx: service.begin(ctx, profile_id, self._name))
            if begun is not None:
                await self._profile(begun)
        except asyncio.CancelledError:
            await self._fail(profile_id, ProfileFailure.PROCESS_ENDED)
            raise
        except NoProfile as error:
            log.warning("no profile was taken: %s (%s)", error.failure, error)
            await self._fail(profile_id, error.failure)
        except Exception:  # Whatever it was, this process serves on, and its log says why.
            log.exception("no profile was taken")
            await self._fail(profile_id, ProfileFailure.TOOL_FAILED)

    async def _profile(self, profile: Profile) -> None:
        log.warning("is profiled (%s) for %d seconds", profile.kind, profile.seconds)
        with tempfile.TemporaryDirectory(prefix="dml-profile-") as folder:
            raw = Path(folder, "raw")
            taken = _take_cpu if profile.kind is ProfileKind.CPU else _take_memory
            await taken(raw, profile.seconds)
            files = await _render(profile.kind, raw, Path(folder))
        await self._do(lambda ctx: service.finish(ctx, profile.id, files))

    async def _fail(self, profile_id: UUID, failure: ProfileFailure) -> None:
        with contextlib.suppress(Exception):  # Without a database, it fails when its time is up.
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._do(lambda ctx: service.fail(ctx, profile_id, failure))

    async def _do(self, act: Callable[[Context], Awaitable[DoneT]]) -> DoneT:
        async with self._sessions.begin() as tx:
            return await act(Context(tx, SYSTEM, datetime.now(UTC)))


def _py_spy() -> str | None:
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("py-spy")


async def _take_cpu(raw: Path, seconds: int) -> None:
    """Have a child sample this process, into a file in speedscope's format."""
    py_spy = _py_spy()
    if py_spy is None:
        raise NoProfile(ProfileFailure.NOT_INSTALLED)
    asked = ["record", "--pid", str(os.getpid()), "--duration", str(seconds), "--threads"]
    asked += ["--rate", str(SAMPLES_A_SECOND), "--format", "speedscope", "--output", str(raw)]
    try:
        await _run(["/bin/sh", "-c", WAITING_SHELL, "sh", py_spy, *asked], seconds + START_SECONDS)
    except NoProfile as error:
        if "EPERM" in str(error) or "ermission denied" in str(error):
            raise NoProfile(ProfileFailure.NOT_PERMITTED, str(error)) from error
        raise


async def _take_memory(raw: Path, seconds: int) -> None:
    """Trace what this process allocates, and write where what of it was not freed."""
    memray = await asyncio.to_thread(_import_memray)
    tracker = memray.Tracker(
        destination=memray.FileDestination(raw, compress_on_exit=False),
        file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS,
    )
    with tracker:
        await asyncio.sleep(seconds)
    await asyncio.to_thread(_require_small, raw)


def _require_small(file: Path) -> None:
    if file.stat().st_size > FILE_MAX:
        raise NoProfile(ProfileFailure.TOO_LARGE)


def _import_memray() -> Any:
    """Import memray, which needs rich: this process has hidden that from structlog, which has
    looked for it by now (`entrypoints/api_process.py`).
    """
    if sys.modules.get("rich", sys) is None:
        del sys.modules["rich"]
    try:
        return importlib.import_module("memray")
    except ImportError as error:
        raise NoProfile(ProfileFailure.NOT_INSTALLED, str(error)) from error


async def _render(kind: ProfileKind, raw: Path, folder: Path) -> service.Files:
    """Have a child make the files, compressed."""
    await _run([sys.executable, "-P", "-m", RENDERER, kind, str(raw), str(folder)], RENDER_SECONDS)
    return {it: await asyncio.to_thread(_read, folder / it) for it in ProfileFormat}


def _read(file: Path) -> tuple[bytes, int]:
    _require_small(file)
    content = file.read_bytes()
    gzipped = gzip.compress(content, 6, mtime=0)
    if len(gzipped) > GZIPPED_MAX:
        raise NoProfile(ProfileFailure.TOO_LARGE)
    return gzipped, len(content)


async def _run(command: Sequence[str], seconds: float) -> None:
    """Run a child that may look into this process, to its end; or end it, and say why."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _let_look(child.pid)
    try:
        async with asyncio.timeout(seconds):
            _, said = await child.communicate(b"\n")
    except TimeoutError as error:
        raise NoProfile(ProfileFailure.TOOL_FAILED, "it took too long") from error
    finally:
        _let_look(0)
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode in _TOO_LARGE:
        raise NoProfile(ProfileFailure.TOO_LARGE)
    if child.returncode:
        raise NoProfile(ProfileFailure.TOOL_FAILED, said.decode(errors="replace")[:1_000])


def _let_look(pid: int) -> None:
    """Let this process look into ours, and no other; 0: none. The system may ask for no leave."""
    ctypes.CDLL(None).prctl(_SET_PTRACER, pid, 0, 0, 0)
