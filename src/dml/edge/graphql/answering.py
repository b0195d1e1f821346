"""Answers queries: checked, priced, run, and what went wrong told as REST tells it."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any, Final, cast

import msgspec
from cachetools import LRUCache
from fastapi import FastAPI, Request, Response
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    print_ast,
    subscribe,
)

from dml.core import logs, metrics
from dml.core.errors import DmlError, NotSignedIn
from dml.edge import problems
from dml.edge.graphql.asking import Asking
from dml.edge.graphql.checking import Checking, asks_for_schema
from dml.edge.graphql.following import Subscriptions
from dml.edge.graphql.graph import Graph
from dml.edge.graphql.late import Asker
from dml.edge.graphql.operations import Refused, operations_of
from dml.edge.graphql.refusals import (
    MutationNeedsPost,
    QueryMissing,
    QueryNotKept,
    QueryWrong,
    SubscriptionNeedsStream,
    WrongHash,
)
from dml.edge.graphql.running import JsonExecutor
from dml.edge.graphql.schema import make_schema
from dml.edge.graphql.schemas import GraphQuestion, PersistedQuery
from dml.edge.graphql.streaming import stream, wants_events
from dml.edge.limits import Spent

JSON: Final = "application/json"
GRAPH_JSON: Final = "application/graphql-response+json"
READING_POINTS: Final = 10  # To read a query that was not read before; and more, by its length.
PERSISTED_BYTES: Final = 4 * 1024 * 1024  # Of all queries that are kept by their hash.
SCHEMA_ANSWERS: Final = 8  # Of queries for the schema, which answer the same each time.
_NOT_KEPT: Final = "PersistedQueryNotFound"  # What clients of persisted queries look for.

log = logging.getLogger(__name__)


class Answering:
    """The graph of one app, which takes a while to make."""

    def __init__(self, app: FastAPI, graphs: Sequence[Graph]) -> None:
        self.schema = make_schema(operations_of(app), graphs)
        self.core = self.schema._schema  # It has no public name.
        self._checking = Checking(self.core)
        self._subscriptions = Subscriptions()
        self._persisted: LRUCache[str, str] = LRUCache(PERSISTED_BYTES, getsizeof=len)
        self._schema_answers: LRUCache[str, dict[str, Any]] = LRUCache(SCHEMA_ANSWERS)

    async def answer(self, request: Request, asker: Asker, question: GraphQuestion) -> Response:
        """Answer a question. What is wrong with it is part of the answer."""
        asking = Asking(request, asker)
        if wants_events(request):
            found = self.answers(asking, question, is_safe=request.method == "GET")
            return stream(request, asker, found, refused)
        try:
            ready = await self._prepare(asking, question)
            if ready.kind is OperationType.SUBSCRIPTION:
                raise SubscriptionNeedsStream
        except DmlError as refusal:
            return _written(request, refused(refusal))
        except _Wrong as wrong:
            return _written(request, {"errors": [_told(it) for it in wrong.errors]})
        answer = await self._run(asking, ready, question)
        return _written(request, {**answer, "extensions": {"cost": _cost(ready.spent)}})

    def ask(
        self, request: Request, asker: Asker, question: GraphQuestion
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield the answers to a question of a socket."""
        return self.answers(Asking(request, asker), question)

    def refuse(self, refusal: DmlError) -> dict[str, Any]:
        """Return the answer to what is not asked at all."""
        return refused(refusal)

    async def answers(
        self, asking: Asking, question: GraphQuestion, *, is_safe: bool = False
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield the answer to a query or mutation, or each that a subscription has. One without
        `data` is the last, and says why. Where the way of asking `is_safe`, it changes nothing.
        """
        try:
            ready = await self._prepare(asking, question)
            if ready.kind is OperationType.SUBSCRIPTION:
                async with aclosing(self._follow(asking, ready, question)) as found:
                    async for it in found:
                        yield it
                return
            if is_safe and ready.kind is OperationType.MUTATION:
                raise MutationNeedsPost
            answer = await self._run(asking, ready, question)
            yield {**answer, "extensions": {"cost": _cost(ready.spent)}}
        except DmlError as refusal:
            yield refused(refusal)
        except Refused as refusal:
            yield {"errors": [_as_extensions(refusal.document)]}
        except _Wrong as wrong:
            yield {"errors": [_told(it) for it in wrong.errors]}

    async def _follow(
        self, asking: Asking, ready: "_Ready", question: GraphQuestion
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield what a subscription tells, but nothing that it told just before."""
        if not asking.is_signed_in:
            raise NotSignedIn
        with self._subscriptions.one_more(asking):
            asking.points = ready.spent.points
            following = subscribe(
                self.core,
                ready.document,
                context_value=asking,
                variable_values=question.variables,
                operation_name=question.operationName,
                executor_class=JsonExecutor,
            )
            found = await following if isawaitable(following) else following
            if isinstance(found, ExecutionResult):
                raise _Wrong(found.errors or ())
            told = None
            async with aclosing(cast("AsyncGenerator[ExecutionResult]", found)):
                async for result in found:
                    if result.errors or result.data != told:
                        yield _as_answer(result)
                    told = result.data

    async def _prepare(self, asking: Asking, question: GraphQuestion) -> "_Ready":
        """Read a query, hold it to all limits, and have it paid."""
        named = question.extensions.persistedQuery if question.extensions else None
        query = question.query or self._find(named)
        if named and hashlib.sha256(query.encode()).hexdigest() != named.sha256Hash:
            raise WrongHash
        reading = 0 if self._checking.is_kept(query) else READING_POINTS + len(query) // 10
        if reading:
            await asking.pay(reading)
        checked = self._checking.check(query)
        if checked.errors:
            raise _Wrong(checked.errors)
        operation = checked.operation(question.operationName)
        if operation is None:
            raise _Wrong([GraphQLError("`operationName` must name one of the operations.")])
        assert checked.document is not None
        points = self._checking.price(checked, operation, question.variables or {})
        spent = await asking.pay(points)
        if named and self._checking.is_kept(query):  # And so changes nothing.
            self._persisted[named.sha256Hash] = query
        return _Ready(checked.document, operation, replace(spent, points=points + reading))

    def _find(self, named: PersistedQuery | None) -> str:
        """Return a query that is kept by its hash."""
        if named is None:
            raise QueryMissing
        metrics.CACHE.inc("kept_queries", "asked")
        kept = self._persisted.get(named.sha256Hash)
        if kept is None:
            raise QueryNotKept
        return kept

    async def _run(
        self,
        asking: Asking,
        ready: "_Ready",
        question: GraphQuestion,
    ) -> dict[str, Any]:
        if asks_for_schema(ready.operation):
            return await self._tell_schema(ready.document, question)
        running = self._execute(ready.document, question, asking)
        return _as_answer(await running if isawaitable(running) else running)

    def _execute(
        self, document: DocumentNode, question: GraphQuestion, asking: Asking | None
    ) -> Any:
        return execute(
            self.core,
            document,
            context_value=asking,
            variable_values=question.variables,
            operation_name=question.operationName,
            executor_class=JsonExecutor,
        )

    async def _tell_schema(self, document: DocumentNode, question: GraphQuestion) -> dict[str, Any]:
        """Answer what asks for the schema, by a thread: all of it takes a good part of a second."""
        key = json.dumps([print_ast(document), question.operationName, question.variables])
        if key not in self._schema_answers:
            result = await asyncio.to_thread(self._execute, document, question, None)
            if result.errors:
                return {"data": result.data, "errors": [_told(it) for it in result.errors]}
            self._schema_answers[key] = {"data": result.data}
        return self._schema_answers[key]


@dataclass(frozen=True, slots=True)
class _Ready:
    """What is to be run, and what was paid for it."""

    document: DocumentNode
    operation: OperationDefinitionNode
    spent: Spent

    @property
    def kind(self) -> OperationType:
        return self.operation.operation


class _Wrong(Exception):
    """The query is none that this schema has an answer for."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors


def _as_answer(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [_told(it) for it in result.errors]}


def _told(error: GraphQLError) -> dict[str, Any]:
    """Tell what went wrong: a refusal as REST does, a bug by the id of the request alone."""
    cause = error.original_error
    if isinstance(cause, Refused):
        told = _as_extensions(cause.document)
    elif isinstance(cause, DmlError):
        told = _refused(cause)
    elif cause is None or isinstance(cause, GraphQLError):
        told = {**_refused(QueryWrong()), "message": error.message}
    else:
        log.error("a bug: a field was answered with null", exc_info=cause)
        told = _as_extensions(json.loads(bytes(problems.explained(500).body)))
        told["extensions"]["requestId"] = logs.request_id()
    if error.locations:
        told["locations"] = [{"line": it.line, "column": it.column} for it in error.locations]
    if error.path:
        told["path"] = error.path
    return told


def refused(refusal: DmlError) -> dict[str, Any]:
    """Return the answer to what is not run at all, or no longer."""
    return {"errors": [_refused(refusal)]}


def _refused(refusal: DmlError) -> dict[str, Any]:
    told = _as_extensions(json.loads(bytes(problems.answer(refusal).body)))
    if isinstance(refusal, QueryNotKept):
        told["message"] = _NOT_KEPT
    return told


def _as_extensions(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a problem document as an error of the graph."""
    rest = {name: it for name, it in document.items() if name not in ("title", "detail")}
    return {
        "message": document["title"],
        "extensions": {**rest, "remedy": document.get("detail")},
    }


def _cost(spent: Spent) -> dict[str, int]:
    return {"points": spent.points, "left": spent.left, "resetsInSeconds": spent.seconds}


def _written(request: Request, answer: dict[str, Any]) -> Response:
    """Write an answer in the type that is asked for; one without data has a status of its own."""
    if GRAPH_JSON not in request.headers.get("accept", ""):
        return Response(_as_bytes(answer), media_type=JSON)
    status = 200 if "data" in answer else answer["errors"][0]["extensions"]["status"]
    return Response(_as_bytes(answer), status, media_type=GRAPH_JSON)


def _as_bytes(answer: dict[str, Any]) -> bytes:
    # What is wrong may quote half of a character, which no UTF-8 has.
    return json.dumps(answer).encode() if "errors" in answer else msgspec.json.encode(answer)
