"""Who may read the mails that are kept on this machine."""

from http import HTTPStatus

from fastapi import HTTPException, Request

from dml.core.addresses import is_loopback
from dml.edge.http import address_of, parts
from dml.mail.shelf import Shelf


async def require_here(request: Request) -> None:
    """Let in a browser of this machine that asks for a name of this machine: no proxy hands it on,
    and no page of a stranger, whose name may lead here, reads it.
    """
    handed_on = any(it in request.headers for it in ("forwarded", "x-forwarded-for", "via"))
    is_ours = is_loopback(address_of(request) or "localhost")
    is_asked = is_loopback(request.url.hostname or "")
    if handed_on or not (Shelf.is_used(parts(request).settings) and is_ours and is_asked):
        raise HTTPException(HTTPStatus.NOT_FOUND, "Not Found")
