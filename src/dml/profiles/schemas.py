"""Shapes on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from dml.core.db import PAGE_MAX
from dml.core.ids import ProfileId
from dml.core.nodes import Node
from dml.core.wire import Body, Line, Parameters, Wire, example
from dml.edge.paging import CURSOR, LIMIT, Page
from dml.profiles.models import ProfileFailure, ProfileKind, ProfileState
from dml.profiles.rules import FACT, SECONDS_MAX

ProcessName = Annotated[Line, Field(max_length=200, examples=["api-market-1-412-9f03ac"])]


class ProcessOut(Wire):
    """A process of the marketplace, on whichever machine it runs."""

    name: str = Field(
        description="Its name, which no other process has or had: what it is, its machine, the "
        "number of the process there, and a random end.",
        examples=["api-market-1-412-9f03ac"],
    )
    kind: str = Field(description="What it is: `api`, `worker` or `chain`.", examples=["api"])
    seen_at: datetime = Field(description="When it last said that it lives.")
    profiles: list[ProfileKind] = Field(
        description="The kinds of profile that can be taken of it: none where neither py-spy nor "
        "memray is installed, or where it runs an older release."
    )


class ProcessesPaging(Parameters):
    limit: int = Field(20, ge=1, le=PAGE_MAX, description=LIMIT)
    cursor: ProcessName | None = Field(None, description=CURSOR)


class ProfileCreate(Body):
    model_config = example(process="api-market-1-412-9f03ac", kind="cpu", seconds=10)

    process: ProcessName = Field(description="The `name` of a process.")
    kind: ProfileKind = Field(description="What is measured.")
    seconds: int = Field(
        10, ge=1, le=SECONDS_MAX, description="For how long. A process is slower meanwhile."
    )


class ProfileOut(Wire):
    """Where the time or the memory of a process went, for some seconds."""

    id: ProfileId
    process: str = Field(description="The name of the process.")
    kind: ProfileKind = Field(description="What was measured.")
    seconds: int = Field(description="For how long.")
    state: ProfileState = Field(description="How far it is.")
    failure: ProfileFailure | None = Field(
        description="Why there is no profile; `null` unless it has failed."
    )
    requested_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When the process began.")
    ended_at: datetime | None = Field(description="When it was over.")
    flame_graph_bytes: int | None = Field(
        description="How large its flame graph is; `null` while there is none."
    )
    speedscope_bytes: int | None = Field(
        description="How large its file for speedscope is; `null` while there is none."
    )


def processes_page(rows: Sequence[Node], limit: int) -> Page[ProcessOut]:
    """Make the page of what was read with one row beyond the limit."""
    items = [_process_out(it) for it in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].name if len(rows) > limit else None)


def _process_out(node: Node) -> ProcessOut:
    kinds: Any = node.facts.get(FACT, ())
    return ProcessOut(
        name=node.name,
        kind=node.kind,
        seen_at=node.seen_at,
        profiles=[it for it in ProfileKind if it in kinds],
    )
