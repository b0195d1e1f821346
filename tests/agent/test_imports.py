"""An agent is light: it runs without the server's packages, and without a model's runtime."""

import asyncio
import os
import re
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest

from tests.agent.market import ROOT, Device, Market, end, open_job
from tests.devices.factories import pairing_code

LOCK: Final = ROOT / "requirements" / "device.txt"
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
    r"dml\.(agent|inference|client|refused|release|ending|tool|entrypoints\.(cli|bounty\.commands))\b"
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
    assert not_locked(names) == set()


def not_locked(modules: Iterable[str]) -> set[str]:
    """Which packages these modules are of, but for those that requirements/device.txt installs."""
    locked = set(re.findall(r"^([a-z][\w.-]*)==", LOCK.read_text(), re.MULTILINE))
    known = packages_distributions()
    named = {it for name in modules for it in known.get(name.partition(".")[0], ())}
    # Where there is setuptools, each Python loads a hook of it; we ourselves are not locked.
    return {it.lower().replace("_", "-") for it in named} - locked - {"setuptools", "dml"}


async def test_neither_the_process_that_runs_models_nor_that_reads_photos_needs_more() -> None:
    code = (
        "import dml.inference.running, dml.inference.photo_files, pillow_heif, dml.agent.status;"
        "import sys; print(*sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    names = (await end(process)).out.split()
    assert {"onnxruntime", "pillow_heif", "PIL"} <= set(names)
    assert not_locked(names) == set()
    assert not_locked(["onnx.helper"]) == {"onnx"}


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


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("model check some.onnx", "onnx", "developer"),
        ("model check some.onnx", "yaml", "developer"),
        ("doctor", "pydantic_settings", "server"),
        ("worker", "pydantic_settings", "server"),
    ],
)
async def test_where_it_is_alone_other_commands_say_what_they_need(
    command: str, package: str, extra: str
) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = {command.split()};"
        "from dml.entrypoints.cli.main import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    ended = await end(process)
    assert ended.code == 1
    assert ended.err == f"dml: {package} is not installed: pip install 'dml[{extra}]'\n"


def test_its_code_names_no_other_part_of_ours() -> None:
    for path in Path(ROOT, "src/dml/agent").glob("*.py"):
        named = re.findall(r"^(?:from|import) (dml[\w.]*)", path.read_text(), re.MULTILINE)
        allowed = ("dml.agent", "dml.inference", "dml.client.http")
        assert all(it.startswith(allowed) for it in named), path
