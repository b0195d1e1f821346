"""`/docs` from this server alone: FastAPI's own page loads its scripts from other hosts.

How its form signs in, and why Swagger UI is given OpenAPI 3.0: docs/decisions/0032.
"""

import asyncio
import json
from pathlib import Path
from threading import Lock
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from dml.edge.routing import StrictRoute
from dml.entrypoints.page_files import PageFiles

FILES: Final = "/docs/files"
_MAKING: Final = Lock()
_OURS: Final = Path(__file__).with_name("docs_files")
# All but what this server has is forbidden, and so is a script or a style in the page itself.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def serve_docs(app: FastAPI) -> None:
    """Add the page, and the files that it needs."""
    files = PageFiles(directory=_OURS, packages=[("fastapi_swagger", "resources")])
    app.mount(FILES, files, name="docs_files")

    app.state.description = None
    page = Path(__file__).with_name("docs.html").read_bytes()

    router = APIRouter(route_class=StrictRoute)

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        # By a thread: the first time takes more than a second, which others need not wait for.
        return Response(await asyncio.to_thread(_written, app), media_type="application/json")

    app.include_router(router)


def _written(app: FastAPI) -> bytes:
    """Write the description, which is made once."""
    with _MAKING:
        if app.state.description is None:
            app.state.description = json.dumps(app.openapi(), ensure_ascii=False).encode()
        written: bytes = app.state.description
        return written
