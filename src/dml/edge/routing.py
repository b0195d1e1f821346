"""How a route of ours reads and answers: JSON strictly, and each read with a version."""

import email.message
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from dml.core import strict_json
from dml.edge import etags

_JSON: Final = "application/json"


class StrictRequest(Request):
    """A request whose body is read as JSON that has one meaning, in the type that it says."""

    async def json(self) -> Any:
        _require_json(self.headers.get("content-type", ""))
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise HTTPException(415, "Send the body as it is, without `Content-Encoding`.")
        return strict_json.read(await self.body())


def _require_json(content_type: str) -> None:
    """Refuse a type that is like JSON's, and another charset than JSON has."""
    told = email.message.Message()
    told["content-type"] = content_type
    charset = told.get_param("charset", "utf-8")
    if told.get_content_type() != _JSON or str(charset).lower() not in ("utf-8", "utf8"):
        raise HTTPException(415, f"Send the body as UTF-8, with `Content-Type: {_JSON}`.")


class StrictRoute(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            response = await handle(StrictRequest(request.scope, request.receive))
            if response.status_code in (200, 201) and not isinstance(response, StreamingResponse):
                etags.complete(response, is_read=request.method == "GET")
            return response

        return handle_strictly
