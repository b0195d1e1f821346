"""The schema: all that the domains tell of the graph, and the operations of REST, put together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import strawberry
from pydantic import BaseModel
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from dml.edge.graphql.fields import (
    Asks,
    Follows,
    IsNode,
    LeadsTo,
    OfWhole,
    argument,
    asks,
    name_of_mutation,
)
from dml.edge.graphql.graph import Follow, Graph, Leads, Read, Whole
from dml.edge.graphql.operations import Operation
from dml.edge.graphql.pages import connection, cursor_of, is_page
from dml.edge.graphql.shapes import SCALARS, Node, Shapes, fields_of, made_field, made_type
from dml.edge.names import schema_name

ETAG: Final = "Its version, for `ifMatch`; `null` in a list and in what was not read by itself."
Source = Mapping[str, Any]


def get_value(source: Source, name: str) -> Any:
    return source.get(name)


class Making:
    """The schema while it is made."""

    def __init__(self, operations: Mapping[str, Operation], graphs: Sequence[Graph]) -> None:
        self.operations = operations
        self.graphs = graphs
        self.nodes = [it for graph in graphs for it in graph.nodes]
        wholes = [it for graph in graphs for it in graph.wholes]
        self.short = {it.short: it for it in wholes}
        gotten = {self._answer(it) for it in self.nodes}
        self.shapes = Shapes(frozenset(gotten))
        for it in wholes:
            self._merge(it)

    def make(self) -> strawberry.Schema:
        queries = [self._read(it) for graph in self.graphs for it in graph.reads if it.on is None]
        mutations = [self._mutation(it) for it in self.operations.values() if self._is_mutation(it)]
        for graph in self.graphs:
            for read in graph.reads:
                if read.on is not None:
                    self._add(read.on, self._read(read))
            for leads in graph.leads:
                self._add(leads.on, self._lead(leads))
        queries.append(self._node())
        follows = [self._follow(it) for graph in self.graphs for it in graph.follows]
        self._add_versions()
        return strawberry.Schema(
            query=made_type("Query", queries),
            mutation=made_type("Mutation", mutations) if mutations else None,
            subscription=made_type("Subscription", follows) if follows else None,
            types=[self._of(self._answer(it)) for it in self.nodes],
            config=StrawberryConfig(default_resolver=get_value, scalar_map=dict(SCALARS)),
        )

    def _answer(self, operation_id: str) -> type[BaseModel]:
        shape = self.operations[operation_id].answer
        assert shape is not None, operation_id
        return shape

    def _getter(self, shape: type[BaseModel]) -> str:
        """Return the operation that gets a thing of this shape by its id."""
        return next(it for it in self.nodes if self._answer(it) is shape)

    def _of(self, shape: type[BaseModel]) -> Any:
        return self.shapes.answer(shape)

    def _add(self, shape: type[BaseModel], made: StrawberryField) -> None:
        known = fields_of(self._of(shape))
        names = {it.python_name for it in known}
        assert made.python_name not in names, f"{shape.__name__} has {made.python_name} twice"
        known.append(made)

    def _merge(self, whole: Whole) -> None:
        """Have a thing in short be of the type that it is as a whole, and load what it lacks."""
        known = whole.short.model_fields.keys()
        beyond = [it for it in whole.whole.model_fields if it not in known]
        made = self.shapes.answer(whole.whole, without=beyond)
        for name in beyond:
            told = whole.whole.model_fields[name]
            late = OfWhole(
                python_name=name,
                type_annotation=StrawberryAnnotation(self.shapes.of(told.annotation)),
                description=told.description,
            )
            late.whole, late.instead_of = whole, self._getter(whole.whole)
            fields_of(made).append(late)
        self.shapes.out[schema_name(whole.short.__name__)] = made

    def _kind(self, operation: Operation) -> Any:
        """Return the type of what an operation answers: it may be refused, and is null then."""
        shape = operation.answer
        if shape is None:
            assert operation.is_empty, f"{operation.id} answers no JSON"
            return bool | None
        made = connection(self.shapes, shape) if is_page(shape) else self._of(shape)
        return made | None

    def _asks(self, operation: Operation, name: str, fills: Mapping[str, str]) -> Asks:
        made = asks(self.shapes, operation, name, self._kind(operation), fills=fills, of=Asks)
        shape = operation.answer
        if shape is not None and is_page(shape):
            made.is_list, made.cursor = True, cursor_of(operation)
        return made

    def _read(self, read: Read) -> StrawberryField:
        operation = self.operations[read.operation]
        fills: dict[str, str] = {}
        if read.on is not None:
            known = read.on.model_fields
            fills = {it: it if it in known else "id" for it in operation.places}
        made = self._asks(operation, read.name, fills)
        made.pages = read.pages
        return made

    def _is_mutation(self, operation: Operation) -> bool:
        left_out = any(operation.id in graph.without for graph in self.graphs)
        return operation.method != "GET" and not left_out

    def _mutation(self, operation: Operation) -> StrawberryField:
        return self._asks(operation, name_of_mutation(operation.id), {})

    def _follow(self, follow: Follow) -> StrawberryField:
        operation = self.operations[follow.operation]
        kind = self._kind(operation) if follow.of is None else self._of(follow.of) | None
        made = asks(self.shapes, operation, follow.name, kind, fills={}, of=Follows)
        shape = operation.answer
        if shape is not None and is_page(shape):
            made.is_list, made.cursor = True, cursor_of(operation)
        made.follow, made.description = follow, follow.description
        return made

    def _lead(self, leads: Leads) -> StrawberryField:
        made = LeadsTo(
            python_name=leads.name,
            type_annotation=StrawberryAnnotation(self._of(leads.to) | None),
            description=leads.description,
        )
        made.leads, made.instead_of = leads, self._getter(leads.to)
        return made

    def _node(self) -> StrawberryField:
        """Return the field that finds a thing of any kind by its id."""
        made = IsNode(
            python_name="node",
            type_annotation=StrawberryAnnotation(Node | None),
            description="Get a thing by its id, whatever it is, if you may see it.",
        )
        made.arguments = [argument("id", strawberry.ID, "The id.", strawberry.UNSET)]
        made.asks = [self._finder(self.operations[it]) for it in self.nodes]
        return made

    def _finder(self, operation: Operation) -> Asks:
        found = self._asks(operation, "node", {})
        found.node = self._of(self._answer(operation.id)).__strawberry_definition__.name
        return found

    def _add_versions(self) -> None:
        """Give what is updated with `ifMatch` the field that says its version."""
        for shape in _unique(it.answer for it in self.operations.values() if it.tells_version):
            if schema_name(shape.__name__) in self.shapes.out:
                self._add(shape, made_field("etag", str | None, ETAG))


def _unique(shapes: Iterable[type[BaseModel] | None]) -> Iterable[type[BaseModel]]:
    return dict.fromkeys(it for it in shapes if it is not None)


def make_schema(operations: Mapping[str, Operation], graphs: Sequence[Graph]) -> strawberry.Schema:
    return Making(operations, graphs).make()
