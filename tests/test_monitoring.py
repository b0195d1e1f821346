"""Alerts and dashboard: each asks of metrics that there are, by labels that they have."""

import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml

from dml.core import metrics
from dml.core.metric_kinds import Histogram

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "deploy" / "monitoring"
RULES: Final[list[dict[str, Any]]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: Final = json.loads((FOLDER / "dashboard.json").read_text())
PROMTOOL: Final = shutil.which("promtool")
_NAME: Final = re.compile(r"\bdml_\w+")
_BY: Final = re.compile(r"\bby \(([^)]*)\)")
_SELECTED: Final = re.compile(r"(\w+)(?:=~|!~|!=|=)\"")


def known() -> dict[str, set[str]]:
    """Each series that `/metrics` has, with its labels."""
    found = dict[str, set[str]]()
    for it in metrics.everything():
        if isinstance(it, Histogram):
            found[f"{it.name}_bucket"] = {*it.labels, "le"}
            found[f"{it.name}_sum"] = found[f"{it.name}_count"] = set(it.labels)
        else:
            found[it.name] = set(it.labels)
    return found


def asked() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for number, target in enumerate(panel.get("targets", ())):
            yield f"{panel['title']}-{number}", target["expr"]


ASKED: Final = list(asked())


@pytest.mark.parametrize(("name", "expression"), ASKED, ids=[name for name, _ in ASKED])
def test_an_expression_asks_of_what_there_is(name: str, expression: str) -> None:
    series, named = known(), _NAME.findall(expression)
    assert named
    assert set(named) <= series.keys(), name
    labels = set.union(*(series[it] for it in named))
    for group in _BY.findall(expression):
        assert {it.strip() for it in group.split(",")} <= labels, name
    assert set(_SELECTED.findall(expression)) <= labels, name
    promql_parser.parse(expression.replace("$__rate_interval", "5m"))  # Or ValueError.


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    named = {rule["annotations"]["runbook"] for rule in RULES}
    pages = {f"docs/runbooks/{it.name}" for it in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert named == pages
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "ticket"}


def test_each_alert_is_tested_to_fire_and_to_be_silent() -> None:
    """Where this fails: add what makes a new rule fire to alerts.test.yml, and what does not."""
    tested = [
        (its["alertname"], bool(its["exp_alerts"]))
        for it in yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]
        for its in it["alert_rule_test"]
    ]
    assert {(rule["alert"], fires) for rule in RULES for fires in (True, False)} == set(tested)


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not there: it comes with Prometheus")
def test_alerts_fire_when_they_shall() -> None:
    assert PROMTOOL
    ended = subprocess.run(
        [PROMTOOL, "test", "rules", "alerts.test.yml"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_counters_are_asked_for_their_rate_and_gauges_are_not() -> None:
    kinds = {it.name: it.kind for it in metrics.everything()}
    for name, expression in ASKED:
        for metric in _NAME.findall(expression):
            is_rated = re.search(rf"(rate|increase)\({metric}", expression) is not None
            assert is_rated == (kinds.get(metric) != "gauge"), f"{name}: {metric}"


def test_the_dashboard_is_made_of_its_source() -> None:
    made = runpy.run_path(str(FOLDER / "dashboard.py"))["dashboard"]()
    assert made == DASHBOARD, "run `python deploy/monitoring/dashboard.py`"
