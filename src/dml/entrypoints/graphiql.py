"""GraphiQL at `/graphql` in a browser, from this server alone: Strawberry's page loads other hosts.

Its files are those of the packages that `graphiql_files/README.md` names.
"""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from dml.edge.graphql.late import TheGraph, WhoAsks
from dml.edge.graphql.streaming import answer_get
from dml.edge.routing import StrictRoute
from dml.entrypoints.page_files import PageFiles

FILES: Final = "/graphql/files"
_FOLDER: Final = Path(__file__).with_name("graphiql_files")
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DML Marketplace: the graph</title>
<link rel="stylesheet" href="{FILES}/graphiql.min.css">
<link rel="stylesheet" href="{FILES}/page.css">
</head>
<body>
<div id="graphiql">The page needs JavaScript.</div>
<script src="{FILES}/react.production.min.js"></script>
<script src="{FILES}/react-dom.production.min.js"></script>
<script src="{FILES}/graphiql.min.js"></script>
<script src="{FILES}/page.js"></script>
</body>
</html>
"""
# GraphiQL's style sheet holds its font; its editor sets styles by script, which this allows.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src data:; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


router = APIRouter(route_class=StrictRoute)


@router.get("/graphql", operation_id="pages.get_graph", response_class=HTMLResponse)
async def show_graphiql(request: Request, graph: TheGraph, asker: WhoAsks) -> Response:
    """Show the graph as a web page.

    HTML for people: GraphiQL, in which queries are written and tried. Programs send a query by
    `POST` (`graph.ask`). To `Accept: text/event-stream` it answers as `graph.ask` does, what the
    query string asks by `query`, `variables`, `operationName` and `extensions`: no mutation.
    """
    accept = request.headers.get("accept", "*/*")
    return await answer_get(request, graph, asker, lambda: _page(accept))


def serve_graphiql(app: FastAPI) -> None:
    """Add the files that the page needs."""
    app.mount(FILES, PageFiles(directory=_FOLDER), name="graphiql_files")


def _page(accept: str) -> HTMLResponse:
    if "text/html" not in accept and "*/*" not in accept:
        raise HTTPException(406, "This is a page for browsers: send queries by `POST`, as JSON.")
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_PAGE, headers=headers)
