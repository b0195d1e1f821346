"""Who asks the graph, and what is loaded for them while one query is answered."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel
from strawberry.dataloader import DataLoader

from dml.core.context import Context
from dml.edge.acting import InPersonOnly
from dml.edge.graphql.graph import Load, LoadPages
from dml.edge.graphql.late import Asker
from dml.edge.graphql.operations import Operation, Refused, Sent
from dml.edge.graphql.refusals import NoSuchNode, PointsUsedUp
from dml.edge.graphql.shapes import TYPE
from dml.edge.http import parts, read
from dml.edge.limits import Spent, spend
from dml.edge.scopes import ANY, require_scope

AT_ONCE: Final = 4  # Operations of one query: nobody takes all connections to the database.
NOT_SHOWN: Final = (401, 403, 404, 422)  # And what is no id of such a thing.


class Asking:
    """One query: its request, and what was loaded for it already."""

    def __init__(self, request: Request, asker: Asker) -> None:
        self.parts = parts(request)
        self.pause_seconds = 0.0  # Between two answers of a subscription.
        self.points = 0  # What each message of a subscription costs.
        self._scope = request.scope
        self._asker = asker
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._loaders: dict[Hashable, DataLoader[UUID, Any]] = {}

    @property
    def is_signed_in(self) -> bool:
        return self._asker.token is not None

    @property
    def whose(self) -> str:
        """Whose points and subscriptions are counted."""
        return self._asker.whose

    async def pay(self, points: int) -> Spent:
        """Spend the points that a query costs. Raises PointsUsedUp."""
        most = self.parts.settings.graph_points_a_minute
        spent = await spend(self.parts, self._asker.whose, points, most=most)
        if spent.left < 0:
            raise PointsUsedUp(
                retry_after_seconds=spent.seconds, points=points, left=spent.left + points
            )
        return spent

    def require_scope(self, operation_id: str) -> None:
        """Refuse who may not ask this operation, whose answer is loaded in its place: by such a
        personal access token, or for an organisation.
        """
        require_scope(self._asker.actor, self.parts.scopes.get(operation_id))
        its = self._asker.organisation_id
        if its is not None and operation_id not in self.parts.for_organisations:
            raise InPersonOnly

    async def run(self, operation: Operation, sent: Sent) -> Any:
        """Run an operation. What was loaded before one that changes something is loaded anew."""
        async with self._turns:
            answer = await operation.run(self._scope, sent)
        if operation.method != "GET":
            self._loaders.clear()
        return answer

    async def first_that_knows(self, ways: Sequence[tuple[Operation, Sent, str | None]]) -> Any:
        """Return what the first of these operations that finds it answers, with its type."""
        for operation, sent, name in ways:
            try:
                answer = await self.run(operation, sent)
            except Refused as refusal:
                if refusal.document["status"] not in NOT_SHOWN:
                    raise
            else:
                answer[TYPE] = name
                return answer
        raise NoSuchNode

    def stream(self, operation: Operation, sent: Sent) -> AsyncGenerator[bytes]:
        """Run an operation that streams, and yield its pieces."""
        return operation.stream(self._scope, sent)

    async def begin_anew(self) -> None:
        """Forget what was loaded for one message of a subscription, and pay for the next."""
        self._loaders.clear()
        await self.pay(self.points)

    def load(self, load: Load, its_id: UUID) -> Awaitable[Any]:
        """Return a thing by its id, found together with all that this step of a query asks for."""
        return self._loader(load, load).load(its_id)

    def load_pages(self, load: LoadPages, chosen: BaseModel, its_id: UUID) -> Awaitable[Any]:
        """Return the first page of what belongs to a thing, found as in `load`."""

        async def load_chosen(ctx: Context, ids: Sequence[UUID]) -> Mapping[UUID, BaseModel]:
            return await load(ctx, ids, chosen)

        return self._loader((load, chosen.model_dump_json()), load_chosen).load(its_id)

    def _reading(self) -> AbstractAsyncContextManager[Context]:
        asker = self._asker
        return read(self.parts, asker.token, scope=ANY, organisation_id=asker.organisation_id)

    def _loader(self, key: Hashable, load: Load) -> DataLoader[UUID, Any]:
        if key not in self._loaders:
            self._loaders[key] = DataLoader(self._loading(load))
        return self._loaders[key]

    def _loading(self, load: Load) -> Callable[[list[UUID]], Awaitable[list[Any]]]:
        async def load_all(ids: list[UUID]) -> list[Any]:
            async with self._turns, self._reading() as ctx:
                found = await load(ctx, ids)
            shown = {
                it: shape.model_dump(mode="json", by_alias=True) for it, shape in found.items()
            }
            return [shown.get(it) for it in ids]

        return load_all
