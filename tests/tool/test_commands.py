"""What every command of `dml` has: help, JSON for scripts, exit codes, and completion."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from dml.entrypoints.cli.main import app
from dml.refused import MEANINGS, ExitCode

ROOT: Final = Path(__file__).resolve().parents[2]
DML: Final = (sys.executable, "-m", "dml.entrypoints.cli")
SECONDS: Final = 60
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
BY_HAND: Final = "an operator's repair: it asks, and says what it did"
RUNS: Final = "a server's process: its log is JSON, and it ends when it is stopped"
STARTS: Final = "an operator at the machine: the exit code says whether it is done"
WITHOUT_JSON: Final = {
    "up": RUNS,
    "server": RUNS,
    "worker": RUNS,
    "chain run": RUNS,
    "down": STARTS,
    "restart": STARTS,
    "migrate": STARTS,
    "openapi": "prints JSON, and nothing else",
    "graphql": "prints the schema, in GraphQL's own language",
    "bounty export": "writes the YAML that `bounty create` reads",
    "chain faucet": "waits, and says what it gave; `balance --json` says what there is",
    "chain book-payout": BY_HAND,
    "chain give-up-nonce": BY_HAND,
    "chain accept-history": BY_HAND,
}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, with its words."""
    for name, it in group.commands.items():
        if hasattr(it, "commands"):
            yield from commands(it, (*path, name))
        else:
            yield " ".join((*path, name)), it


ALL: Final = dict(commands(typer.main.get_command(app)))


def test_each_command_prints_json_or_has_a_reason_not_to() -> None:
    assert len(ALL) > 60
    without = {
        name for name, it in ALL.items() if not any("--json" in option.opts for option in it.params)
    }
    assert without == WITHOUT_JSON.keys()


@pytest.mark.parametrize("name", ALL)
def test_each_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(app, [*name.split(), "-h"])
    assert shown.exit_code == ExitCode.DONE, shown.output
    assert f"Usage: root {name}" in shown.output or f"dml {name}" in shown.output
    for option in ALL[name].params:
        assert option.help, f"{name}: {option.opts} says nothing"


def test_an_option_that_there_is_not_is_wrong_usage() -> None:
    for name in ALL:
        assert CliRunner().invoke(app, [*name.split(), "--none"]).exit_code == ExitCode.WRONG_USAGE


def test_the_exit_codes_are_shown_where_people_look() -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    guide = (ROOT / "docs" / "guides" / "api.md").read_text()
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", guide, re.MULTILINE))
    assert rows == {str(int(code)): meaning for code, meaning in MEANINGS.items()}
    for code, meaning in MEANINGS.items():
        assert f"{int(code)}: {meaning}" in shown


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DML, *arguments],
        env=ENVIRONMENT | more,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_who_is_not_reached_is_told_apart_from_who_refuses() -> None:
    nobody = ("--server", "http://127.0.0.1:9")
    away = run("balance", *nobody, DML_TOKEN="a.b.c")
    assert (away.returncode, away.stdout) == (ExitCode.NOT_REACHED, "")
    assert away.stderr.startswith("dml: http://127.0.0.1:9 can't be reached")
    assert away.stderr.count("\n") == 1
    stranger = run("balance", *nobody)
    assert (stranger.returncode, stranger.stderr.count("\n")) == (ExitCode.NOT_DONE, 1)
    assert "dml login" in stranger.stderr


def test_who_is_interrupted_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        waiting = subprocess.Popen(
            [*DML, "balance", "--server", address],
            env=ENVIRONMENT | {"DML_TOKEN": "a.b.c"},
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(SECONDS)
        asking, _ = silent.accept()
        with asking:
            waiting.send_signal(signal.SIGINT)
            _, said = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("typed", "offered"), [("dml jo", {"job"}), ("dml job w", {"watch"}), ("dml bounty s", None)]
)
def test_a_shell_completes_what_was_begun(typed: str, offered: set[str] | None) -> None:
    words = typed.split()
    completed = subprocess.run(
        [str(Path(sys.executable).with_name("dml"))],
        env=ENVIRONMENT
        | {
            "_DML_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    found = set(completed.stdout.split())
    assert found == (offered or {"submit", "show", "submissions", "start"})


def test_completion_can_be_installed() -> None:
    dml = Path(sys.executable).with_name("dml")
    # It asks which shell runs it; with one command alone, bash would be that command.
    shown = subprocess.run(
        ["/bin/bash", "-c", f"{dml} --show-completion && true"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert "_DML_COMPLETE=complete_bash" in shown.stdout
