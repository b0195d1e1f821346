"""`dml settings`, and a variable that nothing reads."""

import json
import subprocess
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

from dml.core.settings import Settings
from dml.entrypoints.cli.settings_shown import Form, settings_of, shown
from dml.entrypoints.settings_read import read, require_known
from dml.refused import Refused

PASSWORD = "hush-hush"


def some(**changes: Any) -> Settings:
    url = SecretStr(f"postgresql://me:{PASSWORD}@db/market")
    return Settings(database_url=url, min_devices=7, **changes)


def test_no_secret_is_shown_in_any_form() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(shown(some(), Form.TABLE))
    for text in (captured.get(), str(shown(some(), Form.JSON)), str(shown(some(), Form.ENV))):
        assert PASSWORD not in text
        assert "DML_MIN_DEVICES" in text


def test_what_differs_comes_first() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(shown(some(), Form.TABLE))
    first, _, others = captured.get().partition("All others:")
    assert "DML_MIN_DEVICES" in first
    assert "DML_DATABASE_URL" in first
    assert "DML_MIN_DEVICES" not in others
    told = {it["variable"]: it for it in json.loads(str(shown(some(), Form.JSON)))}
    assert (told["DML_MIN_DEVICES"]["value"], told["DML_MIN_DEVICES"]["differs"]) == ("7", True)
    assert {it.variable for it in settings_of(some()) if it.differs} == {
        "DML_MIN_DEVICES",
        "DML_DATABASE_URL",
    }


def test_the_template_is_read_by_a_shell_and_sets_what_differs() -> None:
    text = str(shown(some(), Form.ENV))
    script = f"set -a\n{text}\nenv"
    ended = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    set_here = [it for it in ended.stdout.splitlines() if it.startswith("DML_")]
    assert set_here == ["DML_MIN_DEVICES=7"]


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("DML_MIN_DEVICE", "do you mean DML_MIN_DEVICES?"),
        ("dml_plattform_fee_bps", "do you mean DML_PLATFORM_FEE_BPS?"),
        ("DML_UNHEARD_OF_THING", "`dml settings` shows all there are"),
    ],
)
def test_a_variable_that_nothing_reads_is_named(variable: str, said: str) -> None:
    with pytest.raises(Refused, match="is no setting") as refused:
        require_known({variable: "1"})
    assert said in str(refused.value)
    assert variable in str(refused.value)


def test_all_that_is_read_is_known() -> None:
    require_known({f"DML_{name.upper()}": "" for name in Settings.model_fields})
    require_known({"DML_SERVER": "", "dml_home": "", "PATH": ""})


def test_what_needs_two_admins_is_looked_at_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DML_SECOND_ADMIN_ABOVE", "5000")
    with pytest.raises(Refused, match="DML_SECOND_ADMIN_ABOVE is below"):
        read()
    monkeypatch.setenv("DML_WITHDRAWAL_REVIEW_ABOVE", "5000")
    assert read().second_admin_above == read().withdrawal_review_above
