"""Under which address clients reach this marketplace: mailed links and signed messages name it.

A request says it itself, in `Host`, which a stranger chooses: so it counts only where it is ours.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Final

from fastapi import Depends, Request

from dml.core.errors import Invalid
from dml.edge.http import parts

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


class UnknownHost(Invalid):
    code = "edge.unknown_host"
    reason = "The request's `Host` is not a name of this marketplace."
    remedy = (
        "Ask by the address that the operator gives; an operator sets `DML_PUBLIC_URL`, or lists "
        "the names in `DML_ALLOWED_HOSTS`."
    )


def origin_of(
    hosts: Sequence[str],
    scheme: str,
    port: int,
    allowed: Collection[str],
    *,
    public_url: str | None = None,
) -> str:
    """Return our origin: the public URL if one is set. Refuse a host that is not ours.

    `hosts` are the request's `Host` headers: a signature for another site's name would be valid
    there, and a link would lead there. `port` is the one that we listen on.
    """
    if public_url is not None:
        return public_url.rstrip("/")
    named = hosts[0].lower() if len(hosts) == 1 else ""
    ports = ("", f":{port}") if _USUAL_PORTS.get(scheme) == port else (f":{port}",)
    ours = {name + it for name in LOOPBACK for it in ports}
    if named not in ours | {it.lower() for it in allowed}:
        raise UnknownHost
    return f"{scheme}://{named}"


async def _public_url(request: Request) -> str:
    settings = parts(request).settings
    _, port = request.scope.get("server") or ("", None)
    return origin_of(
        request.headers.getlist("host"),
        request.url.scheme,
        port or settings.port,
        settings.allowed_hosts,
        public_url=settings.public_url,
    )


async def _known_url(request: Request) -> str | None:
    """Return our origin for a page; None where the request's host is not known to be ours."""
    try:
        return await _public_url(request)
    except UnknownHost:
        return None


PublicUrl = Annotated[str, Depends(_public_url)]
KnownUrl = Annotated[str | None, Depends(_known_url)]
