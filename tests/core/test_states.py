"""A row moves by its table alone, in Python and in SQL."""

from dataclasses import dataclass
from enum import StrEnum

import pytest

from dml.core.errors import Conflict
from dml.core.states import Move, Moves


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"


@dataclass
class Lamp:
    state: Light


class WrongLight(Conflict):
    code = "trial.wrong_light"
    reason = "The lamp cannot do that now."
    remedy = "Wait for another colour."
    state: Light
    allowed: list[Light]


MOVES = Moves(
    {Light.RED: {Light.GREEN, Light.BROKEN}, Light.GREEN: {Light.RED}, Light.BROKEN: ()},
    lambda state, _, allowed: WrongLight(state=state, allowed=allowed),
)


def test_what_may_follow_is_assigned_and_told() -> None:
    lamp = Lamp(Light.RED)
    assert MOVES.move(lamp, Light.GREEN) == Move(Light.RED, Light.GREEN)
    assert lamp.state is Light.GREEN


def test_what_may_not_is_refused_with_what_may() -> None:
    lamp = Lamp(Light.RED)
    with pytest.raises(WrongLight) as refused:
        MOVES.move(lamp, Light.RED)
    assert refused.value.facts == {"state": Light.RED, "allowed": [Light.BROKEN, Light.GREEN]}
    assert lamp.state is Light.RED
    assert MOVES.ended == {Light.BROKEN}


def test_a_statement_that_would_make_another_move_is_no_statement() -> None:
    assert MOVES.writes("UPDATE …", (Light.RED, Light.BROKEN)) == "UPDATE …"
    with pytest.raises(AssertionError, match="no move"):
        MOVES.writes("UPDATE …", (Light.BROKEN, Light.GREEN))


def test_a_table_names_every_state() -> None:
    with pytest.raises(AssertionError):
        Moves(
            {Light.RED: {Light.GREEN}, Light.GREEN: ()},
            lambda *_: WrongLight(state=Light.RED, allowed=[]),
        )
