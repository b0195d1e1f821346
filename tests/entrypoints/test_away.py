"""What a command says where its database cannot be asked: one line, and an exit code for that."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.engine import make_url

from dml.refused import ExitCode

DML: Final = (sys.executable, "-m", "dml.entrypoints.cli")
NOBODY: Final = "postgresql://dml:secret@127.0.0.1:9/dml"
COMMANDS: Final = ("migrate", "doctor", "admin reset-password")


def said(folder: Path, command: str, url: str, **variables: str) -> tuple[int, str]:
    """Run it, and return its exit code and the only line that it says on standard error."""
    ended = subprocess.run(
        [*DML, *command.split()],
        env={
            "PATH": "/usr/bin:/bin",
            "DML_HOME": str(folder),
            "DML_DATABASE_URL": url,
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.stdout, ended.stderr.count("\n")) == ("", 1), ended.stderr
    assert ended.stderr.startswith("dml: ")
    assert "secret" not in ended.stderr
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_where_nobody_listens_that_is_said_in_a_line(tmp_path: Path, command: str) -> None:
    code, line = said(tmp_path, command, NOBODY)
    assert code == ExitCode.NOT_REACHED
    assert "refused" in line or "Connect call failed" in line


@pytest.mark.parametrize("command", ["migrate", "admin reset-password"])
def test_a_wrong_password_is_said_in_a_line(
    tmp_path: Path, database_url: str, command: str
) -> None:
    url = make_url(database_url).set(password="secret").render_as_string(hide_password=False)
    _, line = said(tmp_path, command, url)
    assert "password authentication failed" in line


@pytest.mark.parametrize("url", ["nonsense", "mysql://somebody:secret@127.0.0.1/dml"])
def test_an_address_that_is_none_is_said_with_one_that_is(tmp_path: Path, url: str) -> None:
    code, line = said(tmp_path, "migrate", url)
    assert code == ExitCode.NOT_DONE
    assert "postgresql://USER:PASSWORD@HOST/DATABASE" in line


def test_an_address_of_no_valkey_is_said_with_one_that_is(
    tmp_path: Path, database_url: str
) -> None:
    code, line = said(tmp_path, "server", database_url, DML_REDIS_URL="secret-nonsense")
    assert code == ExitCode.NOT_DONE
    assert "redis://HOST:6379" in line
