"""`/console`: the pages of who has signed in, as `make console` built them, where it did.

They are a client of the API like any other (`console/README.md`), so any server of files may hold
them. The policy lets the page load and ask this server alone, and lets no text become a script.
"""

from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from dml.edge.routing import StrictRoute
from dml.entrypoints import shipped
from dml.entrypoints.page_files import PageFiles

PATH: Final = "/console"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def serve_console(app: FastAPI) -> None:
    """Add the page, and the files that it needs: another content has another name."""
    folder = shipped.console()
    if folder is None:
        return
    files = PageFiles(directory=folder / "assets", kept="public, max-age=31536000, immutable")
    app.mount(f"{PATH}/assets", files, name="console_files")
    page = (folder / "index.html").read_bytes()
    router = APIRouter(route_class=StrictRoute)

    @router.get(PATH, include_in_schema=False)
    async def console() -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)

    app.include_router(router)
