"""`dml keys make`: all keys that are files, made once, where settings say."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dml.entrypoints.cli.main import app


def make() -> dict[str, str]:
    ended = CliRunner().invoke(app, ["keys", "make", "--json"])
    assert ended.exit_code == 0, ended.output
    return {it["key"]: it["file"] for it in json.loads(ended.output)}


def test_each_key_is_made_once_and_readable_by_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DML_HOME", str(tmp_path))
    monkeypatch.setenv("DML_SCORER_KEY_FILE", str(tmp_path / "apart" / "scorer.key"))
    made = make()
    assert sorted(made.values()) == [
        str(tmp_path / it)
        for it in ("apart/scorer.key", "apart/scorer.key.public", "factors.key", "keys.json")
    ]
    content = {it: Path(it).read_text() for it in made.values()}
    assert all(stat.S_IMODE(Path(it).stat().st_mode) == 0o600 for it in content)
    assert make() == made
    assert {it: Path(it).read_text() for it in made.values()} == content
