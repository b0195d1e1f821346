"""`/docs` from this server alone: FastAPI's own page loads its scripts from other hosts."""

import hashlib
import re
from base64 import b64encode
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

FILES: Final = "/docs/files"
_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def serve_docs(app: FastAPI) -> None:
    """Add the page, and the files that it needs."""
    app.mount(FILES, StaticFiles(packages=[("fastapi_swagger", "resources")]), name="docs_files")

    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon-32x32.png",
        # A token that outlives the page would lie where any script of this origin finds it.
        swagger_ui_parameters={"filter": True, "persistAuthorization": False},
    )
    page.headers["Content-Security-Policy"] = _policy_of(bytes(page.body))
    page.headers["Referrer-Policy"] = "no-referrer"

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page


def _policy_of(page: bytes) -> str:
    """Forbid the page all but its own script, and what this server has."""
    scripts = [hashlib.sha256(it).digest() for it in _SCRIPT.findall(page)]
    hashes = " ".join(f"'sha256-{b64encode(it).decode()}'" for it in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
