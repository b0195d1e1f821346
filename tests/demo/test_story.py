"""The real demo: a real server, real agents, real processes."""

import ast
import json
import re
import subprocess
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

import demo
from demo import __main__ as command
from demo.place import BASE, PICTURE

ROOT: Final = Path(demo.__file__).resolve().parents[1]
PNG: Final = b"\x89PNG\r\n"


def play(*arguments: str, after: str = "", signals: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the demo in a household of its own: see there."""
    wish = {"arguments": arguments, "after": after, "signals": signals}
    household = subprocess.run(
        [sys.executable, "-m", "tests.demo.household", json.dumps(wish)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert household.returncode == 0, household.stderr
    played: dict[str, Any] = json.loads(household.stdout)
    return played


def folders(played: dict[str, Any]) -> list[Path]:
    """What it left on the disk beside its picture."""
    return list(BASE.glob(f"*-{played['pid']}"))


def test_it_is_a_client_like_any_other() -> None:
    """It runs the command `dml`, and imports nothing of it."""
    for path in Path(demo.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [it.name for it in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [it for it in names if it.partition(".")[0] == "dml"], path.name


@pytest.mark.timeout(170)
def test_the_whole_story_adds_up_and_leaves_nothing_behind() -> None:
    played = play("--devices", "6", "--json")
    assert played["code"] == 0, played["err"]
    assert played["left"] == []
    assert folders(played) == []

    told = json.loads(played["out"].splitlines()[-1])
    assert told["ok"] is True
    assert told["faults"] == []
    assert told["devices"] == told["accepted"] == 6
    assert told["items"] == sum(told["truth"].values()) == told["photos"] == 899
    labelled = sum(told["totals"].values())
    # Six people seldom all have each digit: what fewer than five fed has no label or month.
    assert 600 < labelled + told["uncertain"] <= 899
    assert sum(sum(it.values()) for it in told["months"].values()) + told["undated"] <= labelled
    assert told["totals"].keys() <= told["truth"].keys()
    assert 0 < told["error_percent"] < 10
    assert told["earned"] == {"device_owners": "6", "developer": "1.5", "platform": "0.75"}
    assert Decimal(told["paid"]) == sum(map(Decimal, told["earned"].values()))
    assert (told["ledger_sum"], told["escrow_left"]) == ("0", "0")
    bounty = told["bounty"]
    assert bounty["verified"] is True
    assert (bounty["entrants"], bounty["copies_flagged"]) == (11, 1)
    assert (bounty["paid"], bounty["escrow_left"]) == ("100", "0")
    assert abs(bounty["random_gain"]) < 0.25
    chain = told["chain"]
    assert (chain["deposited"], chain["withdrawn"]) == ("141", "6")  # 30 + 100 + 11, 6 × 1
    assert Decimal(chain["vault"]) == -Decimal(chain["ledger_chain"]) == Decimal(135)
    assert 0 < chain["seconds"] < 60
    assert {"start", "train", "deposit", "devices", "bounty", "withdraw", "stop"} <= told[
        "timings"
    ].keys()
    assert 0 < told["seconds"] < 150
    assert Path(told["picture"]) == PICTURE
    assert PICTURE.read_bytes().startswith(PNG)


@pytest.mark.slow
@pytest.mark.timeout(170)
def test_ctrl_c_amidst_the_devices_work_stops_everything() -> None:
    played = play("--devices", "6", "--json", after=" of 6 results", signals=("SIGINT", "SIGINT"))
    assert played["code"] == command.INTERRUPTED, played["err"]
    assert played["left"] == []
    assert folders(played) == []
    assert json.loads(played["out"].splitlines()[-1]) == {"ok": False}


@pytest.mark.slow
@pytest.mark.timeout(170)
@pytest.mark.parametrize("after", ["A marketplace starts", "A customer asks", "The job is"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_however_it_ends_nothing_runs_on(after: str, name: str) -> None:
    played = play("--devices", "6", "--json", after=after, signals=(name,))
    assert played["left"] == []
    assert played["code"] == (-9 if name == "SIGKILL" else command.INTERRUPTED), played["err"]


@pytest.mark.parametrize("wrong", [["--devices", "4"], ["--devices", "x"], ["--seed", "-1"]])
def test_what_cannot_be_is_refused_before_anything_starts(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        command.read(wrong)
    assert refused.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.read(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(it in shown for it in ("--devices", "--seed", "--keep", "--json", "make demo"))


def test_people_may_look_around_afterwards_and_programs_leave_nothing() -> None:
    assert command.read([]).keep
    assert not command.read(["--no-keep"]).keep
    assert not command.read(["--json"]).keep
    assert command.read(["--json", "--keep"]).keep


@pytest.mark.slow
@pytest.mark.timeout(170)
def test_what_was_kept_is_ended_by_the_next_that_is_told_to() -> None:
    script = [sys.executable, "-m", "demo", "--devices", "6"]
    played = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=True)
    url = re.search(r"Look +(\S+)", played.stdout)
    assert url is not None, played.stdout
    with urllib.request.urlopen(f"{url[1]}/healthz") as answer:
        assert answer.status == 200
    subprocess.run([*script, "--stop"], cwd=ROOT, check=True)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url[1]}/healthz")
