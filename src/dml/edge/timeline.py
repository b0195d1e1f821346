"""A thing's timeline: what happened to it, why, and what is next.

What happened is read from the event log. Who did it is told as a part that somebody played and
never as an id: people who watch the same thing need not know each other.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from dml.core.context import Actor
from dml.core.event_log import EventRow
from dml.core.ids import UserId
from dml.core.wire import Wire


class TimelineActor(StrEnum):
    """Who acted: you, the owner or somebody of the team, a moderator or admin, or the system."""

    YOU = "you"
    OWNER = "owner"
    MODERATOR = "moderator"
    SYSTEM = "system"


class TimelineEntryOut(Wire):
    at: datetime = Field(description="When it happened.")
    action: str = Field(examples=["approved"], description="What happened.")
    from_state: str | None = Field(
        description="The state before it; `null` if it changed no state, or was the first."
    )
    to_state: str | None = Field(description="The state after it; `null` if it changed no state.")
    reason: str | None = Field(description="Why, in the words of whoever did it.")
    actor: TimelineActor = Field(description="Who did it, by their part in this.")


class UpcomingActionOut(Wire):
    action: str = Field(examples=["check"], description="What happens next.")
    at: datetime | None = Field(
        None,
        description="When it happens by itself; `null` if it waits for somebody, or the time is "
        "not known.",
    )


class TimelineOut(Wire):
    entries: list[TimelineEntryOut] = Field(
        description="What happened, oldest first: the newest 200 entries."
    )
    next: list[UpcomingActionOut] = Field(
        description="What happens next. Empty if nothing more happens."
    )


def timeline(
    viewer: Actor,
    owner_id: UserId,
    entries: Sequence[EventRow],
    next_: Sequence[UpcomingActionOut] = (),
    *,
    team: Collection[UserId] = (),
) -> TimelineOut:
    """Shape what `event_log.history` gave, for this viewer, of a thing that belongs to this owner.

    Where it belongs to a `team`, each of them is told as the owner.
    """
    owners = {owner_id, *team}
    return TimelineOut(
        entries=[
            TimelineEntryOut(
                at=it.at,
                action=it.action,
                from_state=it.from_state,
                to_state=it.to_state,
                reason=it.reason,
                actor=_who(it.actor_id, viewer, owners),
            )
            for it in entries
        ],
        next=list(next_),
    )


def _who(actor_id: UserId | None, viewer: Actor, owners: Collection[UserId]) -> TimelineActor:
    """Name the part. Who is neither the owner nor the system could act as a moderator only."""
    if actor_id is None:
        return TimelineActor.SYSTEM
    if actor_id == viewer.user_id:
        return TimelineActor.YOU
    return TimelineActor.OWNER if actor_id in owners else TimelineActor.MODERATOR
