"""Whatever REST does, the graph does: or it is said why not."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from dml.edge.graphql.answering import Answering
from dml.edge.graphql.fields import Asks, name_of_mutation
from dml.edge.graphql.operations import operations_of
from dml.entrypoints import domains
from dml.entrypoints.cli.describe import app_without_database


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    with app_without_database() as made:
        yield made


@pytest.fixture(scope="module")
def graph(app: FastAPI) -> Answering:
    made: Answering = app.state.graph.make()
    return made


def fields(graph: Answering) -> dict[str, set[str]]:
    """Return by which fields each operation is asked, walking the whole schema."""
    found: dict[str, set[str]] = {}
    for name, kind in graph.core.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            asks = getattr(field, "extensions", {}).get("strawberry-definition")
            if isinstance(asks, Asks):
                found.setdefault(asks.operation.id, set()).add(f"{name}.{field_name}")
    return found


def test_each_operation_has_a_field_or_a_reason(app: FastAPI, graph: Answering) -> None:
    """Where this fails: add a `Read` to the domain's `graphql.py`, or a reason to its `without`."""
    reasons = {name: it for one in domains.load_graphs() for name, it in one.without.items()}
    found, operations = fields(graph), operations_of(app)
    assert len(operations) > 100
    assert found.keys() | reasons.keys() == operations.keys()
    assert not found.keys() & reasons.keys()
    assert all(it.endswith(".") for it in reasons.values())


def test_what_changes_something_is_a_mutation_of_its_name(app: FastAPI, graph: Answering) -> None:
    for operation_id, names in fields(graph).items():
        changes = operations_of(app)[operation_id].method != "GET"
        if changes:
            assert names == {f"Mutation.{name_of_mutation(operation_id)}"}
        else:
            assert not [it for it in names if it.startswith("Mutation.")]


def test_nothing_is_without_a_field_that_has_a_plain_answer(app: FastAPI) -> None:
    """The reasons hold: what is left out is a file, a stream, a page, or for devices alone."""
    operations = operations_of(app)
    for graph in domains.load_graphs():
        for operation_id, reason in graph.without.items():
            it = operations[operation_id]
            if reason.startswith(("A file", "A stream", "An image", "A page")):
                takes_file = it.method != "GET" and it.body is None
                assert it.answer is None or takes_file, operation_id
