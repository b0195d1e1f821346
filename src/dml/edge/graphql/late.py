"""The graph as an app has it before anybody asks: to load and make it would make a start longer."""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response

from dml.core.context import Actor
from dml.core.ids import UserId
from dml.edge.graphql.graph import Graph
from dml.edge.graphql.schemas import GraphQuestion
from dml.edge.http import Credentials, find_actor, token_of
from dml.edge.limits import client_network


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. `whose` points a query costs: a user's, by the id, or those of a network."""

    token: str | None
    whose: str
    actor: Actor

    @property
    def organisation_id(self) -> UserId | None:
        """For which organisation they ask; None where they do in person."""
        return None if self.actor.by is None else self.actor.id


class LateGraph:
    """Makes the graph of an app, by a thread, when it is first asked."""

    def __init__(self, app: FastAPI, load: Callable[[], Sequence[Graph]]) -> None:
        self._app = app
        self._load = load
        self._making: asyncio.Task[Any] | None = None

    async def answer(self, request: Request, asker: Asker, question: GraphQuestion) -> Response:
        made = await self.made()
        answer: Response = await made.answer(request, asker, question)
        return answer

    async def made(self) -> Any:
        if self._making is None or (self._making.done() and self._making.exception()):
            self._making = asyncio.ensure_future(asyncio.to_thread(self.make))
        return await asyncio.shield(self._making)

    def make(self) -> Any:
        answering = importlib.import_module("dml.edge.graphql.answering")
        return answering.Answering(self._app, self._load())


async def _asker(
    request: Request, credentials: Credentials, actor: Annotated[Actor, Depends(find_actor)]
) -> Asker:
    user_id = actor.by or actor.user_id
    whose = client_network(request) if user_id is None else str(user_id)
    return Asker(token_of(credentials), whose, actor)


async def _graph(request: Request) -> LateGraph:
    graph: LateGraph = request.app.state.graph
    return graph


WhoAsks = Annotated[Asker, Depends(_asker)]
TheGraph = Annotated[LateGraph, Depends(_graph)]
