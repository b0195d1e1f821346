"""Where providers send browsers back to. What else they put into the query is not read."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from dml.accounts.openid import browsing
from dml.accounts.openid.browsing import COOKIE, Back
from dml.accounts.openid.late import TheOpenid
from dml.accounts.openid.routes import ProviderId, browser_limit
from dml.edge.http import BeginAsStranger
from dml.edge.origins import PublicUrl
from dml.edge.routing import StrictRoute

TOLD_MAX: Final = 4_000  # Characters of each thing; what follows is not read.
router = APIRouter(prefix=browsing.PATH, route_class=StrictRoute)


async def _back(request: Request) -> Back:
    """Read what a browser brings: a provider adds what it likes, so nothing is refused here."""
    told = {name: value[:TOLD_MAX] for name, value in request.query_params.items()}
    cookie = request.cookies.get(COOKIE, "")[:100]
    return Back(cookie, told.get("state"), told.get("code"), told.get("error"), told.get("iss"))


@router.get("/{provider_id}/callback", include_in_schema=False, dependencies=[browser_limit])
async def come_back(
    begin: BeginAsStranger,
    openid: TheOpenid,
    base: PublicUrl,
    provider_id: ProviderId,
    back: Annotated[Back, Depends(_back)],
) -> Response:
    """Ask the provider who came back, and send the browser to where its sign-in began."""
    return await browsing.take_back(openid, begin, base, provider_id, back)
