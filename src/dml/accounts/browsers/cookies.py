"""The cookie that holds a page's refresh token: no script reads it, and no other route gets it."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Response

from dml.accounts.browsers import rules
from dml.accounts.sessions import Opened
from dml.edge.http import guarded, parts

COOKIE: Final = "dml_session"
PATH: Final = "/v1/sessions/browser"
_LENGTH_MAX: Final = 100  # No refresh token is longer.


async def _check_page(request: Request) -> None:
    told = request.headers
    rules.require_our_page(
        told.get("origin"),
        told.get("host"),
        told.get(rules.HEADER),
        public_url=parts(request).settings.public_url,
    )


_MARK: Final = Header(alias=rules.HEADER, description="`1`: says that a page of ours asks.")


@guarded(_check_page)
async def require_our_page(request: Request, mark: Annotated[str | None, _MARK] = None) -> None:
    """Refuse who is no page of this marketplace, before anything else is told them."""
    await _check_page(request)


async def _kept(request: Request) -> str:
    return request.cookies.get(COOKIE, "")[:_LENGTH_MAX]


async def _jar(request: Request, response: Response) -> "Jar":
    return Jar(response, is_secure=request.headers.get("origin", "").startswith("https:"))


class Jar:
    """Where the cookie of an answer goes. It is for TLS alone where the page came by TLS."""

    def __init__(self, response: Response, *, is_secure: bool) -> None:
        self._response, self._is_secure = response, is_secure

    def keep(self, opened: Opened, now: datetime) -> None:
        """Keep what refreshes a session, for as long as that lasts unless it is used."""
        self._set(opened.refresh_token, int((opened.session.expires_at - now).total_seconds()))

    def empty(self) -> None:
        self._set("", 0)

    def _set(self, value: str, seconds: int) -> None:
        self._response.set_cookie(
            COOKIE,
            value,
            max_age=seconds,
            path=PATH,
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )


OurPage: Final = Depends(require_our_page)
Kept = Annotated[str, Depends(_kept)]
CookieJar = Annotated[Jar, Depends(_jar)]
