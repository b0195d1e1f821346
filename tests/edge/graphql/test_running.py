"""The short way of reading values answers what graphql-core's own way answers, errors too."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from graphql.execution.executor import Executor
from strawberry.schema.config import StrawberryConfig

from dml.core.counts import Count
from dml.core.ids import JobId
from dml.core.money import AmountOut
from dml.core.wire import Wire
from dml.edge.graphql.running import JsonExecutor
from dml.edge.graphql.schema import get_value
from dml.edge.graphql.shapes import SCALARS, Shapes, list_of, made_field, made_type


class Colour(StrEnum):
    RED = "red"
    LIGHT_BLUE = "light-blue"


class LeafOut(Wire):
    name: str
    colour: Colour
    size: int
    score: float | None


class ThingOut(Wire):
    id: JobId
    whole: int
    count: Count
    amount: AmountOut
    at: datetime
    day: date | None
    colours: list[Colour]
    names: list[str] | None
    leaf: LeafOut
    maybe: LeafOut | None
    leaves: list[LeafOut]
    labels: dict[str, int]
    is_open: bool


LEAF: Final = {"name": "a", "colour": "light-blue", "size": 2**40, "score": 0.5}
THING: Final[dict[str, Any]] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "whole": 7,
    "count": 2**50,
    "amount": "12.5",
    "at": "2027-01-31T12:00:00Z",
    "day": None,
    "colours": ["red", "light-blue"],
    "names": ["a", "b"],
    "leaf": LEAF,
    "maybe": None,
    "leaves": [LEAF, LEAF | {"score": None}],
    "labels": {"cat": 1},
    "is_open": True,
}
QUERY: Final = """query($with: Boolean = true) {
    thing { id whole count amount at day colours names labels isOpen __typename
        leaf { ...All } maybe { name } leaves { ...All } again: leaf { name } leaf { name }
        leaf @include(if: $with) { colour } }
    things { name: id leaf { colour } maybe { ... on Leaf { score } } }
}
fragment All on Leaf { name colour size score }"""
WRONG: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "no value where one is needed": {"amount": None},
    "no object where one is needed": {"leaf": None},
    "an object in which one is missing": {"maybe": LEAF | {"name": None}},
    "a number beyond 32 bits": {"whole": 2**31},
    "no such colour": {"leaf": LEAF | {"colour": "green"}},
    "no such colour in a list": {"colours": ["red", "green"]},
    "nothing in a list": {"leaves": [LEAF, None]},
    "no list": {"names": None},
    "an object that is there": {"maybe": LEAF},
}


@pytest.fixture(scope="module")
def schema() -> Any:
    thing = Shapes(frozenset()).answer(ThingOut)
    fields = [
        made_field("thing", thing | None, None),
        made_field("things", list_of(thing) | None, None),
    ]
    config = StrawberryConfig(default_resolver=get_value, scalar_map=dict(SCALARS))
    return strawberry.Schema(query=made_type("Query", fields), config=config)._schema


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_both_ways_answer_the_same(schema: Any, wrong: dict[str, Any]) -> None:
    source = {"thing": THING | wrong, "things": [THING, THING | wrong]}
    told = [
        _run(schema, QUERY, source, executor_class) for executor_class in (Executor, JsonExecutor)
    ]
    assert _shown(told[0]) == _shown(told[1])
    assert list(told[0].data["thing"] or ()) == list(told[1].data["thing"] or ())


def _run(schema: Any, query: str, source: Any, executor_class: type[Executor[Any]]) -> Any:
    return execute(schema, parse(query), root_value=source, executor_class=executor_class)


def _shown(result: ExecutionResult) -> Any:
    errors = [(it.message, it.path, it.locations) for it in result.errors or ()]
    return result.data, sorted(errors, key=str)
