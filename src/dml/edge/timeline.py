"""A thing's timeline: what happened to it, why, and what is next.

What happened is read from the audit log. Who did it is told as a part that somebody played and
never as an id: people who watch the same thing need not know each other.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from dml.core.audit import AuditEntry
from dml.core.context import Actor
from dml.core.ids import UserId
from dml.core.wire import Wire


class Who(StrEnum):
    YOU = "you"
    OWNER = "owner"
    MODERATOR = "moderator"
    SYSTEM = "system"


class TimelineEntryOut(Wire):
    at: datetime
    action: str = Field(examples=["approved"])
    from_state: str | None = Field(description="The state before, where this changed it.")
    to_state: str | None = Field(description="The state after, where this changed it.")
    reason: str | None = Field(description="Why, in the words of who did it.")
    actor: Who = Field(description="Who did it, as the part that they played.")


class NextOut(Wire):
    action: str = Field(examples=["check"])
    at: datetime | None = Field(
        None, description="When it is due by itself; `null` where it waits for somebody."
    )


class TimelineOut(Wire):
    entries: list[TimelineEntryOut] = Field(description="The newest 200, oldest first.")
    next: list[NextOut] = Field(description="What is to come. Empty where nothing more happens.")


def timeline(
    viewer: Actor,
    owner_id: UserId,
    entries: Sequence[AuditEntry],
    next_: Sequence[NextOut] = (),
    *,
    team: Collection[UserId] = (),
) -> TimelineOut:
    """Shape what `audit.history` gave, for this viewer, of a thing that belongs to this owner.

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


def _who(actor_id: UserId | None, viewer: Actor, owners: Collection[UserId]) -> Who:
    """Name the part. Who is neither the owner nor the system could act as a moderator only."""
    if actor_id is None:
        return Who.SYSTEM
    if actor_id == viewer.user_id:
        return Who.YOU
    return Who.OWNER if actor_id in owners else Who.MODERATOR
