"""Which pages may use the cookie. Pure: no session, no clock, no await."""

from typing import Final
from urllib.parse import urlsplit

from dml.core.errors import Forbidden

HEADER: Final = "DML-Browser"


class NotOurPage(Forbidden):
    code = "accounts.not_our_page"
    reason = "Only a page of this marketplace itself may use the cookie that keeps it signed in."
    remedy = (
        f"Ask from a page of the same origin, with the header `{HEADER}: 1`. Behind a proxy that "
        "changes `Host`, an operator sets `DML_PUBLIC_URL`. Other programs keep the refresh token "
        "themselves (`POST /v1/users/refresh`)."
    )


def require_our_page(
    origin: str | None, host: str | None, mark: str | None, *, public_url: str | None
) -> None:
    """Refuse a request that another site's page may have a browser send with our cookie.

    `origin` is what the browser says of the page, which no script can change. `mark` is a header
    that a form can't send, and a script of another origin only where we allow that.
    """
    if mark != "1" or origin is None:
        raise NotOurPage
    if public_url is not None and origin == public_url.rstrip("/"):
        return
    try:
        named = urlsplit(origin)
    except ValueError:  # As of a bracket that is never closed.
        raise NotOurPage from None
    is_ours = named.scheme in ("http", "https") and named.netloc == (host or "").lower()
    if not is_ours or not named.netloc:
        raise NotOurPage
