"""A browser's way to a provider and back. No transaction is open while the provider is asked."""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from fastapi import Response

from dml.accounts.openid import rules, service
from dml.accounts.openid.late import Openid
from dml.accounts.openid.models import OpenidStart
from dml.accounts.openid.providers import Asked, Provider
from dml.accounts.openid.service import Begun
from dml.core.context import BeginFunction
from dml.core.errors import DmlError

log = logging.getLogger(__name__)

COOKIE: Final = "dml_openid"
PATH: Final = "/openid"  # Where browsers come back to.
_NOT_KEPT: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class Back:
    """What a browser brings back from a provider."""

    cookie: str
    state: str | None
    code: str | None
    error: str | None
    issuer: str | None


async def send_off(openid: Openid, begin: BeginFunction, base: str, begun: Begun) -> Response:
    """Send a browser to a provider, with a cookie by which it is known when it comes back."""
    provider = openid.find(begun.provider)
    rules.require_return_to(begun.return_to, openid.return_to)
    async with begin() as ctx:
        cookie = await service.begin(ctx, begun)
    exchange = await openid.exchange()
    url = await exchange.authorize_url(_asked(provider, cookie, base, is_fresh=begun.is_fresh))
    answer = _to(url)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(rules.START_LASTS.total_seconds()),
        path=PATH,
        secure=base.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


async def take_back(
    openid: Openid, begin: BeginFunction, base: str, provider_id: str, back: Back
) -> Response:
    """Ask the provider who came back, and send the browser on: with a code, or why there is none.

    Who began nothing here goes nowhere.
    """
    provider = openid.find(provider_id)
    async with begin() as ctx:
        start = await service.end_start(ctx, back.cookie, provider.id)
    try:
        told = {"code": await _login(openid, begin, provider, base, start, back)}
    except DmlError as refusal:
        log.warning("%s: %s %s", provider.id, refusal.code, getattr(refusal, "why", ""))
        told = {"error": refusal.code}
    answer = _to(_with(start.return_to, told))
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


async def _login(
    openid: Openid,
    begin: BeginFunction,
    provider: Provider,
    base: str,
    start: OpenidStart,
    back: Back,
) -> str:
    asked = _asked(provider, back.cookie, base, is_fresh=start.is_fresh, began_at=start.created_at)
    if not hmac.compare_digest((back.state or "").encode(errors="replace"), asked.state.encode()):
        raise rules.StateRefused
    if back.code is None or back.error is not None:
        raise rules.Denied
    exchange = await openid.exchange()
    claimed = await exchange.claim(asked, back.code, back.issuer, datetime.now(UTC))
    async with begin() as ctx:
        return await service.keep_login(
            ctx,
            start,
            subject=claimed.subject,
            email=claimed.email,
            authenticated_at=claimed.authenticated_at,
        )


def _asked(
    provider: Provider,
    cookie: str,
    base: str,
    *,
    is_fresh: bool,
    began_at: datetime | None = None,
) -> Asked:
    return Asked(provider, cookie, f"{base}{PATH}/{provider.id}/callback", is_fresh, began_at)


def _to(url: str) -> Response:
    return Response(status_code=303, headers={"Location": url, **_NOT_KEPT})


def _with(return_to: str, told: Mapping[str, str]) -> str:
    return f"{return_to}{'&' if '?' in return_to else '?'}{urlencode(told)}"
