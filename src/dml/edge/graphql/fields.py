"""Fields of the graph that are more than a value: each asks an operation, or leads to other things.

What each of them is to `costs`, too, it says here.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import strawberry
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from dml.edge.graphql import following
from dml.edge.graphql.asking import Asking
from dml.edge.graphql.graph import Follow, Leads, LoadPages, Whole
from dml.edge.graphql.operations import Operation, Sent
from dml.edge.graphql.pages import Cursor, as_connection
from dml.edge.graphql.shapes import TYPE, Shapes, as_json

# What lists call otherwise than REST: the words of Relay's connections.
RENAMED: Final[Mapping[str, str]] = {"limit": "first", "cursor": "after"}
INPUT, KEY, VERSION = "input", "idempotency_key", "if_match"
KEY_TOLD: Final = (
    "A new random text for each thing to do, such as a UUID: as the header `Idempotency-Key` of "
    "REST. The same mutation with the same key is done once within 24 hours; sent again, it "
    "returns the first answer."
)
VERSION_TOLD: Final = (
    "The `etag` of what you read. If it was changed meanwhile, the update is refused with `412`."
)


AsksT = TypeVar("AsksT", bound="Asks")


class Special(StrawberryField):
    """A field that computes its value from its source, and so is not read from it by its name."""

    @property
    def is_basic_field(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Places:
    """Which argument, or which field of the thing, fills each place of a path."""

    arguments: Mapping[str, str]
    fields: Mapping[str, str]

    def fill(self, source: Any, given: Mapping[str, Any]) -> dict[str, str]:
        return {
            **{place: str(given[name]) for place, name in self.arguments.items()},
            **{place: str(source[name]) for place, name in self.fields.items()},
        }


class Asks(Special):
    """Asks an operation, or has it do something."""

    operation: Operation
    places: Places
    cursor: Cursor | None = None  # Of a list: how the place of a row is written.
    is_list: bool = False
    pages: LoadPages | None = None
    node: str | None = None  # The name of the type, where the field's own type does not say it.

    def get_result(self, source: Any, info: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        asking: Asking = info.context
        given = {name: as_json(value) for name, value in kwargs.items()}
        chosen = self._chosen(given)
        if self.pages is not None and chosen is not None:
            asking.require_scope(self.operation.id)
            return self._from_pages(asking.load_pages(self.pages, chosen, UUID(source["id"])))
        return self._ask(asking, source, given)

    def _chosen(self, given: Mapping[str, Any]) -> BaseModel | None:
        """Return what was chosen of a list whose first page many may have at once, if all fits.

        What does not fit is for the operation to refuse, in its own words.
        """
        shape = self.operation.query_shape
        if self.pages is None or shape is None or given.get("after") is not None:
            return None
        try:
            return shape.model_validate(self._query(given))
        except ValidationError:
            return None

    async def _from_pages(self, page: Awaitable[Any]) -> Any:
        found = await page
        return None if found is None else as_connection(found, self.cursor, {})

    async def _ask(self, asking: Asking, source: Any, given: dict[str, Any]) -> Any:
        answer = await asking.run(self.operation, self.sent(source, given))
        if self.is_list:
            return as_connection(answer, self.cursor, given)
        if self.node is not None:
            answer[TYPE] = self.node
        return answer

    def _query(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        named = {it: given.get(RENAMED.get(it, it)) for it in self.operation.query}
        return {name: value for name, value in named.items() if value is not None}

    def sent(self, source: Any, given: Mapping[str, Any]) -> Sent:
        return Sent(
            self.places.fill(source, given),
            self._query(given),
            given.get(INPUT),
            given.get(KEY),
            given.get(VERSION),
        )


class Follows(Asks):
    """Follows what an operation tells from now on."""

    follow: Follow

    def get_result(self, source: Any, info: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        asking: Asking = info.context
        given = {name: as_json(value) for name, value in kwargs.items()}
        sent = self.sent(source, given)
        if self.follow.of is not None:
            return following.streamed(asking, self.operation, sent)
        answers = following.renewed(asking, self.operation, sent, self.follow)
        return self._as_connections(answers, given) if self.is_list else answers

    async def _as_connections(
        self, answers: AsyncGenerator[dict[str, Any]], given: dict[str, Any]
    ) -> AsyncGenerator[dict[str, Any]]:
        async with aclosing(answers):
            async for it in answers:
                yield as_connection(it, self.cursor, given)


class LeadsTo(Special):
    """Leads to the thing whose id this one holds."""

    leads: Leads
    instead_of: str  # The operation that gets such a thing.

    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        if self.python_name in source:
            return source[self.python_name]
        asking: Asking = info.context
        asking.require_scope(self.instead_of)
        held = source[self.leads.by]
        return None if held is None else asking.load(self.leads.load, UUID(held))

    async def load_all(self, asking: Asking, sources: Sequence[dict[str, Any]]) -> None:
        """Put into each of these things what it leads to, so that it is a value like others."""
        asking.require_scope(self.instead_of)
        name, by = self.python_name, self.leads.by
        missing = [it for it in sources if name not in it]
        held = [it for it in missing if it[by] is not None]
        found = await asyncio.gather(*(asking.load(self.leads.load, UUID(it[by])) for it in held))
        for it in missing:
            it[name] = None
        for it, value in zip(held, found, strict=True):
            it[name] = value


class OfWhole(Special):
    """A field that the short form of a thing has not."""

    whole: Whole
    instead_of: str  # The operation that gets the whole.

    def get_result(self, source: Any, info: Any, args: Any, kwargs: Any) -> Any:
        if self.python_name in source:
            return source[self.python_name]
        asking: Asking = info.context
        asking.require_scope(self.instead_of)
        return self._load(asking, UUID(source["id"]))

    async def _load(self, asking: Asking, its_id: UUID) -> Any:
        found = await asking.load(self.whole.load, its_id)
        return None if found is None else found[self.python_name]


class IsNode(Special):
    """Finds a thing by its id, whatever it is: the first operation that knows it answers."""

    asks: Sequence[Asks]

    async def get_result(self, source: Any, info: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        asking: Asking = info.context
        return await asking.first_that_knows(
            [(it.operation, it.sent(None, kwargs), it.node) for it in self.asks]
        )


def argument(name: str, kind: Any, told: str | None, default: Any) -> StrawberryArgument:
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        description=told,
        default=default,
    )


def asks(
    shapes: Shapes,
    operation: Operation,
    name: str,
    kind: Any,
    *,
    fills: Mapping[str, str],
    of: type[AsksT],
) -> AsksT:
    """Return a field for an operation, whose places `fills` has are filled from the thing."""
    own = {it: "id" if _is_id(operation, it) else it for it in operation.places if it not in fills}
    made = of(
        python_name=name,
        type_annotation=StrawberryAnnotation(kind),
        description=operation.description,
        is_subscription=issubclass(of, Follows),
    )
    made.operation, made.places = operation, Places(own, fills)
    made.arguments = [
        *(_place(shapes, own[it], told) for it, told in operation.places.items() if it in own),
        *(_parameter(shapes, it, told) for it, told in operation.query.items()),
        *_of_body(shapes, operation),
    ]
    return made


def _is_id(operation: Operation, place: str) -> bool:
    """Whether this is the id of what is read itself."""
    return operation.method == "GET" and operation.route.path_format.endswith(f"{{{place}}}")


def _place(shapes: Shapes, name: str, told: FieldInfo) -> StrawberryArgument:
    return argument(name, shapes.parameter(name, told), told.description, strawberry.UNSET)


def _parameter(shapes: Shapes, name: str, told: FieldInfo) -> StrawberryArgument:
    default = told.default if name == "limit" else strawberry.UNSET
    kind = str | None if name == "cursor" else shapes.parameter(name, told)
    description = "The `endCursor` of the page before." if name == "cursor" else told.description
    return argument(RENAMED.get(name, name), kind, description, default)


def _of_body(shapes: Shapes, operation: Operation) -> list[StrawberryArgument]:
    found: list[StrawberryArgument] = []
    if operation.body is not None:
        kind = shapes.input(operation.body)
        kind = kind if operation.needs_body else kind | None
        found.append(argument(INPUT, kind, None, strawberry.UNSET))
    if operation.takes_key:
        found.append(argument(KEY, str | None, KEY_TOLD, strawberry.UNSET))
    if operation.takes_version:
        found.append(argument(VERSION, str | None, VERSION_TOLD, strawberry.UNSET))
    return found


def name_of_mutation(operation_id: str) -> str:
    """`jobs.create` is `jobsCreate`: the one rule by which mutations are named."""
    return to_camel_case(operation_id.replace(".", "_"))
