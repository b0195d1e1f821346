"""Types of the graph, made of the shapes on the wire: with their names and their descriptions.

What goes out is read from JSON as REST answers it, and what comes in is handed to REST as JSON: so
no value is written or judged in a second way.
"""

import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from inspect import cleandoc
from typing import Annotated, Any, Final, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

import strawberry
from pydantic import AwareDatetime, BaseModel, EmailStr
from pydantic.fields import FieldInfo
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField
from strawberry.types.scalar import ScalarDefinition

from dml.core.counts import Count
from dml.core.money import AmountText, MicroTokens
from dml.edge.names import schema_name
from dml.edge.paging import A_CURSOR

Amount = NewType("Amount", str)
BigInt = NewType("BigInt", int)
Day = NewType("Day", str)
Json = NewType("Json", object)
Moment = NewType("Moment", str)

SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    Amount: strawberry.scalar(
        name="Amount",
        description='Whole tokens with at most six decimals, as a string: `"12.5"`.',
        serialize=lambda it: it,
        parse_value=lambda it: it,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number that may have more than 32 bits.",
        serialize=lambda it: it,
        parse_value=lambda it: it,
    ),
    Day: strawberry.scalar(
        name="Date",
        description='A day (RFC 3339): `"2027-01-31"`.',
        serialize=lambda it: it,
        parse_value=lambda it: it,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="Any JSON, such as an object whose names are data.",
        serialize=lambda it: it,
        parse_value=lambda it: it,
    ),
    Moment: strawberry.scalar(
        name="DateTime",
        description='A moment with its zone (RFC 3339): `"2027-01-31T12:00:00Z"`.',
        serialize=lambda it: it,
        parse_value=lambda it: it,
    ),
}
# `Int` has 32 bits. What outgrows them: sizes of files, numbers of chains and blocks, and seconds
# since 1970.
_LARGE: Final = re.compile(r"size|chain_id|deadline|(\w+_)?block(_number)?")
_PLAIN: Final[Mapping[Any, Any]] = {
    UUID: strawberry.ID,
    MicroTokens: Amount,
    Count: BigInt,
    datetime: Moment,
    AwareDatetime: Moment,
    date: Day,
    str: str,
    EmailStr: str,
    bytes: str,  # Sent in hexadecimal digits.
    int: int,
    float: float,
    bool: bool,
    Any: Json,
}
_AMOUNT: Final = get_args(AmountText)[1]


@strawberry.interface(description="Whatever has an id of its own, and is found by it.")
class Node:
    id: strawberry.ID = strawberry.field(description="The id that it has in REST, too.")

    @classmethod
    def is_type_of(cls, _: Any, __: Any) -> bool:
        return True  # What an operation answers is of the type that the operation names.

    @classmethod
    def resolve_type(cls, source: Any, _: Any, __: Any) -> str:
        name: str = source[TYPE]
        return name


DEFINITION: Final = "strawberry-definition"  # Where a field of the schema has Strawberry's own.
TYPE: Final = "__typename"  # Where an answer whose type is not known from its field has it.


def made_field(
    name: str, kind: Any, description: str | None, *, default: Any = None
) -> StrawberryField:
    """Return a field that is read from JSON by this name."""
    given: dict[str, Any] = {} if default is None else {"default": default}
    return StrawberryField(
        python_name=name,
        type_annotation=StrawberryAnnotation(kind),
        description=description,
        **given,
    )


def made_type(
    name: str,
    fields: Iterable[StrawberryField],
    *,
    description: str | None = None,
    is_node: bool = False,
    is_input: bool = False,
) -> Any:
    """Return a type of the graph."""
    known = {it.python_name: it for it in fields}
    kinds = {it: known[it].type for it in known}
    bases = (Node,) if is_node else ()
    made = types.new_class(name, bases, {}, lambda its: its.update(known, __annotations__=kinds))
    return strawberry.type(made, name=name, description=description, is_input=is_input)


def fields_of(made: Any) -> list[StrawberryField]:
    """Return the fields of a type, to which others may be added until the schema is made."""
    found: list[StrawberryField] = made.__strawberry_definition__.fields
    return found


def described(shape: type) -> str | None:
    """Return what a shape says of itself. One that says nothing has what its base says."""
    return cleandoc(shape.__doc__) if "__doc__" in vars(shape) and shape.__doc__ else None


@dataclass(slots=True)
class Shapes:
    """Types that were made, each once. `nodes` are the shapes of things with an id of their own."""

    nodes: frozenset[type[BaseModel]]
    out: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    enums: dict[str, Any] = field(default_factory=dict)

    def answer(self, shape: type[BaseModel], *, without: Iterable[str] = ()) -> Any:
        """Return the type of what goes out in this shape."""
        name = schema_name(shape.__name__)
        if name not in self.out:
            left_out = frozenset(without)
            fields = [
                made_field(it.serialization_alias or key, self._kind(it, key), it.description)
                for key, it in shape.model_fields.items()
                if key not in left_out and not (key == "id" and shape in self.nodes)
            ]
            self.out[name] = made_type(
                name, fields, description=described(shape), is_node=shape in self.nodes
            )
        return self.out[name]

    def input(self, shape: type[BaseModel]) -> Any:
        """Return the type of what is sent in this shape. What may be left out, may be left out."""
        name = shape.__name__
        if name not in self.sent:
            fields = [self._sent(key, it) for key, it in shape.model_fields.items()]
            self.sent[name] = made_type(name, fields, description=described(shape), is_input=True)
        return self.sent[name]

    def either(self, shapes: Iterable[type[BaseModel]], name: str) -> Any:
        """Return the type of what is sent in one of these shapes, which tell themselves apart.

        Inputs of the graph have no unions: this one has the fields of all, those may be left out
        that some do not have, and REST judges what was sent.
        """
        if name not in self.sent:
            several = list(shapes)
            fields = dict[str, StrawberryField]()
            for shape in several:
                for key, it in shape.model_fields.items():
                    found = self._sent(key, it)
                    if not all(key in other.model_fields for other in several):
                        kind = _optional(found.type)
                        found = made_field(key, kind, it.description, default=strawberry.UNSET)
                    known = fields.setdefault(key, found)
                    assert known.type == found.type, f"{name}.{key} is of two types"
            told = "\n".join(f"- {described(it)}" for it in several)
            self.sent[name] = made_type(
                name, fields.values(), description=f"One of these:\n\n{told}", is_input=True
            )
        return self.sent[name]

    def parameter(self, name: str, told: FieldInfo) -> Any:
        """Return the type of a parameter; of one that may be left out, one that may be null."""
        kind = self._kind(told, name, is_sent=True)
        return kind if told.is_required() else _optional(kind)

    def _sent(self, key: str, told: FieldInfo) -> StrawberryField:
        assert told.alias is None, key
        kind = self._kind(told, key, is_sent=True)
        if told.is_required():
            return made_field(key, kind, told.description)
        return made_field(key, _optional(kind), told.description, default=strawberry.UNSET)

    def _kind(self, told: FieldInfo, name: str, *, is_sent: bool = False) -> Any:
        if _AMOUNT in told.metadata:
            return Amount
        if told.discriminator is not None:
            assert is_sent, f"{name}: only what is sent is one of several shapes"
            return self.either(get_args(told.annotation), told.title or name)
        kind = self.of(told.annotation, is_sent=is_sent)
        if not is_sent and _LARGE.fullmatch(name):
            kind = {int: BigInt, int | None: BigInt | None}.get(kind, kind)
        return kind

    def of(self, hint: Any, *, is_sent: bool = False) -> Any:
        """Return the type of the graph for a type of Python, as it is written in a shape."""
        origin, inner = get_origin(hint), get_args(hint)
        if origin is Annotated:
            if A_CURSOR in inner[1:]:
                return str
            for told in (it for it in inner[1:] if isinstance(it, FieldInfo) and it.discriminator):
                return self.either(get_args(inner[0]), told.title or "")
            return Amount if _AMOUNT in inner[1:] else self.of(inner[0], is_sent=is_sent)
        if origin in (Union, types.UnionType):
            kinds = [self.of(it, is_sent=is_sent) for it in inner if it is not type(None)]
            assert len(kinds) == 1, f"the graph has no type for {hint}"
            return _optional(kinds[0])
        if origin is list:
            return list_of(self.of(inner[0], is_sent=is_sent))
        if origin is Literal:
            return str
        if origin is dict:
            return Json
        if hint in _PLAIN:
            return _PLAIN[hint]
        if isinstance(hint, NewType):
            return self.of(hint.__supertype__, is_sent=is_sent)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return self._enum(hint)
        assert isinstance(hint, type), f"the graph has no type for {hint}"
        assert issubclass(hint, BaseModel), f"the graph has no type for {hint}"
        return self.input(hint) if is_sent else self.answer(hint)

    def _enum(self, enum: type[Enum]) -> Any:
        name = enum.__name__
        if name not in self.enums:
            self.enums[name] = strawberry.enum(enum, name=name, description=described(enum))
        assert self.enums[name] is enum, f"{name} is two enums"
        return enum


def list_of(kind: Any) -> Any:
    """Return the type of lists of a type that is known only now."""
    return types.GenericAlias(list, (kind,))


def _optional(kind: Any) -> Any:
    return kind | None if type(None) not in get_args(kind) else kind


def as_json(value: Any) -> Any:
    """Return what was sent as the JSON that REST takes: without what was left out."""
    if isinstance(value, list):
        return [as_json(it) for it in value]
    if isinstance(value, Enum):
        return value.value
    definition = getattr(value, "__strawberry_definition__", None)
    if definition is None:
        return value
    found = {it.python_name: getattr(value, it.python_name) for it in definition.fields}
    return {name: as_json(it) for name, it in found.items() if it is not strawberry.UNSET}
