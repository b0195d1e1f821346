"""Runs a query, and reads values that are JSON already without a call for each.

Nearly all fields of an answer are values of what an operation or a loader answered. graphql-core
calls a resolver for each, and completes what it returns step by step, which took some 7 µs a field;
here the values of one selection are copied in one go, in the same order, and the rest is left to it
(docs/decisions/0038). So is what the things of a list lead to, as it is loaded before that list is
answered. What is not as its type says goes the long way, which knows how to refuse it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLEnumType,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.executor import Executor
from graphql.pyutils import Path
from strawberry.types.field import StrawberryField

from dml.edge.graphql.fields import LeadsTo
from dml.edge.graphql.shapes import DEFINITION

Read: TypeAlias = Callable[[Any], Any]
_LONG: Final = object()  # What a read returns whose value has to go the long way.
_INT_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a selection is answered: what is read by name, and the fields that are more than that."""

    selected: dict[str, Any]  # Held, so that no other selection gets its id meanwhile.
    reads: tuple[tuple[str, Read], ...]
    rest: dict[str, Any]


class JsonExecutor(Executor[Any]):
    """graphql-core's, for sources that are JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans: dict[int, _Plan] = {}

    def build_per_event_executor(self, payload: Any) -> "JsonExecutor":
        """Answer one message of a subscription, and keep nothing of it: there is no last one."""
        made = super().build_per_event_executor(payload)
        assert isinstance(made, JsonExecutor)
        made._plans, made._relevant_sub_fields = {}, {}
        return made

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        plan = self._plan_of(parent_type, grouped_field_set)
        whole, rest = dict.fromkeys(grouped_field_set), plan.rest
        for name, read in plan.reads:
            value = read(source_value)
            if value is _LONG:
                rest = {**rest, name: grouped_field_set[name]}
            else:
                whole[name] = value
        if not rest:
            return whole
        found: Any = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if self.is_awaitable(found):
            return _merged(whole, found)
        whole.update(found)
        return whole

    def complete_list_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        def complete() -> Any:
            # What they lead to is loaded: now they may all be values (docs/decisions/0048).
            convert = self._converter(return_type, field_details_list)
            found = _LONG if convert is None else convert(result)
            if found is not _LONG:
                return found
            return super(JsonExecutor, self).complete_list_value(
                return_type, field_details_list, info, path, result, position_context
            )

        kind = get_named_type(return_type)
        if not isinstance(kind, GraphQLObjectType) or not isinstance(result, list):
            return complete()
        leads = list(self._leads(kind, field_details_list))
        return self._loaded(leads, result, complete) if leads else complete()

    async def _loaded(
        self, leads: list[tuple[LeadsTo, Read]], things: list[Any], complete: Callable[[], Any]
    ) -> Any:
        """Load what all things of a list lead to, and then complete it.

        Where that fails, each of them fails by itself later, in its own place.
        """
        loading = [it.load_all(self.context_value, list(map(of, things))) for it, of in leads]
        await asyncio.gather(*loading, return_exceptions=True)
        completed = complete()
        return await completed if self.is_awaitable(completed) else completed

    def _leads(self, kind: GraphQLObjectType, details: Any) -> Iterator[tuple[LeadsTo, Read]]:
        """Yield the fields of a selection that lead to others, and how to get to what has them: it
        is the thing itself, or the node of an edge.
        """
        selected = self.collect_subfields(kind, details)[0]
        for it in selected.values():
            field = self.schema.get_field(kind, it[0].node.name.value)
            made = None if field is None else field.extensions.get(DEFINITION)
            if isinstance(made, LeadsTo):
                yield made, _itself
            elif field is not None and it[0].node.name.value == "node":
                node: Any = get_named_type(field.type)
                yield from ((lead, _node_of) for lead, _ in self._leads(node, it))

    def _plan_of(self, parent_type: GraphQLObjectType, selected: dict[str, Any]) -> _Plan:
        """Return the plan of a selection, which is kept as long as this executor is."""
        plan = self._plans.get(id(selected))
        if plan is None:
            found = {name: self._read(parent_type, it) for name, it in selected.items()}
            plan = self._plans[id(selected)] = _Plan(
                selected,
                tuple((name, read) for name, read in found.items() if read is not None),
                {name: selected[name] for name, read in found.items() if read is None},
            )
        return plan

    def _read(self, parent_type: GraphQLObjectType, details: Any) -> Read | None:
        """Return what reads a field, or None where it is more than a value of its source."""
        node = details[0].node
        field = self.schema.get_field(parent_type, node.name.value)
        made = None if field is None else field.extensions.get(DEFINITION)
        if field is None or not isinstance(made, StrawberryField):
            return None
        if not made.is_basic_field and not isinstance(made, LeadsTo):
            return None
        is_needed = is_non_null_type(field.type)
        # `is_non_null_type` says so of a type without narrowing it for mypy.
        kind: Any = field.type.of_type if is_needed else field.type  # type: ignore[union-attr]
        convert = self._converter(kind, details)
        if convert is None:
            return None
        key, if_missing = made.python_name, None if made.is_basic_field else _LONG
        if_null = _LONG if is_needed else None

        def read(source: Any) -> Any:
            value = source.get(key, if_missing)
            return if_null if value is None else value if value is _LONG else convert(value)

        return read

    def _converter(self, kind: Any, details: Any) -> Read | None:
        """Return what makes a value that is there one of this type, or None where it may take more
        than that.
        """
        if is_list_type(kind):
            inner = kind.of_type.of_type if is_non_null_type(kind.of_type) else kind.of_type
            of_item = self._converter(inner, details)
            return None if of_item is None else _of_list(of_item)
        if kind is GraphQLInt:
            return lambda value: value if type(value) is int and value <= _INT_MAX else _LONG
        if isinstance(kind, GraphQLScalarType):
            return lambda value: value
        if isinstance(kind, GraphQLEnumType):
            names = {it.value: name for name, it in kind.values.items()}
            return lambda value: names.get(value, _LONG)
        if isinstance(kind, GraphQLObjectType):
            return self._of_object(kind, details)
        return None

    def _of_object(self, kind: GraphQLObjectType, details: Any) -> Read | None:
        """Return what reads an object of which only values are asked."""
        plan = self._plan_of(kind, self.collect_subfields(kind, details)[0])
        if plan.rest:
            return None

        def read(source: Any) -> Any:
            found = {name: it(source) for name, it in plan.reads}
            return _LONG if _LONG in found.values() else found

        return read


def _itself(thing: Any) -> Any:
    return thing


def _node_of(edge: Any) -> Any:
    return edge["node"]


def _of_list(of_item: Read) -> Read:
    def read(values: Any) -> Any:
        found = []
        for it in values:
            value = _LONG if it is None else of_item(it)
            if value is _LONG:
                return _LONG
            found.append(value)
        return found

    return read


async def _merged(whole: dict[str, Any], found: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    whole.update(await found)
    return whole
