"""The images, built and run: where buildah is at hand, and a base that it can use.

Without an engine an image cannot be pulled everywhere, so the base is named. `localhost/base` here
is one in buildah's storage, with Python 3.11 as `python`:

    DML_TEST_BASE=localhost/base make test ARGS="--slow -k images"
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dml.release import release

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = os.environ.get("DML_TEST_BASE", "")
MB: Final = 1_000_000
# How this machine reaches a registry of packages, if it is told.
AS_HERE: Final = ("/etc/pip.conf", "~/.config/pip", "/etc/apt", "/etc/ssl/certs")
CHROOT: Final = {"BUILDAH_ISOLATION": "chroot"}  # Neither user namespaces nor cgroups are needed.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(not shutil.which("buildah"), reason="no buildah is installed"),
    pytest.mark.skipif(not BASE, reason="DML_TEST_BASE names no image to build upon"),
]


def buildah(*arguments: str) -> str:
    ended = subprocess.run(
        ["buildah", *arguments],
        cwd=ROOT,
        env={**os.environ, **CHROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    return ended.stdout.strip()


def build(file: str) -> Iterator[str]:
    """Build an image; a container of it."""
    folders = (Path(it).expanduser() for it in AS_HERE)
    mounted = [f"--volume={it}:{it}:ro" for it in folders if it.exists()]
    arguments = [f"--build-arg=BASE={BASE}", f"--build-arg=RELEASE={release()}"]
    tag = f"localhost/dml-test-{file.lower()}"
    buildah("bud", "--layers", *mounted, *arguments, "-f", f"deploy/docker/{file}", "-t", tag, ".")
    container = buildah("from", tag)
    yield container
    buildah("rm", container)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    yield from build("Dockerfile")


@pytest.fixture(scope="module")
def agent() -> Iterator[str]:
    yield from build("agent.Dockerfile")


def size_of(container: str) -> int:
    """Bytes that the image has beyond its base."""
    place = Path(buildah("mount", container), "opt", "dml")
    return sum(it.lstat().st_size for it in place.rglob("*") if not it.is_symlink())


def test_the_server_runs_as_nobody_in_particular_and_checks_a_model(server: str) -> None:
    assert buildah("run", server, "--", "id", "-u") == "10001"
    assert buildah("run", server, "--", "dml", "--version") == f"dml {release()}"
    model = ROOT / "examples" / "digits"
    buildah("copy", "--quiet", server, str(model), "/digits")
    assert "agree" in buildah("run", server, "--", "dml", "model", "check", "/digits/digits.onnx")
    assert size_of(server) < 475 * MB  # Over python:3.11-slim, less than 600 MB.


def test_the_server_cannot_write_what_it_runs_and_compiles_nothing(server: str) -> None:
    script = "touch /opt/dml/x 2>/dev/null || command -v gcc pip || echo neither"
    assert buildah("run", server, "--", "sh", "-c", script) == "neither"


def test_the_server_does_not_start_where_it_would_be_unsafe(server: str) -> None:
    script = "dml server 2>&1 | head -1"
    url = "DML_DATABASE_URL=postgresql://dml:none@127.0.0.1:1/dml"
    told = buildah("run", "--env", url, server, "--", "sh", "-c", script)
    assert "DML_PUBLIC_URL is not set" in told


def test_the_agent_has_nothing_of_the_server(agent: str) -> None:
    assert buildah("run", agent, "--", "id", "-u") == "10001"
    assert "pair" in buildah("run", agent, "--", "dml", "device", "--help")
    script = "python -c 'import fastapi' 2>/dev/null || echo none"
    assert buildah("run", agent, "--", "sh", "-c", script) == "none"
    assert size_of(agent) < 215 * MB
