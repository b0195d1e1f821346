"""What a domain tells of itself, for the graph: which reads of REST are fields of what, and what
leads from one thing to others. It decides nothing, and imports nothing of the graph's library.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from dml.core.context import Context

Load: TypeAlias = Callable[[Context, Sequence[UUID]], Awaitable[Mapping[UUID, BaseModel]]]
# Of many things, by what was chosen in the form of the operation's own parameters.
LoadPages: TypeAlias = Callable[[Context, Sequence[UUID], Any], Awaitable[Mapping[UUID, BaseModel]]]


@dataclass(frozen=True, slots=True)
class Read:
    """A field that asks an operation of REST, which reads.

    At the root, the id of what is asked for is `id`. On a type it is asked of each thing, which
    fills the places of its path.
    """

    name: str
    operation: str
    on: type[BaseModel] | None = None  # None: at the root.
    pages: LoadPages | None = None  # Answers the first pages of many things at once.


@dataclass(frozen=True, slots=True)
class Leads:
    """A field of a thing that holds another's id: the other one, or null where nobody sees it.

    All that a page needs are loaded at once.
    """

    on: type[BaseModel]
    name: str
    by: str  # The field that holds the id.
    to: type[BaseModel]
    load: Load
    description: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A shape that lists have in short. What is asked for beyond is loaded for all of a page."""

    short: type[BaseModel]
    whole: type[BaseModel]
    load: Load


@dataclass(frozen=True, slots=True)
class Follow:
    """A field of `Subscription`: what an operation streams, or what one answers now and anew.

    One that streams sends server-sent events, each `of` this shape. Any other is asked again after
    each event `about` a thing: `job:{job_id}`, of the places of its path. It is over once the
    answer is one that `ends` it.
    """

    name: str
    operation: str
    description: str
    of: type[BaseModel] | None = None
    about: str = ""
    ends: Callable[[Mapping[str, Any]], bool] = lambda _: False


@dataclass(frozen=True, slots=True)
class Graph:
    """All that a domain, or a room of one, adds to the graph."""

    reads: tuple[Read, ...] = ()
    leads: tuple[Leads, ...] = ()
    wholes: tuple[Whole, ...] = ()
    follows: tuple[Follow, ...] = ()
    nodes: tuple[str, ...] = ()  # Operations that get a thing by its id alone.
    without: Mapping[str, str] = field(default_factory=dict)  # Operations, and why they have none.
