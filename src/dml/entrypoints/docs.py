"""`/docs` from this server alone: FastAPI's own page loads its scripts from other hosts."""

from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

FILES: Final = "/docs/files"


def serve_docs(app: FastAPI) -> None:
    """Add the page, the files that it needs, and a way to it from the root."""
    app.mount(FILES, StaticFiles(packages=[("fastapi_swagger", "resources")]), name="docs_files")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{FILES}/swagger-ui.css",
            swagger_favicon_url=f"{FILES}/favicon-32x32.png",
            swagger_ui_parameters={"filter": True, "persistAuthorization": True},
        )

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")
