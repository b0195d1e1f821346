"""`dml sim` at the command line: what it refuses to begin. What it does is in tests/sim."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from dml.core.settings import Settings
from dml.entrypoints.cli import sim
from dml.refused import Refused
from dml.sim.simulation import Scenario

SCENARIO = Scenario(addresses=[("127.0.0.1", 1)], devices=1, owners=1)


def begin(settings: Settings, scenario: Scenario = SCENARIO, *, yes: bool = False) -> int:
    return sim.run(settings, scenario, yes=yes, as_json=True, picture=None)


def test_a_database_that_dml_up_did_not_make_needs_a_yes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=SecretStr("postgresql://localhost/production"))
    with pytest.raises(Refused, match="--yes"):
        begin(settings)
    with pytest.raises(Refused, match=r"keys\.json"):
        begin(settings, yes=True)


def test_keys_are_never_made_up(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="own keys"):
        begin(Settings(home=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_marketplace_that_does_not_run_is_not_filled(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "keys.json").write_text("{}")
    with pytest.raises(Refused, match=r"nobody answers at 127\.0\.0\.1:1 .*dml up"):
        begin(settings)


def test_answers_that_no_job_may_have_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    settings = Settings(home=tmp_path, exact_answers="nobody")
    with pytest.raises(Refused, match="no exact answers"):
        begin(settings)
    with pytest.raises(Refused, match="above 8 here"):
        begin(settings, replace(SCENARIO, epsilon=9.0))
    with pytest.raises(Refused, match="nobody answers"):
        begin(settings, replace(SCENARIO, epsilon=8.0))


def test_addresses_are_those_that_were_said_or_this_homes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, port=8123)
    assert sim.read_addresses(settings, []) == [("127.0.0.1", 8123)]
    assert sim.read_addresses(settings, ["http://[::1]:81", "http://api.example.org"]) == [
        ("::1", 81),
        ("api.example.org", 80),
    ]
    for wrong in ("https://api.example.org", "api.example.org:80", "http://api.example.org/v1"):
        with pytest.raises(Refused, match="http://host:port"):
            sim.read_addresses(settings, [wrong])
