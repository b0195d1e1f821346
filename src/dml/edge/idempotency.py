"""`Idempotency-Key`: the same request sent twice is done once and answered alike, for 24 hours.

The answer is stored in the transaction that did the work. So two of the same at once wait for
each other, and a request that failed stores nothing: trying again finishes the work.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, NoReturn, TypeVar

from fastapi import Depends, Header, Request, Response
from sqlalchemy import LargeBinary, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from dml.core import strict_json
from dml.core.context import Actor, BeginFunction, Context
from dml.core.db import Base
from dml.core.errors import DmlError, Invalid
from dml.core.ids import UserId
from dml.edge.http import Ctx
from dml.edge.routing import StrictRoute

FoundT = TypeVar("FoundT")
KEPT: Final = timedelta(hours=24)
FOUND_AGAIN: Final = timedelta(hours=1)  # No request takes as long.
REPLAYED: Final = "Idempotency-Replayed"
_REPEATED_HEADERS: Final = ("content-type", "location", "etag")


class IdempotencyKeyReused(Invalid):
    code = "edge.idempotency_key_reused"
    pointer = "/Idempotency-Key"
    reason = "This Idempotency-Key was used for another request."
    remedy = "Send the very same request again, or choose a new key for a new one."


class IdempotentAnswer(Base):
    __tablename__ = "idempotent_answers"

    user_id: Mapped[UserId] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None] = mapped_column(default=None)
    headers: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    body: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


async def was_answered(ctx: Context, key: str | None) -> bool:
    """Whether the actor's request under this key was answered, and that answer is kept for long
    enough that `Once` finds it: what is asked again is only told again, or refused.
    """
    if key is None or ctx.actor.user_id is None:
        return False
    query = select(IdempotentAnswer.status).where(
        IdempotentAnswer.user_id == ctx.actor.id,
        IdempotentAnswer.key == key,
        IdempotentAnswer.created_at > ctx.now - KEPT + FOUND_AGAIN,
    )
    return await ctx.tx.scalar(query) is not None


class Replay(Exception):
    """The request was answered before: nothing is to be done but to repeat the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def replay(_: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    return error.response


KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A new random text for each thing to do, such as a UUID. The same request with "
        "the same key is done once within 24 hours; sent again, it returns the first answer, with "
        "`Idempotency-Replayed: true`.",
        examples=["a-random-uuid"],
    ),
]


def once(*secret: str) -> Any:
    """Return the dependency for a body with such `secret` fields: no digest is kept of those.

    A digest of a password with all else known would be a password hashed far too fast.
    """

    async def hold_key(
        request: Request,
        ctx: Ctx,
        idempotency_key: KeyHeader = None,
    ) -> None:
        if idempotency_key is None:
            return
        body = _without(await request.body(), secret) if secret else await request.body()
        request.state.idempotent = await _claim(ctx, idempotency_key, _digest(request, body))

    return Depends(hold_key)


Once = once()


class LateTransaction:
    """For a route that takes a file in, or asks others, between transactions of its own.

    The last one stays open until its answer is stored. Of a file only the digest counts, as it was
    stored: the boundaries of a form, and how a file comes in pieces, differ each time.
    """

    def __init__(self, request: Request, key: str | None, stack: AsyncExitStack) -> None:
        self._request, self._key, self._stack = request, key, stack
        self.ctx: Context

    async def begin(
        self, begin: BeginFunction, check: Callable[[Context], Awaitable[FoundT]]
    ) -> tuple[Actor, datetime, FoundT | None]:
        """Return who asks, since when, and what `check` finds before a file comes.

        None is found where this key has an answer already, so that nothing is to be checked or
        kept. That is looked up after the check: what it refused may have been used up by the first
        of two such requests, and what it counted is then none of that one's.
        """
        refused: DmlError | None = None
        try:
            async with begin() as ctx:
                found = await check(ctx)
        except DmlError as refusal:
            if self._key is None:
                raise
            refused = refusal
        if self._key is not None:
            async with begin() as ctx:
                if await self._was_answered(ctx):
                    return ctx.actor, ctx.now, None
        if refused is not None:
            raise refused
        return ctx.actor, ctx.now, found

    async def _was_answered(self, ctx: Context) -> bool:
        if self._key is None or ctx.actor.user_id is None:  # A stranger is refused before long.
            return False
        query = select(IdempotentAnswer.status).where(
            IdempotentAnswer.user_id == ctx.actor.id,
            IdempotentAnswer.key == self._key,
            IdempotentAnswer.created_at > ctx.now - KEPT,
        )
        return await ctx.tx.scalar(query) is not None

    async def open(
        self, opening: AbstractAsyncContextManager[Context], actor: Actor, *sent: str
    ) -> Context:
        """Open the last transaction; or repeat the answer to the same, or refuse another request.

        What was `sent` is told as digests and short texts.
        """
        ctx = replace(await self._stack.enter_async_context(opening), actor=actor)
        self.ctx = self._request.state.ctx = ctx
        if self._key is not None:
            body = json.dumps(sent).encode()
            self._request.state.idempotent = await _claim(
                ctx, self._key, _digest(self._request, body)
            )
        return ctx

    async def repeat(
        self, opening: AbstractAsyncContextManager[Context], actor: Actor, *sent: str
    ) -> NoReturn:
        """Repeat the answer that this key has, or refuse another request."""
        await self.open(opening, actor, *sent)
        raise IdempotencyKeyReused  # The answer was forgotten this very moment: 24 hours are over.


async def _hold_late(request: Request, key: KeyHeader = None) -> AsyncIterator[LateTransaction]:
    async with AsyncExitStack() as stack:
        yield LateTransaction(request, key, stack)


Late = Annotated[LateTransaction, Depends(_hold_late, scope="function")]


def _digest(request: Request, body: bytes) -> bytes:
    query = f"?{request.url.query}" if request.url.query else ""
    asked = f"{request.method} {request.url.path}{query}\n".encode()
    return hashlib.sha256(asked + body).digest()


def _without(body: bytes, secret: Collection[str]) -> bytes:
    try:
        fields = strict_json.read(body)
    except strict_json.NotStrict:
        return b""  # No JSON that can be read: the route refuses it, which stores nothing.
    if not isinstance(fields, dict):
        return b""  # And this, too.
    kept = {name: value for name, value in fields.items() if name not in secret}
    return json.dumps(kept, sort_keys=True).encode()


async def _claim(ctx: Context, key: str, request_sha256: bytes) -> IdempotentAnswer:
    """Hold this key until the transaction ends; or repeat the answer, or refuse another request."""
    await ctx.tx.execute(
        delete(IdempotentAnswer).where(
            IdempotentAnswer.user_id == ctx.actor.id,
            IdempotentAnswer.key == key,
            IdempotentAnswer.created_at <= ctx.now - KEPT,
        )
    )
    row = {"user_id": ctx.actor.id, "key": key, "request_sha256": request_sha256}
    await ctx.tx.execute(
        insert(IdempotentAnswer).values(**row, created_at=ctx.now).on_conflict_do_nothing()
    )
    query = select(IdempotentAnswer).where(
        IdempotentAnswer.user_id == ctx.actor.id, IdempotentAnswer.key == key
    )
    answer = (await ctx.tx.scalars(query)).one()
    if answer.request_sha256 != request_sha256:
        raise IdempotencyKeyReused
    if answer.status is not None:
        headers = {**(answer.headers or {}), REPLAYED: "true"}
        raise Replay(Response(answer.body, answer.status, headers))
    return answer


class IdempotentRoute(StrictRoute):
    """A route that stores its answer, in the still open transaction, where `Once` asked for it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            response = await handle(request)
            answer: IdempotentAnswer | None = getattr(request.state, "idempotent", None)
            if answer is not None and response.status_code < 300:
                answer.status = response.status_code
                answer.body = bytes(response.body)
                answer.headers = {
                    name: response.headers[name]
                    for name in _REPEATED_HEADERS
                    if name in response.headers
                }
                await request.state.ctx.tx.flush()
            return response

        return handle_once


async def forget_old(tx: AsyncSession, now: datetime) -> int:
    """Delete the answers that are no longer repeated. Return how many."""
    gone = await tx.execute(
        delete(IdempotentAnswer)
        .where(IdempotentAnswer.created_at <= now - KEPT)
        .returning(IdempotentAnswer.key)
    )
    return len(gone.all())
