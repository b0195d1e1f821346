"""The workflows of GitHub: they do what `.ci/run` does, hold no keys, and name actions by commits.

`make check` has zizmor look at them, too.
"""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".github" / "workflows"
FILES: Final = sorted(FOLDER.glob("*.yml"))
USES: Final = re.compile(r"^\s*(?:- )?uses: (\S+)(?: # (?:(v\d+\.\d+\.\d+)$)?)?", re.MULTILINE)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["jobs"]
    return read


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_action_is_one_commit_with_its_version_beside(path: Path) -> None:
    for action, version in USES.findall(path.read_text()):
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert version, action


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_job_has_a_right_that_it_does_not_name_and_each_ends(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for name, job in jobs(path).items():
        assert job["permissions"], name
        assert "uses" in job or job["timeout-minutes"] <= 60, name
    assert "secrets." not in path.read_text()


def test_continuous_integration_runs_what_a_person_would() -> None:
    ran = [step.get("run", "") for job in jobs(FOLDER / "ci.yml").values() for step in job["steps"]]
    asked = [it for it in (ROOT / ".ci" / "run").read_text().splitlines() if it.startswith("make")]
    assert [it for it in ran if it.startswith("make")] == asked


def test_what_a_release_runs_is_there() -> None:
    text = (FOLDER / "release.yml").read_text()
    for path in re.findall(r"(?:deploy|requirements)/[\w./-]+\w", text):
        assert (ROOT / path).is_file(), path
    needs = {name: job.get("needs") for name, job in jobs(FOLDER / "release.yml").items()}
    assert needs == {"ci": None, "build": "ci", "deploy": "build"}
