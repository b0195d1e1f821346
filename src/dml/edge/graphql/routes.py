"""The graph over HTTP: parse, make one call. No `if`, no `try`."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response, WebSocket

from dml.edge.graphql.late import TheGraph, WhoAsks
from dml.edge.graphql.schemas import GraphAnswerOut, GraphQuestion
from dml.edge.graphql.sockets import SOCKETS_AT, serve
from dml.edge.routing import StrictRoute

router = APIRouter(route_class=StrictRoute)
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "What came of it, also where all of it was refused. To `Accept: "
        "application/graphql-response+json`, an answer without `data` has the status of its first "
        "error."
    }
}


@router.post(
    SOCKETS_AT,
    operation_id="graph.ask",
    response_model=GraphAnswerOut,
    responses=ANSWER,
)
async def ask(
    graph: TheGraph, asker: WhoAsks, question: GraphQuestion, request: Request
) -> Response:
    """Ask the graph.

    A query or mutation in GraphQL: what `docs/api/schema.graphql` names, and a browser shows at
    this path. Each field of it is an operation of this API, with its rules, and `errors` tell what
    its problem document would. Anybody may ask; who sends a token may see more.

    To `Accept: text/event-stream` it answers with server-sent events, as graphql-sse has them: each
    answer is a `next`, and `complete` is the last. So subscriptions have their answers; or by a
    WebSocket to this path that speaks `graphql-transport-ws`. They are for signed-in users.
    """
    return await graph.answer(request, asker, question)


@router.websocket(SOCKETS_AT)
async def follow(websocket: WebSocket) -> None:
    """Ask and follow the graph over one connection that stays."""
    await serve(websocket)
