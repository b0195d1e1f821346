"""Problem documents as pages, for people who opened a path of the API in a browser.

A browser asks for HTML before all else, a program does not. So the one refusal is a page to the
one and a problem document to the other, made of the same members, whatever it was that refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends, Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.types import Message, Send

from dml.edge.pages import Page
from dml.edge.problems import MEDIA_TYPE

ACCEPT_MAX: Final = 1_000  # Characters that are read of it: a browser sends some hundred.
_PAGE: Final = Page(Path(__file__).with_name("problem.html"))
_MEMBERS: Final = ("type", "title", "status", "code")
_OPTIONAL: Final[Mapping[str, Any]] = {"detail": None, "errors": ()}
_OF_JSON: Final = ("content-type", "content-length")
_WEIGHT: Final = re.compile(r"q=([01](?:\.[0-9]{0,3})?)")


def prefers_page(accept: str) -> bool:
    """Whether who sends this `Accept` (RFC 9110, 12.5.1) would rather have HTML than JSON."""
    asked = accept[:ACCEPT_MAX].lower()
    if "text/" not in asked:  # As of nearly all programs: each read pays for this.
        return False
    weights = dict(map(_weighed, asked.split(",")))

    def weight(kind: str, subtype: str) -> float:
        named = (f"{kind}/{subtype}", f"{kind}/*", "*/*")
        return next((weights[it] for it in named if it in weights), 0.0)

    json_weight = max(weight("application", "problem+json"), weight("application", "json"))
    return weight("text", "html") > json_weight


def _weighed(kind: str) -> tuple[str, float]:
    name, *parameters = (it.strip() for it in kind.split(";"))
    weights = [found for it in parameters if (found := _WEIGHT.fullmatch(it))]
    return name, float(weights[0][1]) if weights else 1.0


def in_pages(send: Send, request_id: str) -> Send:
    """Send problem documents as pages, and all else as it is."""
    started: Message | None = None
    body = bytearray()

    async def send_page(message: Message) -> None:
        nonlocal started
        if message["type"] == "http.response.start" and _is_problem(message):
            started = message
        elif started is None:
            await send(message)
        else:
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await _send_page(send, started, json.loads(body), request_id)

    return send_page


def _is_problem(start: Message) -> bool:
    return Headers(scope=start).get("content-type") == MEDIA_TYPE


async def _send_page(
    send: Send, start: Message, document: Mapping[str, Any], request_id: str
) -> None:
    known = {**_OPTIONAL, **document}
    members = {it: known.pop(it) for it in (*_MEMBERS, *_OPTIONAL)}
    phrase = HTTPStatus(members["status"]).phrase
    page = _PAGE.answer({**members, "phrase": phrase, "facts": known, "request_id": request_id})
    # What it may be kept for, and what it tells a client, is as it was.
    headers = [(name, it) for name, it in start["headers"] if name.decode() not in _OF_JSON]
    headers += [(name, it) for name, it in page.raw_headers if name != b"cache-control"]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": page.body})


Shape: TypeAlias = Callable[[Page, BaseModel], Any]


async def _shape_of(request: Request, response: Response) -> Shape:
    is_page = prefers_page(request.headers.get("accept", ""))
    response.headers["Vary"] = "Accept"

    def shape(page: Page, told: BaseModel) -> Any:
        if not is_page:
            return told
        answer = page.answer(told.model_dump())
        answer.headers["Vary"] = "Accept"
        return answer

    return shape


# For a route that answers people with a page, and programs with JSON.
PageOrJson: TypeAlias = Annotated[Shape, Depends(_shape_of)]
