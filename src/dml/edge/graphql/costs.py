"""What a query costs, in points, before anything of it is run.

A point is about what one value of an answer takes. An operation counts as many as it takes itself,
and a list as often as its page may have rows. So the price of a query is at most what it may
become, whatever the data is (docs/decisions/0039).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef

from dml.core.db import PAGE_MAX
from dml.edge.graphql.fields import Asks, IsNode, Special
from dml.edge.graphql.shapes import DEFINITION

OPERATION_POINTS: Final = 50
LIST_ROWS: Final = 10  # Of lists that are no pages: most have fewer.
DEFAULT_ROWS: Final = 20
# Of the schema itself, about: types, and what a type has of each.
SCHEMA_ROWS: Final[Mapping[str, int]] = {"types": 250, "fields": 8, "inputFields": 6, "args": 2}
_ROWS_BELOW: Final = ("edges", "nodes")
_META: Final[Mapping[str, GraphQLField]] = {
    "__schema": SchemaMetaFieldDef,
    "__type": TypeMetaFieldDef,
    "__typename": TypeNameMetaFieldDef,
}


class Costs:
    """The price of the operations of one document, which was found valid."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._fragments = {
            it.name.value: it
            for it in document.definitions
            if isinstance(it, FragmentDefinitionNode)
        }
        self._variables = variables
        self._known: dict[tuple[int, str, int], int] = {}

    def of(self, operation: OperationDefinitionNode) -> int:
        """Return what an operation costs. O(its selections × the sizes of pages it names)."""
        root = self._schema.get_root_type(operation.operation)
        assert root is not None
        self._defaults = {
            it.variable.name.value: it.default_value for it in operation.variable_definitions or ()
        }
        return self._all(operation.selection_set, root, DEFAULT_ROWS)

    def _all(self, selected: SelectionSetNode, kind: GraphQLNamedType, rows: int) -> int:
        """Return what one value of this type costs, whose pages below have so many rows."""
        key = id(selected), kind.name, rows
        if key not in self._known:
            self._known[key] = sum(
                self._field(it, on, rows) for it, on in self._fields(selected, kind)
            )
        return self._known[key]

    def _fields(
        self, selected: SelectionSetNode, kind: GraphQLNamedType
    ) -> Iterator[tuple[FieldNode, GraphQLNamedType]]:
        for it in selected.selections:
            if isinstance(it, FieldNode):
                yield it, kind
            elif isinstance(it, InlineFragmentNode):
                yield from self._fields(it.selection_set, self._on(it.type_condition, kind))
            elif isinstance(it, FragmentSpreadNode):
                fragment = self._fragments[it.name.value]
                on = self._on(fragment.type_condition, kind)
                yield from self._fields(fragment.selection_set, on)

    def _on(self, condition: Any, kind: GraphQLNamedType) -> GraphQLNamedType:
        return kind if condition is None else self._schema.type_map[condition.name.value]

    def _field(self, node: FieldNode, kind: GraphQLNamedType, rows: int) -> int:
        name = node.name.value
        # A selection stands on a type with fields, which validation has made sure of.
        field: GraphQLField = _META.get(name) or kind.fields[name]  # type: ignore[attr-defined]
        special = field.extensions.get(DEFINITION)
        own = self._own(special)
        if node.selection_set is None:
            return own
        if isinstance(special, Asks) and special.is_list:
            rows = self._rows_of(node)
        times = rows if name in _ROWS_BELOW else self._times(name, field)
        return own + times * self._all(node.selection_set, get_named_type(field.type), rows)

    def _own(self, special: object) -> int:
        if isinstance(special, IsNode):
            return OPERATION_POINTS * len(special.asks)
        if isinstance(special, Asks) and special.pages is None:
            return OPERATION_POINTS
        return 2 if isinstance(special, Special) else 1

    def _times(self, name: str, field: GraphQLField) -> int:
        kind = field.type.of_type if is_non_null_type(field.type) else field.type
        return SCHEMA_ROWS.get(name, LIST_ROWS) if is_list_type(kind) else 1

    def _rows_of(self, node: FieldNode) -> int:
        """Return how many rows a page may have; what REST refuses costs as its largest."""
        for it in node.arguments or ():
            if it.name.value == "first":
                value: Any = it.value
                if isinstance(value, VariableNode):
                    name = value.name.value
                    value = self._variables.get(name, self._defaults.get(name))
                if isinstance(value, IntValueNode):
                    value = int(value.value)
                return max(1, min(value, PAGE_MAX)) if isinstance(value, int) else DEFAULT_ROWS
        return DEFAULT_ROWS
