"""The states of one kind of thing: which may follow which, and the only way to change one."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from dml.core.errors import DmlError

State = TypeVar("State", bound=StrEnum)
Written = TypeVar("Written")
Refuse = Callable[[Any, Any, list[Any]], DmlError]  # From the state, to which, and what may follow.


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state that the rules allowed."""

    origin: StrEnum | None
    to: StrEnum


class Moves(Generic[State]):
    """Which states may follow which, for every state there is; those that nothing follows end."""

    def __init__(self, table: Mapping[State, Collection[State]], refuse: Refuse) -> None:
        assert set(table) == set(type(next(iter(table))))
        self._table: Final = {state: frozenset(further) for state, further in table.items()}
        self._refuse: Final = refuse
        self.ended: Final = frozenset(it for it, further in self._table.items() if not further)

    def __getitem__(self, state: State) -> frozenset[State]:
        """Return what may follow a state."""
        return self._table[state]

    def move(self, thing: Any, to: State) -> Move:
        """Change the state of a row. Nothing else assigns one after a row was made."""
        if to not in self._table[thing.state]:
            raise self.refusal(thing.state, to)
        made = Move(thing.state, to)
        thing.state = to
        return made

    def refusal(self, state: State, to: State | None = None) -> DmlError:
        """Return what is said to who wants a row in this state to go there."""
        return self._refuse(state, to, sorted(self._table[state]))

    def writes(self, statement: Written, *moves: tuple[State, State]) -> Written:
        """Return a statement that changes states itself, because it makes these moves alone."""
        for origin, to in moves:
            assert to in self._table[origin], f"{origin} → {to} is no move"
        return statement
