"""OpenAPI tells each problem with its facts, each version, and an example of every body.

That answers are as described is held by `tests.world.Described`, in all tests.
"""

import csv
from datetime import datetime
from typing import Any, Final

import pytest
from fastapi import FastAPI

from dml.core.errors import Conflict, all_refusals, facts_of
from dml.core.money import AmountText
from dml.edge.descriptions import facts_schema, name_of, sample_of, schema_of
from dml.inference import spec
from dml.jobs.models import JobState
from tests.edge.walking import resolve

MEMBERS: Final = {"type", "title", "status", "detail", "code", "reason", "remedy", "pointer"}


class Full(Conflict):
    code = "edge.full"
    reason = "It is full."
    remedy = "Wait."
    most: int
    since: datetime | None = None


def test_a_refusal_carries_the_facts_that_it_declares() -> None:
    assert facts_of(Full) == {"most": int, "since": datetime | None}
    assert Full(most=1).facts == {"most": 1}
    told: dict[str, Any]
    for told in ({}, {"since": None}, {"most": 1, "more": 2}):
        with pytest.raises(AssertionError, match="does not declare"):
            Full(**told)


def test_the_schemas_of_facts() -> None:
    assert schema_of(JobState)["enum"] == [it.value for it in JobState]
    assert schema_of(datetime | None)["anyOf"][1] == {"type": "null"}
    assert sample_of(schema_of(AmountText)) == "12.5"
    assert sample_of(schema_of(datetime | None)).endswith("Z")


def test_no_fact_is_called_as_a_member_of_every_problem_is() -> None:
    for refusal in all_refusals():
        if refusal.__module__.startswith("dml."):
            assert not MEMBERS & facts_of(refusal).keys(), refusal.code
            assert facts_schema(refusal).keys() == facts_of(refusal).keys() - {"errors"}


def problems_of(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (status, told["content"]["application/problem+json"])
        for status, told in operation["responses"].items()
        if "application/problem+json" in told.get("content", {})
    ]


def test_each_problem_of_each_operation_names_its_facts_and_shows_them(app: FastAPI) -> None:
    whole, known = app.openapi(), {it.code: it for it in all_refusals()}
    shown = set()
    for operations in whole["paths"].values():
        for operation in operations.values():
            for _, content in problems_of(operation):
                schema = content["schema"]
                named = {it["$ref"].rpartition("/")[2] for it in schema.get("oneOf", [schema])}
                assert named, operation["operationId"]
                for code, example in content.get("examples", {}).items():
                    assert name_of(code) in named
                    own = whole["components"]["schemas"][name_of(code)]["allOf"][1]
                    facts = facts_of(known[code]).keys()
                    assert facts <= own["properties"].keys() | {"errors"}, code
                    assert facts - {"errors"} <= example["value"].keys(), code
                    shown |= {(code, it) for it in facts}
    assert len(shown) > 100
    assert ("payments.insufficient_funds", "missing") in shown


def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    whole = app.openapi()

    def walk(it: Any) -> None:
        if isinstance(it, dict):
            if "$ref" in it:
                assert it["$ref"].rpartition("/")[2] in whole["components"]["schemas"], it
            for inner in it.values():
                walk(inner)
        elif isinstance(it, list):
            for inner in it:
                walk(inner)

    walk(whole)


def test_every_read_says_what_its_version_is_and_files_that_parts_may_be_had(app: FastAPI) -> None:
    parts, exports = set(), set()
    for path, operations in app.openapi()["paths"].items():
        it = operations.get("get")
        if it is None or not path.startswith("/v1/"):
            continue
        if "200" not in it["responses"]:  # It sends a browser on.
            continue
        if "text/event-stream" in it["responses"]["200"]["content"]:
            continue
        asked = {one["name"] for one in it.get("parameters", [])}
        assert "ETag" in it["responses"]["200"]["headers"], path
        assert "ETag" in it["responses"]["304"]["headers"], path
        assert "If-None-Match" in asked, path
        assert ("206" in it["responses"]) == ("Range" in asked) == ("416" in it["responses"])
        parts |= {path} if "Range" in asked else set()
        if "cannot be requested" in it["responses"]["200"]["headers"]["ETag"]["description"]:
            exports.add(path)
    assert len(parts) == 8, parts
    assert exports == {"/v1/payments/statement.csv", "/v1/bounties/{bounty_id}/leaderboard.csv"}


def bodies(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    """Each body that an operation takes: its path, its type, and what is told of it."""
    return [
        (path, kind, content)
        for path, operations in app.openapi()["paths"].items()
        for operation in operations.values()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
    ]


def test_every_body_has_an_example_files_and_forms_too(app: FastAPI) -> None:
    kinds = set()
    for path, kind, content in bodies(app):
        kinds.add(kind)
        schema = resolve(app.openapi(), content["schema"])
        assert content.get("example") or schema.get("examples"), (path, kind)
    assert {"multipart/form-data", "text/csv", "application/onnx"} < kinds


def test_the_example_of_a_form_is_good(app: FastAPI) -> None:
    forms = [it for it in bodies(app) if it[1] == "multipart/form-data"]
    for path, _, content in forms:
        assert content["example"].keys() == set(content["schema"]["required"]), path
        assert spec.read(content["example"]["input_spec"]).channels == 3
    assert len(forms) == 1


def test_the_examples_of_tables_have_the_columns_that_are_asked_for(app: FastAPI) -> None:
    for path, kind, content in bodies(app):
        if kind == "text/csv":
            columns = {"submissions": {"id", "prediction"}, "test-set": {"id", "target"}}
            head = next(csv.reader(content["example"].splitlines()))
            assert columns[path.rpartition("/")[2]] <= set(head)
