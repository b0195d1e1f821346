"""The shapes of events on the wire, and how they are asked for."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, field_validator

from dml.core import events
from dml.core.context import NOBODY, Actor
from dml.core.db import PAGE_MAX
from dml.core.event_feed import Log, Position
from dml.core.event_log import EventRow
from dml.core.ids import UserId
from dml.core.wire import Parameters, Wire
from dml.edge.nearest import nearest
from dml.edge.paging import A_CURSOR

TYPES_MAX: Final = 50
AFTER: Final = (
    "A position: the `id` of an event that you have read, or the `position` of a page. Default: "
    "the oldest event that is kept."
)
TYPES: Final = (
    "Only events of these types, with commas between: `job.completed,withdrawal.paid`, or all of "
    "one kind, `job.*`."
)
SUBJECT: Final = "Only events about this thing: its kind, a colon and its id."
ALL: Final = "What happens to everybody. For admins."


def read_position(sent: Any) -> Position:
    """Read a position. ValueError where it is anything else, and no text at all."""
    try:
        return Position.read(sent if isinstance(sent, str) else "")
    except ValueError:
        raise ValueError(
            "must be a position: the `id` of an event, or the `position` of a page"
        ) from None


PositionIn = Annotated[Position, BeforeValidator(read_position), A_CURSOR]


def read_types(sent: str) -> list[str]:
    """Read types of events; of a kind with a star, all that there are. ValueError if unknown."""
    known = events.types()
    found = list[str]()
    for it in sent.split(","):
        some = [name for name in known if name == it or f"{name.partition('.')[0]}.*" == it]
        if not some:
            hint = nearest(it, known)
            raise ValueError(f"has no type {it!r}" + (f": did you mean {hint}?" if hint else ""))
        found += some
    return found


class EventFilter(Parameters):
    types: str | None = Field(None, max_length=2_000, description=TYPES, examples=["job.*"])
    subject: str | None = Field(
        None,
        pattern=r"^[a-z]+:[A-Za-z0-9-]{1,80}$",
        description=SUBJECT,
        examples=["job:01890a5d-ac96-774b-bcce-b302099a8057"],
    )
    all: bool = Field(False, description=ALL)

    @field_validator("types")
    @classmethod
    def _check_types(cls, types: str | None) -> str | None:
        if types:
            read_types(types)
        return types

    def type_names(self) -> list[str]:
        return read_types(self.types) if self.types else []


class EventQuery(EventFilter):
    after: PositionIn | None = Field(None, description=AFTER)
    limit: int = Field(20, ge=1, le=PAGE_MAX, description="How many events to return at most.")


class StreamQuery(EventFilter):
    after: PositionIn | None = Field(
        None, description="As the header `Last-Event-ID`, for who cannot send one. Default: now."
    )


class EventSubjectOut(Wire):
    """What an event is about."""

    kind: str = Field(examples=["job"], description="What kind of thing it is.")
    id: str = Field(
        examples=["01890a5d-ac96-774b-bcce-b302099a8057"],
        description="Its id, by which the API knows it.",
    )


class EventOut(Wire):
    """Something that happened."""

    id: str = Field(
        description="Its place in the log, to go on from (`after`), and to know it again by."
    )
    type: str = Field(examples=["job.completed"], description="What happened.")
    at: datetime = Field(description="When.")
    subject: EventSubjectOut = Field(description="To what.")
    from_state: str | None = Field(description="The state before; `null` if none was left.")
    to_state: str | None = Field(description="The state after; `null` if none was entered.")
    reason: str | None = Field(description="Why, in the words of whoever did it.")
    by_id: UserId | None = Field(
        None,
        description="Who did it in person, where it was done for the organisation that asks. Only "
        "in its list of events.",
    )
    data: dict[str, Any] = Field(
        description="Ids and amounts: of each type its own, as the list of webhooks shows."
    )


class EventPageOut(Wire):
    """The next events after a position."""

    items: list[EventOut] = Field(
        description="At most `limit` events, oldest first. There may be fewer, or none, where few "
        "of many fit what you asked for: go on while `has_more`."
    )
    position: str = Field(description="For `after`, to go on from here, now or later.")
    has_more: bool = Field(description="Whether there may be more events already.")


def event_out(log: Log, row: EventRow, viewer: Actor = NOBODY) -> EventOut:
    """Shape an event. Who acted for an organisation is shown to whoever acts for it alone."""
    is_ours = viewer.by is not None and row.actor_id == viewer.user_id
    kind, _, its_id = row.subject.partition(":")
    return EventOut(
        id=log.position(row.number).write(),
        type=row.type,
        at=row.at,
        subject=EventSubjectOut(kind=kind, id=its_id),
        from_state=row.from_state,
        to_state=row.to_state,
        reason=row.reason,
        by_id=row.by_id if is_ours else None,
        data=row.body,
    )
