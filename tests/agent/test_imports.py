"""An agent is light: it runs without the server's packages, and without a model's runtime."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Final

from tests.agent.market import ROOT, Device, Market, end, open_job
from tests.devices.factories import pairing_code

SERVER: Final = """
    alembic asyncpg authlib dbos email_validator fastapi greenlet jwt multipart obstore psycopg
    psycopg2 pwdlib pydantic_settings redis requests sqlalchemy starlette
    structlog uvicorn uvloop websockets
"""
RUNTIME: Final = "onnx onnxruntime google"  # The sandbox's process has them.
OF_TYPER: Final = {
    "pydantic",
    "pydantic_core",
}  # Typer reads options with it; nothing of ours does.
OURS: Final = re.compile(
    r"dml\.(agent|inference|client\.http|refused|entrypoints\.(cli|bounty\.commands)"
    r"|tool\.(common|account|money|model|job|device|moderate))\b"
)
PACKAGES: Final = frozenset(
    ("dml", "dml.client", "dml.tool", "dml.entrypoints", "dml.entrypoints.bounty")
)


async def test_an_agent_at_work_imports_nothing_of_the_server(
    market: Market, device: Device
) -> None:
    device.photo("1.jpg", 3)
    code = await pairing_code(device.owner)
    async with open_job(market):
        agent = await device.start("--once", "--pair", code, PYTHONPROFILEIMPORTTIME="1")
        ended = await end(agent)
    assert "Done: 1 accepted" in ended.out
    names = {line.rpartition("|")[2].strip() for line in ended.err.splitlines()}
    assert {"httpx2", "numpy", "PIL", "dml.agent.agent"} <= names, "this is how imports are told"
    assert {name.partition(".")[0] for name in names} & {*SERVER.split(), *RUNTIME.split()} == set()
    ours = {name for name in names if name.partition(".")[0] == "dml"} - PACKAGES
    assert [name for name in ours if not OURS.match(name)] == []


async def test_below_the_command_line_it_needs_neither_typer_nor_pydantic() -> None:
    code = "import dml.agent.run, dml.agent.status, dml.agent.progress, sys; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    names = {name.partition(".")[0] for name in (await end(process)).out.split()}
    assert "dml" in names
    assert names & {"typer", *OF_TYPER, *SERVER.split(), *RUNTIME.split()} == set()


def test_its_code_names_no_other_part_of_ours() -> None:
    for path in Path(ROOT, "src/dml/agent").glob("*.py"):
        named = re.findall(r"^(?:from|import) (dml[\w.]*)", path.read_text(), re.MULTILINE)
        allowed = ("dml.agent", "dml.inference", "dml.client.http")
        assert all(it.startswith(allowed) for it in named), path
