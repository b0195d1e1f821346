"""`dml bounty` where something is wrong around it: one line and an exit code, never a traceback."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dml.entrypoints.bounty.commands import bounty
from dml.refused import ExitCode, Refused
from tests.agent.market import ROOT, Ended
from tests.client.test_http import web

# Nobody is signed in, and nothing answers where nobody says otherwise.
ALONE = {
    "PYTHONPATH": str(ROOT / "src"),
    "COLUMNS": "200",
    "XDG_CONFIG_HOME": "/nowhere",
    "DML_SERVER": "http://127.0.0.1:1",
}
ID = "01a2232c-81ef-725d-a77a-7eef32e2df78"


async def dml(*arguments: str | bytes, feed: bytes = b"", **environment: str) -> Ended:
    """Run `dml` in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dml.entrypoints.cli", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **ALONE} | environment,
    )
    out, err = await process.communicate(feed)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def the_line(ended: Ended, code: int = 1) -> str:
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    assert ended.err.startswith("dml: "), ended
    assert ended.err.count("\n") == 1, ended
    return ended.err.removeprefix("dml: ").strip()


@pytest.mark.parametrize(
    "body", [b"<html>sign in</html>", b"{}", b"[]", b"null", b'"a"', b"7", b"", b"\xff\xfe"]
)
@pytest.mark.parametrize("verb", ["board", "verify", "export", "enroll"])
def test_what_is_no_marketplace_is_said_in_one_line(verb: str, body: bytes) -> None:
    with web(body) as url:
        typed = [verb, ID, "--server", url]
        ended = CliRunner().invoke(bounty, typed, env={"DML_TOKEN": "t"})
    assert isinstance(ended.exception, Refused), ended
    assert url in str(ended.exception)
    assert "\n" not in str(ended.exception)


async def test_a_full_evidence_of_nonsense_is_said_in_one_line() -> None:
    nonsense = (
        b'{"metric": "accuracy.v1", "salt": "xyz", "test_set": [], "entries": {}, "items": 3, '
        b'"part": "final", "name": "[/red]\\u001b[2J", "state": [], "commitment": null}'
    )
    with web(nonsense) as url:
        for verb in ("board", "verify"):
            the_line(await dml("bounty", verb, ID, "--server", url))


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"SSL_CERT_FILE": "/nowhere.pem", "DML_SERVER": "https://127.0.0.1:1"}, 1),
        ({"ALL_PROXY": "http://u:hush@127.0.0.1:abc"}, 1),
        ({"ALL_PROXY": "socks5://127.0.0.1:1"}, ExitCode.NOT_REACHED),
        ({"DML_TOKEN": "hush\n."}, 1),
        ({"DML_SERVER": "http://[::1"}, 1),
        ({"DML_SERVER": "http://127.0.0.1:1"}, ExitCode.NOT_REACHED),
    ],
)
async def test_what_the_environment_has_wrong_is_named(
    environment: dict[str, str], code: int
) -> None:
    ended = await dml("bounty", "export", ID, feed=b"", **{"DML_TOKEN": "t"} | environment)
    said = the_line(ended, code)
    assert "hush" not in said
    name = next(iter(environment))
    assert name in said or environment[name] in said


async def test_a_bounty_that_is_none_stays_where_bounties_are() -> None:
    with web(b'{"items": [], "next_cursor": null}') as url:
        for id in ("..", ".", ""):
            said = the_line(await dml("bounty", "board", id, "--server", url))
            assert "no bounty is called" in said or "which bounty?" in said


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
async def test_a_terminal_of_few_letters_ends_no_command(encoding: str) -> None:
    board = '{"name": "Blüten [/x] 🌸", "state": "open", "part": "public", "items": []}'
    with web(board.encode()) as url:
        ended = await dml("bounty", "board", ID, "--server", url, PYTHONIOENCODING=encoding)
    assert (ended.code, ended.err) == (0, ""), ended
    assert "[/x]" in ended.out
    assert (await dml("settings", PYTHONIOENCODING=encoding)).code == 0


async def test_files_of_any_name_and_pipes_are_handed_in(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/pr\xe9d.csv"
    await asyncio.to_thread(Path(os.fsdecode(odd)).write_text, "id,prediction\n")
    answer = (
        b'{"state": "valid", "id": "x", "refusals": [], "end_reason": null, "shown_score": null, '
        b'"limits": {"today": {"remaining": 1}, "total": {"remaining": 2}}}'
    )
    with web(answer) as url:
        where = ("--server", url, "--dry-run")
        for file in (odd, b"/dev/stdin"):
            ended = await dml("bounty", "submit", ID, file, *where, feed=b"id\n1\n", DML_TOKEN="t")
            assert (ended.code, ended.out) == (0, "valid; left today: 1, in all: 2\n"), ended
        missing = await dml("bounty", "submit", ID, odd + b"x", *where, DML_TOKEN="t")
        assert the_line(missing).startswith("cannot read")


async def test_an_output_that_nobody_takes_is_one_line_or_none() -> None:
    with web(b'{"name": "a", "state": "open", "part": "public", "items": []}') as url:
        command = f"{sys.executable} -m dml.entrypoints.cli bounty board {ID} --server {url}"
        for end in (" | true", " > /dev/full", " >&-"):
            process = await asyncio.create_subprocess_shell(
                command + end,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
            _, err = await process.communicate()
            assert err.count(b"\n") <= 1, err
            assert b"Traceback" not in err
