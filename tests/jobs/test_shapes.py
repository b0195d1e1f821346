"""A result is written down in several places, each in a type of its own: they name the same fields.

Who adds a field to one of them learns here where else it goes. Then to `counting.check` and to
`tally.Tally`, which say what it has to add up to and how it is summed up.
"""

import json
import random
from collections.abc import Collection, Mapping
from typing import Final, get_type_hints

import msgspec
import pytest
from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped

from dml.core.counts import Count
from dml.core.db import Base
from dml.core.money import MicroTokens
from dml.inference.counting import count
from dml.inference.counts import Counts
from dml.jobs import counting
from dml.jobs.archive.models import JobArchive
from dml.jobs.device_path import layer
from dml.jobs.device_path.schemas import ResultCreate
from dml.jobs.folding import tally
from dml.jobs.models import JobCount, JobTotals
from dml.sim.truth import Truth

GOOD: Final[Counts] = {
    "items": 6,
    "labels": {"cat": 3, "dog": 2},
    "uncertain": 1,
    "months": {"2026-03": {"cat": 2}, "2026-04": {"dog": 2}},
    "undated": 1,
}
THE_SHAPE: Final = "inference.counts.Counts"


def simulated() -> Collection[str]:
    truth = Truth.draw(["cat", "dog"], random.Random(1))
    return list(json.loads(truth.honest[0].result(3)))


def shapes() -> dict[str, Collection[str]]:
    """Return the fields of each, by where it is."""
    (example,) = ResultCreate.model_json_schema()["examples"]
    return {
        THE_SHAPE: Counts.__annotations__.keys(),
        "inference.counting.count, which a device sends": count([], []).keys(),
        "jobs.schemas.ResultCreate": ResultCreate.model_fields.keys(),
        "jobs.schemas.ResultCreate, its example": example.keys(),
        "jobs.schemas.ResultCreate.counts": ResultCreate.model_validate(GOOD).counts().keys(),
        "jobs.device_path.layer._Result": layer._Result.__struct_fields__,
        "jobs.device_path.layer._decode_result": layer._decode_result(json.dumps(GOOD).encode()),
        "jobs.counting.canonical, which is kept": json.loads(counting.canonical(GOOD)),
        "jobs.folding.tally.Counted": tally.Counted.__struct_fields__,
        "sim.truth.Photos": simulated(),
    }


def others(found: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Return where fields are too many or missing, and which."""
    most = set().union(*found.values())
    return {where: lacks for where, names in found.items() if (lacks := most - set(names))}


def test_a_result_has_the_same_fields_wherever_it_is_written_down() -> None:
    assert not others(shapes()), "these lack fields that another has"


@pytest.mark.parametrize("where", shapes())
def test_a_field_that_is_added_to_one_place_alone_is_told_of_all_others(where: str) -> None:
    found = shapes()
    found[where] = {*found[where], "faces"}
    assert others(found) == {it: {"faces"} for it in found if it != where}


def test_a_result_comes_through_all_of_them_as_it_was_sent() -> None:
    sent = json.dumps(GOOD).encode()
    assert ResultCreate.model_validate_json(sent).counts() == GOOD
    assert layer._decode_result(sent) == GOOD
    assert msgspec.structs.asdict(tally.read(counting.canonical(GOOD))) == GOOD


@pytest.mark.parametrize("number", [-1, counting.ITEMS_MAX + 1])
@pytest.mark.parametrize("name", ["items", "uncertain", "undated"])
def test_both_readers_have_the_same_bounds(name: str, number: int) -> None:
    body = json.dumps(dict(GOOD) | {name: number})
    with pytest.raises(msgspec.ValidationError):
        layer._decode_result(body.encode())
    with pytest.raises(ValueError, match=name):
        ResultCreate.model_validate_json(body)


@pytest.mark.parametrize("model", [JobTotals, JobCount, JobArchive], ids=lambda it: it.__name__)
def test_items_are_counted_in_a_type_of_their_own_and_never_as_money(model: type[Base]) -> None:
    kinds = get_type_hints(model)
    assert Mapped[MicroTokens] not in kinds.values()
    counts = {name for name, kind in kinds.items() if kind == Mapped[Count]}
    assert counts
    assert all(isinstance(model.__table__.c[name].type, BigInteger) for name in counts)
