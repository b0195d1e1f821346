"""The TypeScript client as `make typescript` builds it: typed, whole, and at work in node."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from clients.generate import DESCRIPTION, ROOT
from tests.agent.conftest import listening, market
from tests.agent.market import Market
from tests.jobs.factories import Ordered, fold, make_job, settle, work
from tests.world import PASSWORD

__all__ = ["listening", "market"]  # The fixtures.
PACKAGE: Final = ROOT / "clients" / "typescript"
FRONTEND: Final = Path(__file__).parent / "frontend"
NODE: Final = ROOT / ".venv" / "bin" / "node"
SECONDS: Final = 60
STRICT: Final = {
    "strict": True,
    "noEmit": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "module": "nodenext",
    "target": "es2022",
    "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
    "types": [],
    "skipLibCheck": True,
}
# Each exported function is called with its own name for each part of a path; what it asks for is
# written down, and nobody answers.
CALL_ALL: Final = """
import * as api from "dml-client";
const path = new Proxy({}, { get: (_, name) => String(name), ownKeys: () => [] });
const asked = {};
for (const name of JSON.parse(process.argv[2])) {
  const fetch = async (request) => {
    asked[name] = [request.method, decodeURIComponent(new URL(request.url).pathname)];
    return new Response("{}", { headers: { "Content-Type": "application/json" } });
  };
  const answer = await api[name]({ baseUrl: "http://127.0.0.1:1", path, fetch });
  if ("stream" in answer) for await (const _ of answer.stream);
}
console.log(JSON.stringify(asked));
"""


@pytest.fixture(scope="module")
def frontend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frontend's own folder, in which the client is installed."""
    assert (PACKAGE / "dist").exists(), "run `make typescript`"
    folder = tmp_path_factory.mktemp("frontend") / "own"
    shutil.copytree(FRONTEND, folder)
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "dml-client").symlink_to(PACKAGE)
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    (folder / "all.mjs").write_text(CALL_ALL)
    guide = (ROOT / "docs" / "guides" / "api.md").read_text()
    programs = re.findall(r"^```(?:typescript|ts)\n(.*?)^```$", guide, re.M | re.DOTALL)
    assert programs
    of_node = "declare const process: { env: Record<string, string | undefined> };\n"
    for number, text in enumerate(programs):
        (folder / f"guide_{number}.ts").write_text(f"{of_node}{text}")
    return folder


def node(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NODE), *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_it_was_built_from_the_description_of_now() -> None:
    """`make typescript` goes by the same: a client older than the description is built anew."""
    sources = (DESCRIPTION, *PACKAGE.glob("src/*.ts"), *PACKAGE.glob("*.json"))
    assert (PACKAGE / "dist").stat().st_mtime >= max(it.stat().st_mtime for it in sources), (
        "run `make typescript`"
    )


def test_a_frontend_that_uses_it_is_typed(frontend: Path) -> None:
    """So are the programs of the guide. In `wrong.ts` each line is expected to be an error."""
    compiler = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
    assert (checked := node(compiler, folder=frontend)).returncode == 0, checked.stdout


def test_each_operation_has_a_function_that_asks_for_it(frontend: Path) -> None:
    paths: dict[str, dict[str, Any]] = json.loads(DESCRIPTION.read_text())["paths"]
    wanted = {}
    for path, verbs in paths.items():
        for verb, told in verbs.items():
            tag, *rest = told["operationId"].replace(".", "_").split("_")
            name = tag + "".join(it.title() for it in rest)
            wanted[name] = [verb.upper(), path.replace("{", "").replace("}", "")]
    ran = node("all.mjs", json.dumps(list(wanted)), folder=frontend)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == wanted


class Line:
    """A way to the marketplace on which a stream of events is cut, as often as there are `cuts`."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.cuts = ["broken off", "ended"]
        self.streams = 0
        self.is_open_again = asyncio.Event()
        self.url = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Line"]:
        carried: list[asyncio.Task[None]] = []
        server = await asyncio.start_server(
            lambda *both: carried.append(asyncio.create_task(self._carry(*both))), "127.0.0.1", 0
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for it in carried:
                it.cancel()
            await asyncio.gather(*carried, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", self._market.port)
        asking = asyncio.create_task(self._pass_on(reader, to_there))
        try:
            while piece := await there.read(1 << 16):
                writer.write(piece)
                if b"event: results" in piece:
                    self.streams += 1
                    if self.cuts:
                        how = self.cuts.pop(0)
                        # The end of a chunked answer: as clean as a server's that stops.
                        writer.write(b"" if how == "broken off" else b"0\r\n\r\n")
                        break
                    self.is_open_again.set()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            writer.close()
            to_there.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1 << 16):
            writer.write(piece)


async def play(market: Market, job: Ordered, folder: Path) -> str:
    """Let the story play while its job is worked on; what it said, a line for each step."""
    async with Line(market).open() as line:
        story = await asyncio.create_subprocess_exec(
            *(NODE, "story.ts", line.url, job.customer.email, PASSWORD),
            *(str(job.version_id), str(job.id)),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await line.is_open_again.wait()
            await work(market.world, job, 5)
            await fold(market.world)
            await asyncio.sleep(0.6)  # So that the answer is seen to grow before its job ends.
            await job.customer.post(f"{job.path}/close")
            await settle(market.world, job)
            out, err = await story.communicate()
        finally:
            if story.returncode is None:
                story.kill()
    assert story.returncode == 0, err.decode()
    return out.decode()


async def test_a_frontend_lists_is_refused_and_watches_a_job_whose_stream_is_cut(
    market: Market, frontend: Path
) -> None:
    job = await make_job(market.world, max_devices=5)
    # A token so short is renewed each time that it is used.
    with market.set(access_token_seconds=30):
        async with asyncio.timeout(SECONDS):
            said = await play(market, job, frontend)
    told: dict[str, Any] = {}
    for each in map(json.loads, said.splitlines()):
        told.setdefault(each["step"], []).append(each["told"])
    watched = told.pop("watched")
    assert watched == [it for n, it in enumerate(watched) if it not in watched[:n]], "none twice"
    assert watched[0][1:] == ["open", None]
    assert watched[-1][1:] == ["cancelled", {"cat": 10, "dog": 5}]
    (listed,) = told.pop("listed")
    assert str(job.version_id) in listed
    (refused,) = told.pop("refused")
    assert float(refused["missing"]) > 0
    assert refused["status"] == 409
    assert told == {
        "nobody": ["core.not_signed_in"],
        "wrong password": ["accounts.wrong_credentials"],
        "signed in": [[True, True]],
        "unknown": [["jobs.not_found", 404]],
        "watched nothing": ["jobs.not_found"],
        "signed out": ["accounts.bad_refresh_token"],
    }
