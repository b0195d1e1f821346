"""A query is read, and held to limits that no honest one meets, before anything of it is run.

What was found of a query is kept for the next time: to read and check one takes longer than to
answer it. Mutations are not kept: somebody may have written a password into one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    validate,
)

from dml.edge.graphql.costs import Costs
from dml.edge.graphql.refusals import QueryTooCostly, QueryTooLarge

LENGTH_MAX: Final = 20_000  # Characters of a query.
TOKENS_MAX: Final = 2_000
COMMENTS_MAX: Final = 200
DEPTH_MAX: Final = 16  # The query by which tools read the schema has 15.
ALIASES_MAX: Final = 30
SAME_MAX: Final = 2  # Fields of one name in one place: validation compares each with each.
FRAGMENTS_MAX: Final = 40  # Of a document, and spread in one place: as for fields.
ERRORS_MAX: Final = 20
POINTS_MAX: Final = 10_000  # Of one query.
SCHEMA_VALUES: Final = 50  # For a point: to tell the schema takes no database, and once is enough.
KEPT: Final = 256
PRICES_KEPT: Final = 16  # Of one query, by its variables.


@dataclass(slots=True)
class Checked:
    """A query that may be run, or what is wrong with it."""

    document: DocumentNode | None
    errors: Sequence[GraphQLError]
    points: dict[str, int] = field(default_factory=dict)

    @property
    def operations(self) -> list[OperationDefinitionNode]:
        found = self.document.definitions if self.document else ()
        return [it for it in found if isinstance(it, OperationDefinitionNode)]

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Return the one that is to be run, if that is told."""
        named = [it for it in self.operations if name in (None, it.name and it.name.value)]
        return named[0] if len(named) == 1 else None


class Checking:
    """Reads queries against one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: LRUCache[str, Checked] = LRUCache(KEPT)

    def check(self, query: str) -> Checked:
        """Read a query. Raises QueryTooLarge."""
        kept = self._kept.get(query)
        if kept is None:
            kept = self._check(query)
            if all(it.operation is not OperationType.MUTATION for it in kept.operations):
                self._kept[query] = kept
        return kept

    def is_kept(self, query: str) -> bool:
        """Whether what was found of it is there still."""
        return query in self._kept

    def _check(self, query: str) -> Checked:
        if len(query) > LENGTH_MAX:
            raise QueryTooLarge(limit="characters", most=LENGTH_MAX)
        try:
            document = parse(query, max_lexical_tokens=TOKENS_MAX, max_comments=COMMENTS_MAX)
        except GraphQLError as error:
            return Checked(None, [error])
        Sizes(document).require_small()
        return Checked(document, validate(self._schema, document, max_errors=ERRORS_MAX))

    def price(
        self, checked: Checked, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> int:
        """Return what it costs. Raises QueryTooCostly."""
        assert checked.document is not None
        used = {it.variable.name.value for it in operation.variable_definitions or ()}
        named = operation.name.value if operation.name else ""
        whole = {name: it for name, it in variables.items() if type(it) is int and name in used}
        key = f"{named} {sorted(whole.items())}"
        points = checked.points.get(key)
        if points is None:
            points = Costs(self._schema, checked.document, whole).of(operation)
            if asks_for_schema(operation):
                points = -(-points // SCHEMA_VALUES)
            if len(checked.points) < PRICES_KEPT:
                checked.points[key] = points
        if points > POINTS_MAX:
            raise QueryTooCostly(points=points, most=POINTS_MAX)
        return points


def asks_for_schema(operation: OperationDefinitionNode) -> bool:
    """Whether it asks for the schema, and nothing else."""
    selected = operation.selection_set.selections
    return all(isinstance(it, FieldNode) and it.name.value.startswith("__") for it in selected)


class Sizes:
    """How deep a document goes, and how often it says the same. Each fragment is looked at once."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = {
            it.name.value: it
            for it in document.definitions
            if isinstance(it, FragmentDefinitionNode)
        }
        self._depths: dict[str, int] = {}
        self._aliases = 0

    def require_small(self) -> None:
        if len(self._fragments) > FRAGMENTS_MAX:
            raise QueryTooLarge(limit="fragments", most=FRAGMENTS_MAX)
        for it in self._document.definitions:
            if isinstance(it, OperationDefinitionNode | FragmentDefinitionNode):
                self._measure(it.selection_set, 1, ())

    def _measure(self, selected: SelectionSetNode, depth: int, inside: tuple[str, ...]) -> int:
        """Return how deep it goes below. `inside` are the fragments that led here."""
        if depth > DEPTH_MAX:
            raise QueryTooLarge(limit="depth", most=DEPTH_MAX)
        names: Counter[str] = Counter()
        deepest = self._below(selected, depth, inside, names)
        if any(it > SAME_MAX for it in names.values()):
            raise QueryTooLarge(limit="repetitions", most=SAME_MAX)
        if sum(it for name, it in names.items() if name.startswith("...")) > FRAGMENTS_MAX:
            raise QueryTooLarge(limit="fragments", most=FRAGMENTS_MAX)
        return deepest

    def _below(
        self,
        selected: SelectionSetNode,
        depth: int,
        inside: tuple[str, ...],
        names: Counter[str],
    ) -> int:
        deepest = depth
        for it in selected.selections:
            if isinstance(it, FieldNode):
                names[(it.alias or it.name).value] += 1
                self._count_alias(it)
                if it.selection_set is not None:
                    deepest = max(deepest, self._measure(it.selection_set, depth + 1, inside))
            elif isinstance(it, InlineFragmentNode):
                self._require_shallow(depth + len(inside))
                within = (*inside, "")
                deepest = max(deepest, self._below(it.selection_set, depth, within, names))
            elif isinstance(it, FragmentSpreadNode):
                names[f"...{it.name.value}"] += 1
                deepest = max(deepest, depth - 1 + self._of_fragment(it.name.value, inside))
                self._require_shallow(deepest)
        return deepest

    def _of_fragment(self, name: str, inside: tuple[str, ...]) -> int:
        """Return how deep a fragment goes; one that leads to itself is refused by validation."""
        fragment = self._fragments.get(name)
        if fragment is None or name in inside:
            return 1
        if name not in self._depths:
            self._require_shallow(len(inside))
            aliases = self._aliases  # Each definition counts its own, wherever it is spread.
            self._depths[name] = self._measure(fragment.selection_set, 1, (*inside, name))
            self._aliases = aliases
        return self._depths[name]

    def _count_alias(self, node: FieldNode) -> None:
        self._aliases += node.alias is not None
        if self._aliases > ALIASES_MAX:
            raise QueryTooLarge(limit="aliases", most=ALIASES_MAX)

    def _require_shallow(self, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise QueryTooLarge(limit="depth", most=DEPTH_MAX)
