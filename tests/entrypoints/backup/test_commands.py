"""`dml backup` and `dml restore`: what is asked wrongly is said in one line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dml.entrypoints.cli.main import app
from dml.refused import Refused

KEY = {"DML_BACKUP_KEY": "a passphrase of ours"}


@pytest.mark.parametrize(
    ("asked", "environment", "said"),
    [
        (["backup", "there"], {}, "DML_BACKUP_KEY is not set"),
        (["backup", "make", "there"], {}, "DML_BACKUP_KEY is not set"),
        (["backup", "verify", "there"], {}, "DML_BACKUP_KEY is not set"),
        (["restore", "there"], {}, "DML_BACKUP_KEY is not set"),
        (["backup", "there"], {"DML_BACKUP_KEY": "short"}, "DML_BACKUP_KEY: "),
        (["backup", "there"], {"DML_BACKUP_TO": "x"}, "and DML_BACKUP_KEY is not"),
        (["backup", "list", "there"], KEY, "there is no folder"),
        (["backup", "list", "nothing://there"], KEY, "is no place for backups"),
        (["backup", "verify", "."], KEY, "there are no backups in"),
        (["backup", "."], KEY, "There is no database"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else None,
)
def test_what_cannot_be_is_refused(
    asked: list[str],
    environment: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    # A database that is named, so that `restore` starts none.
    named = {"DML_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"} if "restore" in asked else {}
    ended = CliRunner().invoke(app, asked, env={**environment, **named})
    assert isinstance(ended.exception, Refused), ended.output
    assert said in str(ended.exception)


def test_each_command_is_described() -> None:
    told = CliRunner().invoke(app, ["backup", "--help"]).output
    assert all(it in told for it in ("make", "list", "verify"))
