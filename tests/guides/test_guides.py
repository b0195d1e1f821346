"""Each line that README and the guides tell people to type, typed: at a marketplace of its own.

Pages run in the order of the story, each in one shell, as a user who is nobody's admin. What they
need of the server stands in them; the passwords that a person would type come from here.
"""

import configparser
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from dml.entrypoints.embedded import free_ports
from tests import folders
from tests.entrypoints.up.marketplace import Marketplace
from tests.guides.pages import PAGES, ROOT, as_pattern, blocks

FIRST: Final = "first-answer.md"  # It lists the model that other pages order.
STORY: Final = sorted(
    (it for it in PAGES if it.parent.name == "guides"), key=lambda it: (it.name != FIRST, it.name)
)
SECONDS: Final = 110
PASSWORD: Final = "correct horse battery"
PRELUDE: Final = """
set -euo pipefail
dml() {{
  case "$*" in
    *admin@localhost.localdomain*) DML_PASSWORD={admin} command dml "$@" ;;
    *) command dml "$@" ;;
  esac
}}
"""
MARK: Final = "--- the output of line {}"


@dataclass(frozen=True)
class Machine:
    """Somebody's checkout with a marketplace that runs, and a home folder of theirs."""

    folder: Path
    environment: dict[str, str]
    admin_password: str

    def type(self, commands: str) -> subprocess.CompletedProcess[str]:
        script = PRELUDE.format(admin=self.admin_password) + commands
        return subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture
def machine() -> Iterator[Machine]:
    above = folders.make("dml-guides-")
    folder = above / "checkout"
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "contracts").symlink_to(ROOT / "contracts")
    (folder / "clients").symlink_to(ROOT / "clients")
    port = free_ports.lasting("127.0.0.1")
    variables = {"DML_PORT": str(port), "DML_LOCAL_CHAIN": "true", "DML_API_PROCESSES": "1"}
    variables |= {"DML_WORKER_PROCESSES": "1", "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}
    marketplace = Marketplace(folder / ".dml", variables)
    try:
        marketplace.popen(command=[str(ROOT / ".venv/bin/dml"), "up"])
        marketplace.until(lambda: "Stop    " in marketplace.shown(), 90)
        password = re.search(r"admin@localhost\.localdomain\s+(\S+)", marketplace.shown())
        assert password is not None, marketplace.shown()
        yield Machine(folder, _environment(folder, port), password[1])
    finally:
        marketplace.clean_up()
        shutil.rmtree(above)


def _environment(folder: Path, port: int) -> dict[str, str]:
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "COLUMNS": "120",
        "DML_SERVER": f"http://127.0.0.1:{port}",
        "DML_PASSWORD": PASSWORD,
    }


@pytest.mark.timeout(400)  # All pages share one marketplace: later ones order what the first lists.
def test_each_line_of_the_guides_does_what_it_says(machine: Machine) -> None:
    for page in STORY:
        _type(machine, page)


def _type(machine: Machine, page: Path) -> None:
    typed = [it for it in blocks(page) if not it.commands.startswith("make ")]
    assert typed
    script = "".join(f'\necho "{MARK.format(it.line)}"\n{it.commands}' for it in typed)
    ended = machine.type(script)
    said = f"{page.name}\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    assert ended.returncode == 0, said
    for it in typed:
        if it.shown is not None:
            mark = MARK.format(it.line)
            output = ended.stdout.partition(mark)[2].partition(MARK.format(""))[0]
            assert as_pattern(it.shown).search(output), f"{page.name}:{it.line}: {output}"
    assert "Traceback" not in said


def test_what_make_is_told_is_a_target_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {
        line.split()[1]
        for page in PAGES
        for block in blocks(page)
        for line in block.commands.splitlines()
        if line.startswith("make ")
    }
    assert told
    assert told <= targets


def test_readme_shows_commands_of_the_guides_alone() -> None:
    """Its three lines for each door are typed on the page behind the door, with other options."""
    typed = "\n".join(block.commands for page in STORY for block in blocks(page))
    for block in blocks(ROOT / "README.md"):
        for line in block.commands.splitlines():
            words = line.partition("#")[0].split()
            if words and words[0] != "make":
                assert words[0] == "dml", line
                verbs = list(itertools.takewhile(lambda it: it.isalpha(), words))
                assert " ".join(verbs) in typed, line


def test_the_unit_of_a_device_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """Asked of systemd where it is; and everywhere, that what it starts is a command of ours."""
    guide = (ROOT / "docs" / "guides" / "device-owners.md").read_text()
    (unit,) = re.findall(r"^```ini\n(.*?)^```$", guide, re.M | re.DOTALL)
    read = configparser.ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign] # as configparser says to
    read.read_string(unit)
    program, *options = shlex.split(read["Service"]["ExecStart"])
    assert program == "%h/.local/bin/dml"
    told = [f"{ROOT}/.venv/bin/dml", *options[:2], "--help"]
    described = subprocess.run(told, capture_output=True, text=True, check=True).stdout
    assert all(it in described for it in options if it.startswith("--"))
    if (verify := shutil.which("systemd-analyze")) is not None:
        path = tmp_path / "dml-device.service"
        path.write_text(unit.replace(program, sys.executable).replace("%h", str(tmp_path)))
        ran = [verify, "verify", "--user", "--man=no", "--recursive-errors=no", str(path)]
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        said = subprocess.run(ran, env=environment, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_a_program_of_a_guide_is_typed_as_well(tmp_path: Path) -> None:
    """The types of what it uses, by the same mypy as ours."""
    programs = [
        text
        for page in PAGES
        for text in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.DOTALL)
    ]
    assert programs
    for number, text in enumerate(programs):
        (tmp_path / f"program_{number}.py").write_text(text)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
