"""REST: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from dml.core import event_feed
from dml.core.event_feed import Asked
from dml.edge.http import SignedInBegin
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute
from dml.edge.streams import EventStream, while_admitted
from dml.feed import rules
from dml.feed.rules import AllForAdmins, PositionForgotten, PositionUnknown, TooManyStreams
from dml.feed.schemas import (
    EventPageOut,
    EventQuery,
    PositionIn,
    StreamQuery,
    event_out,
)
from dml.feed.watching import Streams

router = APIRouter(prefix="/v1/events", route_class=StrictRoute)


@router.get(
    "",
    operation_id="events.list",
    responses=refusals(AllForAdmins, PositionForgotten, PositionUnknown),
)
async def list_events(
    begin: SignedInBegin, streams: Streams, asked: Annotated[EventQuery, Query()]
) -> EventPageOut:
    """List what happened.

    What you may see of the event log, oldest first, from any position: what concerns you, and what
    everyone may see. No event is missed and none comes twice if you go on from the `position` of
    the page before, at any later time. For signed-in users; `all` is for admins.
    """
    async with begin() as ctx:
        readers, viewer = rules.readers_of(ctx.actor, everything=asked.all), ctx.actor
    log = await streams.find_log(asked.after)
    after = log.start_of(asked.after)
    async with begin() as ctx:
        page = await event_feed.read_page(
            ctx.tx,
            Asked(readers, asked.type_names(), asked.subject),
            after=after,
            up_to=streams.horizon.number,
            limit=asked.limit,
        )
    return EventPageOut(
        items=[event_out(log, it, viewer) for it in page.rows],
        position=log.position(max(page.number, after)).write(),
        has_more=page.has_more,
    )


@router.get(
    "/stream",
    operation_id="events.watch",
    response_class=Response,
    responses={
        **refusals(AllForAdmins, PositionForgotten, PositionUnknown, TooManyStreams),
        200: {
            "content": {
                "text/event-stream": {"example": "id: …\nevent: job.completed\ndata: {…}\n\n"}
            }
        },
    },
)
async def watch_events(
    begin: SignedInBegin,
    streams: Streams,
    asked: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[
        PositionIn | None, Header(description="The id of the last event that you have read.")
    ] = None,
) -> Response:
    """Watch what happens.

    Server-sent events, each as `events.list` shows it, with its type and its id: send the last one
    as `Last-Event-ID` when you connect again, and nothing is missed. The first event is `position`,
    with an id and no data. The stream ends with `refused` and a problem document once your session
    or token is no longer valid, and with `dropped` if you read too slowly.
    """
    async with begin() as ctx:
        readers = rules.readers_of(ctx.actor, everything=asked.all)
        user_id = ctx.actor.id
    streams.require_room(user_id)
    position = last_event_id or asked.after
    log = await streams.find_log(position)
    following = Asked(readers, asked.type_names(), asked.subject)
    return EventStream(while_admitted(begin, streams.follow(log, following, user_id, position)))
