"""What `pip install dml` brings: all that the code reads, so that it runs without a checkout."""

import os
import shutil
import site
import subprocess
import sys
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import Final

import pytest

from dml.core.db import SCHEMA_REVISION
from dml.entrypoints.embedded import free_ports
from dml.release import release
from tests import folders
from tests.core.test_metrics import values
from tests.entrypoints.test_metrics import client_from
from tests.world import World

ROOT: Final = Path(__file__).resolve().parents[1]
NUMBER: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
LOOK: Final = """
from alembic.script import ScriptDirectory
from dml.entrypoints import shipped
print(shipped.folder("migrations"))
print(ScriptDirectory(str(shipped.folder("migrations"))).get_current_head())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    folder = wheel.parent / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Run Python where the wheel's package is found, and no checkout's."""
    kept = {name: it for name, it in os.environ.items() if not name.startswith("DML_")}
    return subprocess.check_output(
        [sys.executable, *arguments],
        cwd=folder.parent,
        env=kept | {"PYTHONPATH": str(folder)},
        text=True,
    )


def _files(folder: Path) -> set[str]:
    found = (it for it in folder.rglob("*") if it.is_file() and "__pycache__" not in it.parts)
    return {str(it.relative_to(folder)) for it in found}


def test_the_wheel_has_each_file_of_the_package_and_all_migrations(unpacked: Path) -> None:
    inside = _files(unpacked)
    assert {f"dml/{it}" for it in _files(ROOT / "src/dml")} <= inside
    assert {f"dml/migrations/{it}" for it in _files(ROOT / "migrations")} <= inside
    assert {f"dml/contracts/build/{it}.json" for it in ("DevToken", "Vault")} <= inside
    assert {f"dml/console/dist/{it}" for it in _files(ROOT / "console/dist")} <= inside
    assert not [it for it in inside if it.startswith(("tests/", "demo/", "benchmarks/"))]


def test_code_from_a_wheel_finds_its_own_migrations(unpacked: Path) -> None:
    where, head = run(unpacked, "-c", LOOK).split()
    assert where == str(unpacked / "dml" / "migrations")
    assert head == SCHEMA_REVISION


def test_the_command_of_a_wheel_tells_its_release(unpacked: Path) -> None:
    assert run(unpacked, "-m", "dml.entrypoints.cli", "--version") == f"dml {NUMBER}\n"


async def test_one_number_is_shown_everywhere(world: World) -> None:
    assert release() == NUMBER
    assert (await world.client.get("/healthz")).json() == {"alive": True, "release": NUMBER}
    async with client_from(world, "127.0.0.1") as client:
        counted = values((await client.get("/metrics")).text)
    assert counted[f'dml_build_info{{release="{NUMBER}"}}'] == 1
    assert f"\n## {NUMBER}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_a_marketplace_starts_from_an_installed_wheel(wheel: Path) -> None:
    """In an environment of its own, which has our dependencies and no checkout."""
    folder = folders.make("dml-wheel-")
    place, home, port = folder / "venv", folder / "home", free_ports.lasting("127.0.0.1")
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    (own,) = (place / "lib").glob("python*/site-packages")
    (own / "dependencies.pth").write_text(site.getsitepackages()[0])  # Its own `.pth` do not count.
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
    )
    kept = {name: it for name, it in os.environ.items() if not name.startswith("DML_")}
    told = {"DML_HOME": str(home), "DML_PORT": str(port), "DML_LOCAL_CHAIN": "false"}
    command = str(place / "bin" / "dml")
    with subprocess.Popen(
        [command, "up", "--api", "1", "--workers", "1"],
        cwd=folder,
        env=kept | told,
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        try:
            assert up.stdout is not None
            for line in up.stdout:
                if "dml down" in line:  # The last of what it says once it serves.
                    break
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                assert NUMBER in answer.read().decode()
        finally:
            subprocess.run([command, "down"], cwd=folder, env=kept | told, check=True)
            up.wait(60)
    shutil.rmtree(folder)
