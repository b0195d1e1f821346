"""Who sees which events, and what can be asked for."""

from collections.abc import Collection

from dml.core import events
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, Gone, TooMany
from dml.core.event_feed import Log, Position


class AllForAdmins(Forbidden):
    code = "feed.all_for_admins"
    reason = "Only admins see what happens to everybody."
    remedy = "Leave `all` out: you then get what concerns you, and what everyone may see."


class TooManyStreams(TooMany):
    code = "feed.too_many_streams"
    reason = "You follow events as many times at once as one user may."
    remedy = "Close a stream that you read no more, or read `/v1/events` from time to time."
    most: int


class PositionForgotten(Gone):
    code = "feed.position_forgotten"
    reason = "What happened after this position is not kept any more, at least in part."
    remedy = "Read anew what you need, and go on from `oldest`."
    oldest: str


class PositionUnknown(Conflict):
    code = "feed.position_unknown"
    reason = "This position is none of this log: it is another marketplace's, or yet to come."
    remedy = "Read anew what you need, and begin without `after`."


def require_known(log: Log, position: Position | None, last_drawn: int) -> None:
    """Refuse a position from which nobody can go on without missing anything."""
    if position is None:
        return
    if not log.has(position) or position.number > last_drawn:
        raise PositionUnknown
    if position.number < log.forgotten_up_to:
        raise PositionForgotten(oldest=log.position(log.forgotten_up_to).write())


def readers_of(actor: Actor, *, everything: bool) -> Collection[str] | None:
    """Return the names by which an actor reads events; None: all of them, for an admin."""
    if everything:
        if not actor.is_admin:
            raise AllForAdmins
        return None
    moderators = [events.MODERATORS] if actor.is_moderator else []
    return [events.user(actor.id), events.EVERYONE, *moderators]
