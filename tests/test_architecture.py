"""The habits a type checker cannot see. (Import direction is in pyproject.toml: lint-imports.)"""

import ast
import json
import re
from collections.abc import Iterator
from datetime import datetime
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import Any

import grimp
import pytest
from pydantic import AfterValidator, BaseModel

from clients import generate
from dml.core.db import SCHEMA_REVISION
from dml.core.errors import DmlError, all_refusals, facts_of
from dml.core.wire import Body, Parameters, check_long_text, check_moment, check_text
from dml.edge.paging import SortedPaging
from dml.entrypoints import domains
from dml.entrypoints.cli.describe import app_without_database, graphql_schema, openapi_json

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
GENERATED = {SRC / "dml" / "client" / name for name in generate.FILES}
FILES = sorted({*SRC.rglob("*.py"), *(ROOT / "demo").rglob("*.py")} - GENERATED)
SHOWN = [str(path.relative_to(ROOT)) for path in FILES]
LINES_MAX = 400
LINES_OF_A_FUNCTION_MAX = 70
PARAMETERS_MAX = 6
PARAMETERS_OF_A_ROUTE_MAX = 7  # Transaction, server, request and response are among them.
ROUTES = sorted(SRC.rglob("*routes.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)
METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
WRITERS = {"insert", "update", "delete", "tx.add", "tx.add_all", "tx.delete"}
WRITES = re.compile(r"\b(INSERT INTO|UPDATE [a-z_]+\s+(\w+ )?SET|DELETE FROM)\b")
DOMAINS = {"accounts", "algorithms", "bounties", "devices", "jobs", "payments"}
TOLD = DOMAINS | {"chain"}  # Which speaks of HTTP's statuses and receipts', too.
BY_HAND = {
    "dml.chain.payer.operating",
    "dml.chain.indexer.rereading",
}  # Commands' own: no route meets them.
DOMAIN_FILES = [it for it in FILES if DOMAINS & set(it.relative_to(SRC.parent).parts[2:3])]


@pytest.mark.parametrize("path", FILES, ids=SHOWN)
def test_a_file_fits_in_the_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", FILES, ids=SHOWN)
def test_a_function_fits_on_a_page(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= LINES_OF_A_FUNCTION_MAX, f"{node.name} has {lines} lines"


@pytest.mark.parametrize(
    "path", sorted({*SRC.rglob("*.py")} - GENERATED), ids=lambda path: str(path.relative_to(SRC))
)
def test_what_belongs_together_is_passed_as_one_value(path: Path) -> None:
    """Commands are excepted: each of their parameters is an option."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, FUNCTIONS) and not _is_command(node):
            given = node.args
            names = [it.arg for it in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
            count = len([it for it in names if it not in ("self", "cls")])
            most = PARAMETERS_OF_A_ROUTE_MAX if _is_route(node) else PARAMETERS_MAX
            assert count <= most, f"{node.name} takes {count}"


@pytest.mark.parametrize("path", FILES, ids=SHOWN)
def test_routes_are_thin(path: Path) -> None:
    """They parse, make one call, and shape the answer: what decides is elsewhere, with a name."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, FUNCTIONS) and (path in ROUTES or _is_route(function)):
            for it in ast.walk(function):
                assert not isinstance(it, BRANCHES), f"{function.name}: {ast.unparse(it)}"
            text = ast.unparse(function)
            assert not [it for it in ("select(", "commit(", "HTTPException") if it in text]


def _is_route(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = [it.func for it in function.decorator_list if isinstance(it, ast.Call)]
    return any(isinstance(it, ast.Attribute) and it.attr in METHODS for it in calls)


def _is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = [it.func for it in function.decorator_list if isinstance(it, ast.Call)]
    return any(isinstance(it, ast.Attribute) and it.attr == "command" for it in calls)


def test_no_two_modules_need_each_other() -> None:
    graph = grimp.build_graph("dml")
    needs = {it: graph.find_modules_directly_imported_by(it) for it in graph.modules}
    TopologicalSorter(needs).prepare()  # CycleError names the modules of a cycle.


@pytest.mark.parametrize(
    "path", sorted(SRC.rglob("queries.py")), ids=lambda path: str(path.relative_to(SRC))
)
def test_queries_write_nothing(path: Path) -> None:
    """Where this fails: a use case writes rows, or a statement of `statements.py` does."""
    for it in ast.walk(ast.parse(path.read_text())):
        if isinstance(it, ast.Call):
            assert ast.unparse(it.func) not in WRITERS, ast.unparse(it)
        if isinstance(it, ast.Constant) and isinstance(it.value, str):
            assert not WRITES.search(it.value), it.value


@pytest.mark.parametrize("path", DOMAIN_FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_the_word_is_state(path: Path) -> None:
    assert not re.search(r"status(?!_code)", path.read_text(), re.IGNORECASE)


def below(shape: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for it in shape.__subclasses__():
        yield it
        yield from below(it)


def test_strings_and_moments_from_outside_are_bounded() -> None:
    domains.load_routers()
    shapes = {*below(Body), *below(Parameters)} - {SortedPaging}  # Its `sort` is narrowed below it.
    guards = {
        str: {AfterValidator(check_text), AfterValidator(check_long_text)},
        datetime: {AfterValidator(check_moment)},
    }
    unbounded = [
        (shape.__name__, name)
        for shape in shapes
        for name, field in shape.model_fields.items()
        for kind, guarding in guards.items()
        if kind is field.annotation and not any(it in guarding for it in field.metadata)
    ]
    assert len(shapes) > 30
    assert not unbounded


def test_every_refusal_has_a_reason_and_a_remedy() -> None:
    for error in all_refusals():
        assert error.reason.endswith("."), error
        assert error.remedy.endswith((".", "`.")), error


def test_error_codes_are_unique_and_say_their_domain() -> None:
    ours = [error for error in all_refusals() if error.__module__.startswith("dml.")]
    codes = [error.code for error in ours]
    assert len(codes) == len(set(codes))
    for error in ours:
        assert error.code.split(".")[0] == error.__module__.split(".")[1]


def test_every_refusal_of_a_domain_is_told_by_some_route() -> None:
    """OpenAPI names each code that a client may meet."""
    with app_without_database() as app:
        told = json.dumps(app.openapi())
    for error in all_refusals():
        ours = error.__module__.startswith("dml.") and error.__module__ not in BY_HAND
        if ours and error.__module__.split(".")[1] in TOLD:
            assert f'"{error.code}"' in told, error


def test_the_description_in_the_repository_is_current() -> None:
    written = (ROOT / "docs" / "api" / "openapi.json").read_text()
    assert written == openapi_json(), "run `make openapi`"


def test_the_schema_in_the_repository_is_current() -> None:
    written = (ROOT / "docs" / "api" / "schema.graphql").read_text()
    assert written == graphql_schema(), "run `make openapi`"


def test_the_typed_client_is_made_of_the_description() -> None:
    assert generate.not_current() == [], "run `make openapi`"


def test_the_code_and_the_migrations_name_the_same_revision() -> None:
    revisions = [path.name.split("_")[0] for path in (ROOT / "migrations/versions").glob("*.py")]
    assert max(revisions) == SCHEMA_REVISION


LAW_FILES = [*DOMAIN_FILES, *sorted((SRC / "dml" / "chain").rglob("*.py"))]
WRITES_A_STATE = re.compile(r"\bSET\b(?:(?!\bWHERE\b)[\s\S])*?\bstate = ")


@pytest.mark.parametrize("path", LAW_FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_state_changes_by_its_table_of_moves_alone(path: Path) -> None:
    """Where this fails: `MOVES.move(…)` changes a row, `MOVES.writes(…)` says what SQL does."""
    tree = ast.parse(path.read_text())
    named = {id(it) for call in _calls(tree, "writes") for it in ast.walk(call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            assigned = [it.attr for it in targets if isinstance(it, ast.Attribute)]
            assert "state" not in assigned, ast.unparse(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in named:
            assert not WRITES_A_STATE.search(node.value), node.value
    for call in _calls(tree, "values"):
        for keyword in call.keywords:
            assert keyword.arg != "state" or _calls(keyword.value, "writes"), ast.unparse(call)


def _calls(tree: ast.AST, method: str) -> list[ast.Call]:
    return [
        it
        for it in ast.walk(tree)
        if isinstance(it, ast.Call)
        and isinstance(it.func, ast.Attribute)
        and it.func.attr == method
    ]


@pytest.mark.parametrize("path", LAW_FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_refusal_is_made_with_the_facts_that_it_declares(path: Path) -> None:
    """Where this fails: declare the fact, with its type, in the class. (mypy sees some of it.)"""
    module = import_module(".".join(path.relative_to(SRC).with_suffix("").parts))
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute):
            made: Any = module
            for name in ast.unparse(call.func).split("."):
                made = getattr(made, name, None)
            if isinstance(made, type) and issubclass(made, DmlError):
                told = {it.arg for it in call.keywords if it.arg}
                assert told <= facts_of(made).keys(), ast.unparse(call)
