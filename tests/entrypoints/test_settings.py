"""`dml settings`, and a variable that nothing reads."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

from dml.core.settings import Settings
from dml.entrypoints import settings_page
from dml.entrypoints.cli.settings_shown import Form, settings_of, shown
from dml.entrypoints.settings_read import read, require_known
from dml.entrypoints.supervisor.up import make_plan
from dml.refused import Refused

PASSWORD = "hush-hush"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "settings.md"


def some(**changes: Any) -> Settings:
    url = SecretStr(f"postgresql://me:{PASSWORD}@db/market")
    return Settings(database_url=url, min_owners=7, **changes)


def test_no_secret_is_shown_in_any_form() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(shown(some(), Form.TABLE))
    for text in (captured.get(), str(shown(some(), Form.JSON)), str(shown(some(), Form.ENV))):
        assert PASSWORD not in text
        assert "DML_MIN_OWNERS" in text


def test_what_differs_comes_first() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(shown(some(), Form.TABLE))
    first, _, others = captured.get().partition("All others:")
    assert "DML_MIN_OWNERS" in first
    assert "DML_DATABASE_URL" in first
    assert "DML_MIN_OWNERS" not in others
    told = {it["variable"]: it for it in json.loads(str(shown(some(), Form.JSON)))}
    assert (told["DML_MIN_OWNERS"]["value"], told["DML_MIN_OWNERS"]["differs"]) == ("7", True)
    assert {it.variable for it in settings_of(some()) if it.differs} == {
        "DML_MIN_OWNERS",
        "DML_DATABASE_URL",
    }


def test_the_template_is_read_by_a_shell_and_sets_what_differs() -> None:
    text = str(shown(some(), Form.ENV))
    script = f"set -a\n{text}\nenv"
    ended = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    set_here = [it for it in ended.stdout.splitlines() if it.startswith("DML_")]
    assert set_here == ["DML_MIN_OWNERS=7"]


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("DML_MIN_OWNER", "do you mean DML_MIN_OWNERS?"),
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


def test_the_page_of_settings_is_current() -> None:
    assert PAGE.read_text() == settings_page.written(), "run `make openapi`"


def test_the_page_has_each_setting_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DML_MIN_OWNERS", "7")  # It tells what is so everywhere.
    page = settings_page.written()
    assert page == PAGE.read_text()
    for name in Settings.model_fields:
        assert page.count(f"| `DML_{name.upper()}` |") == 1


def test_secrets_may_be_files_and_the_environment_counts_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dml_database_url").write_text("postgresql://me:from-a-file@db/market\n")
    (tmp_path / "DML_METRICS_TOKEN").write_text("a token of sixteen or more")
    (tmp_path / "something_else").write_text("of nobody here")
    monkeypatch.setenv("DML_SECRETS_DIR", str(tmp_path))
    read_here = read()
    assert read_here.database_url is not None
    assert read_here.database_url.get_secret_value() == "postgresql://me:from-a-file@db/market"
    assert read_here.metrics_token is not None
    monkeypatch.setenv("DML_DATABASE_URL", "postgresql://me:from-a-variable@db/market")
    told = read().database_url
    assert told is not None
    assert "from-a-variable" in told.get_secret_value()


def test_a_folder_of_secrets_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DML_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(Refused, match="nowhere, which is no folder"):
        read()
    (tmp_path / "dml_databse_url").write_text("postgresql://me@db/market")
    monkeypatch.setenv("DML_SECRETS_DIR", str(tmp_path))
    with pytest.raises(Refused, match="do you mean DML_DATABASE_URL"):
        read()


def test_a_payout_key_among_the_files_is_given_to_who_pays_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dml_payout_key").write_text("11" * 32)
    monkeypatch.setenv("DML_SECRETS_DIR", str(tmp_path))
    plan = make_plan(read().model_copy(update={"chain_url": SecretStr("https://node.example")}))
    for pays in (False, True):
        variables = plan.environment(8000, "postgresql://", "redis://", pays=pays)
        with monkeypatch.context() as child:
            for name, value in variables.items():
                child.setenv(name, value)
            key = Settings().payout_key
        assert (key is not None and key.get_secret_value() == "11" * 32) is pays
