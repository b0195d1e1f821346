"""The graph over a WebSocket (docs/decisions/0042): `graphql-transport-ws`, as its authors wrote it
down (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).

Whoever connects says who they are in `connection_init`, or by a header before. They may have
several questions under way, each by an id of their own. What ends a socket says why, in words. The
older `graphql-ws` is not spoken.
"""

import asyncio
import contextlib
import logging
import time
from contextlib import aclosing
from enum import IntEnum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from fastapi import Request, WebSocket
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeout
from starlette.types import Scope
from starlette.websockets import WebSocketDisconnect

from dml.core import logs, strict_json
from dml.core.context import Actor
from dml.core.errors import DmlError
from dml.edge.acting import HEADER, InPersonOnly
from dml.edge.bodies import BODY, Body
from dml.edge.graphql.late import Asker, LateGraph
from dml.edge.graphql.refusals import OriginRefused, TooManySubscriptions
from dml.edge.graphql.schemas import GraphQuestion
from dml.edge.http import Parts, read
from dml.edge.problems import answer, detail_of
from dml.edge.requests import request_id_of
from dml.edge.scopes import ANY
from dml.edge.streams import LOOK_SECONDS

SOCKETS_AT: Final = "/graphql"
PROTOCOL: Final = "graphql-transport-ws"
INIT_SECONDS: Final = 10.0
ID_MAX: Final = 200  # Characters of the id of a question.
REASON_BYTES: Final = 123  # What a closing frame has room for.
# Of the head that opened it: these are the socket's, and no question's.
_NOT_ASKED: Final = (b"authorization", b"connection", b"upgrade", b"sec-websocket-")

log = logging.getLogger(__name__)


class Close(IntEnum):
    """Why a socket ends. Clients of this protocol connect again but after the ones of 4400, 4401,
    4406, 4409 and 4429, which would end the same.
    """

    TRY_AGAIN = 1013
    INVALID = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    NOT_SPOKEN = 4406
    NO_INIT = 4408
    ID_TWICE = 4409
    INIT_TWICE = 4429
    BUG = 4500


NO_TOKEN: Final = "Send `Authorization: Bearer …` in the payload of `connection_init`."
NOT_VALID: Final = "The token is not valid, or no longer. Get a new one, and connect again."


class Closing(Exception):
    """The socket is to be closed, for this reason."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


async def serve(websocket: WebSocket) -> None:
    """Serve a socket from its handshake on, until either side ends it."""
    asked, began = logs.Asked(request_id_of(b"")), time.perf_counter()
    status = 403
    token = logs.ASKED.set(asked)
    try:
        if is_welcome(websocket):
            status = 101
            await _speak(websocket)
        else:
            await websocket.send_denial_response(answer(OriginRefused()))
    finally:
        logs.ASKED.reset(token)
    seconds = time.perf_counter() - began
    logs.log_request(asked, method="GET", path=SOCKETS_AT, status=status, seconds=seconds)


def is_welcome(websocket: WebSocket) -> bool:
    """Whether the page that asks may: one of ours, one of an origin that CORS lets in, or none."""
    origin, allowed = websocket.headers.get("origin"), _parts(websocket).settings.cors_origins
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return urlsplit(origin).netloc.lower() == websocket.headers.get("host", "").lower()


async def _speak(websocket: WebSocket) -> None:
    is_spoken = PROTOCOL in websocket.scope["subprotocols"]
    await websocket.accept(subprotocol=PROTOCOL if is_spoken else None)
    socket = Socket(websocket)
    try:
        if not is_spoken:
            raise Closing(Close.NOT_SPOKEN, f"Ask for the protocol `{PROTOCOL}`.")
        await socket.run()
    except Closing as closing:
        await socket.close(closing)
    except WebSocketDisconnect:
        pass
    except (
        Exception
    ):  # Whatever it is: its client reads why the socket ended, and the log the rest.
        log.exception("a bug: it ended a socket")
        await socket.close(Closing(Close.BUG, "This is our mistake. Connect again."))


class Socket:
    """One connection, and the questions that are under way on it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._parts = _parts(websocket)
        self._questions: dict[str, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Raises Closing, or WebSocketDisconnect where the client ended it."""
        asker = await self._admit()
        graph: LateGraph = self._websocket.app.state.graph
        self._graph = await graph.made()
        self._asker, self._request = (
            asker,
            _as_request(self._websocket.scope, asker.token, self._parts),
        )
        await self._send({"type": "connection_ack"})
        listening = [asyncio.create_task(it) for it in (self._listen(), self._stay_admitted(asker))]
        try:
            await asyncio.wait((*listening, self._failed), return_when=asyncio.FIRST_COMPLETED)
            for it in (*listening, self._failed):
                if it.done():
                    it.result()
        finally:
            tasks = [*listening, *self._questions.values()]
            for it in tasks:
                it.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, closing: Closing) -> None:
        reason = closing.reason.encode()[:REASON_BYTES].decode(errors="ignore")
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # The other side was first.
            await self._websocket.close(closing.code, reason)

    async def _admit(self) -> Asker:
        """Wait for `connection_init`, and tell who sent it."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                while (message := await self._receive())["type"] != "connection_init":
                    if message["type"] in ("subscribe", "complete"):
                        told = "Send `connection_init` first, and wait for `connection_ack`."
                        raise Closing(Close.UNAUTHORIZED, told)
                    await self._answer_ping(message)
        except TimeoutError:
            told = f"Send `connection_init` within {INIT_SECONDS:.0f} seconds."
            raise Closing(Close.NO_INIT, told) from None
        if HEADER in self._websocket.headers:
            raise Closing(Close.FORBIDDEN, f"{InPersonOnly.reason} {InPersonOnly.remedy}")
        token = _token_of(message, self._websocket)
        if token is None:
            raise Closing(Close.UNAUTHORIZED, NO_TOKEN)
        actor = await self._look(token)
        return Asker(token, str(actor.id), actor)

    async def _look(self, token: str) -> Actor:
        try:
            async with read(self._parts, token, scope=ANY) as ctx:
                return ctx.actor
        except DmlError:
            raise Closing(Close.FORBIDDEN, NOT_VALID) from None
        except (DBAPIError, PoolTimeout, OSError):
            raise Closing(Close.TRY_AGAIN, "The server is busy. Connect again soon.") from None

    async def _stay_admitted(self, asker: Asker) -> None:
        """Look again and again whether who asks still may."""
        assert asker.token is not None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look(asker.token)
            except Closing as closing:
                if closing.code is not Close.TRY_AGAIN:  # The next look tells.
                    raise

    async def _listen(self) -> None:
        while True:
            message = await self._receive()
            match message["type"]:
                case "subscribe":
                    await self._begin(message)
                case "complete":
                    question = self._questions.pop(_id_of(message), None)
                    if question is not None:
                        question.cancel()
                case "connection_init":
                    raise Closing(Close.INIT_TWICE, "Send `connection_init` once.")
                case _:
                    await self._answer_ping(message)

    async def _begin(self, message: dict[str, Any]) -> None:
        its_id = _id_of(message)
        if its_id in self._questions:
            raise Closing(Close.ID_TWICE, f"Subscriber for {its_id} already exists")
        question = _question_of(message)
        most = self._parts.settings.streams_of_one_user
        if len(self._questions) >= most:
            told = self._graph.refuse(TooManySubscriptions(most=most, retry_after_seconds=15))
            await self._send({"type": "error", "id": its_id, "payload": told["errors"]})
            return
        asking = asyncio.create_task(self._ask(its_id, question))
        self._questions[its_id] = asking

    async def _ask(self, its_id: str, question: GraphQuestion) -> None:
        """Answer a question for as long as it has answers; a bug in that ends the socket."""
        last: dict[str, Any] = {"type": "complete", "id": its_id}
        try:
            answers = self._graph.ask(self._request, self._asker, question)
            async with aclosing(answers):
                async for it in answers:
                    if "data" not in it:
                        last = {"type": "error", "id": its_id, "payload": it["errors"]}
                        break
                    await self._send({"type": "next", "id": its_id, "payload": it})
            self._questions.pop(its_id, None)
            await self._send(last)
        except Exception as error:  # Whatever it is ends the socket: `run` waits for this as well.
            if not self._failed.done():
                self._failed.set_exception(error)

    async def _answer_ping(self, message: dict[str, Any]) -> None:
        if message["type"] == "ping":
            await self._send({"type": "pong"})
        elif message["type"] != "pong":
            raise Closing(Close.INVALID, "`type` is none that a client sends.")

    async def _receive(self) -> dict[str, Any]:
        got = await self._websocket.receive()
        if got["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(got.get("code", 1005), got.get("reason"))
        if got.get("text") is None:
            raise Closing(Close.INVALID, "Send messages as text.")
        try:
            message = strict_json.read(got["text"].encode())
        except ValueError as error:
            raise Closing(Close.INVALID, f"A message is no JSON: {error}") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closing(Close.INVALID, "A message is an object with a `type`.")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send_text(msgspec.json.encode(message).decode())


def _parts(websocket: WebSocket) -> Parts:
    found: Parts = websocket.app.state
    return found


def _id_of(message: dict[str, Any]) -> str:
    its_id = message.get("id")
    if not isinstance(its_id, str) or not 0 < len(its_id) <= ID_MAX:
        raise Closing(Close.INVALID, f"`id` must be a text of 1 to {ID_MAX} characters.")
    return its_id


def _question_of(message: dict[str, Any]) -> GraphQuestion:
    try:
        return GraphQuestion.model_validate(message.get("payload"))
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(["payload", *map(str, first["loc"])])
        raise Closing(Close.INVALID, f"{where}: {detail_of(first)}") from None


def _token_of(message: dict[str, Any], websocket: WebSocket) -> str | None:
    """Return the token that was sent: of the payload, if it has one, or of the head."""
    payload = message.get("payload") or {}
    if not isinstance(payload, dict):
        raise Closing(Close.INVALID, "`payload` must be an object.")
    named = {name.lower(): value for name, value in payload.items()}
    sent = named.get("authorization", websocket.headers.get("authorization"))
    scheme, token = get_authorization_scheme_param(sent if isinstance(sent, str) else None)
    return token if scheme.lower() == "bearer" and token else None


def _as_request(scope: Scope, token: str | None, server: Parts) -> Request:
    """Return what a request would be that asked the same as one question of this socket."""
    headers = [it for it in scope["headers"] if not it[0].startswith(_NOT_ASKED)]
    return Request(
        {
            **scope,
            BODY: Body(server.settings.body_limit_bytes, None),
            "type": "http",
            "method": "POST",
            "headers": [*headers, (b"authorization", b"Bearer " + (token or "").encode("latin-1"))],
        }
    )
