"""REST for links to files: parse, call one function, shape the answer. No `if`."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from dml.algorithms import rules as algorithm_rules
from dml.algorithms.file_links import links, rules
from dml.algorithms.file_links.links import FileLink
from dml.algorithms.file_links.schemas import FileLinkOut, FileLinkQuery
from dml.algorithms.version_routes import A_FILE
from dml.core.ids import AlgorithmId, VersionId
from dml.edge.files import SendFile
from dml.edge.http import Ctx, Server
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(
    prefix="/v1/algorithms/{algorithm_id}/versions/{version_id}", route_class=StrictRoute
)


@router.post(
    "/file-links",
    operation_id="file_links.create",
    status_code=201,
    response_model=FileLinkOut,
    responses=refusals(
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.VersionNotFound,
        algorithm_rules.FileForgotten,
    ),
)
async def make_link(
    ctx: Ctx, server: Server, algorithm_id: AlgorithmId, version_id: VersionId
) -> FileLink:
    """Create a link to a version's model.

    For some minutes whoever has the link can download the file, without signing in: another program
    of yours, say, to which you would not give a token. For its developer and moderators.
    """
    return await links.make(server, ctx, algorithm_id, version_id)


@router.get(
    "/linked-file",
    operation_id="file_links.get_file",
    response_class=Response,
    responses=A_FILE
    | refusals(
        rules.BadFileLink,
        algorithm_rules.AlgorithmNotFound,
        algorithm_rules.VersionNotFound,
        algorithm_rules.FileForgotten,
    ),
)
async def get_linked_file(
    server: Server,
    algorithm_id: AlgorithmId,
    version_id: VersionId,
    query: Annotated[FileLinkQuery, Query()],
    send: SendFile,
) -> Response:
    """Download a version's model by a link.

    For whoever has a link to it that is still good; no token is asked for. Parts of the file can be
    asked for, as long as the link is good.
    """
    version = await links.open_link(
        server, algorithm_id, version_id, expires=query.expires, signature=query.signature
    )
    named = {"Content-Disposition": f'attachment; filename="{version.id}.onnx"'}
    return await send(version.sha256, headers=links.HEADERS | named)
