"""Calls to providers, bounded in time and in what is read, and led nowhere else.

No redirect is followed, and no proxy, cookie or password of the environment is used.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError

from dml.accounts.openid.rules import LOOPBACK, AnswerRefused, ProviderUnreachable

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 5.0
ANSWER_BYTES_MAX: Final = 1024 * 1024
RETRY_SECONDS: Final = 5


class _Bounded(httpx2.AsyncHTTPTransport):
    """Reads no more of an answer than a limit; what is compressed could be any size."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        answer = await super().handle_async_request(request)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            await answer.aclose()
            raise httpx2.DecodingError("an answer that is compressed", request=request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        stream = _BoundedStream(answer.stream)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=stream, extensions=answer.extensions
        )


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > ANSWER_BYTES_MAX:
                raise httpx2.ReadError("an answer that is too long")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


class Calls:
    """Calls providers. `to_loopback` allows http, to this machine alone."""

    def __init__(self, *, to_loopback: bool) -> None:
        self._to_loopback = to_loopback
        self._trust = ssl.create_default_context()

    def bounds(self) -> dict[str, Any]:
        """Return what each client has to be made with."""
        transport = _Bounded(verify=self._trust)
        return {"transport": transport, "timeout": CALL_SECONDS, "trust_env": False}

    async def get(self, url: str, access: str | None = None, kind: type = dict) -> Any:
        """Return the JSON at a URL, which has to be of that kind."""
        headers = {"Accept": "application/json", "User-Agent": "dml"}
        if access is not None:
            headers["Authorization"] = f"Bearer {access}"
        self.require_url(url)
        async with bounded(), httpx2.AsyncClient(**self.bounds()) as client:
            answer = await client.get(url, headers=headers)
            if not answer.is_success:
                raise httpx2.HTTPError(f"it answers {answer.status_code}")
            told = answer.json()
        if not isinstance(told, kind):
            raise AnswerRefused(f"no {kind.__name__} at {urlsplit(url).path}")
        return told

    def require_url(self, url: object) -> str:
        """Refuse to send secrets in the clear, but to this machine where the operator allows it."""
        parts = urlsplit(url) if isinstance(url, str) and url.isascii() else None
        if parts is not None and parts.hostname:
            is_here = self._to_loopback and parts.hostname in LOOPBACK
            if parts.scheme == "https" or (parts.scheme == "http" and is_here):
                return str(url)
        raise AnswerRefused("it names a URL that is not https")


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """Bound a call, and say as our own refusal how it failed."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except OAuthError as error:
        raise AnswerRefused(f"it refuses the code: {str(error.error)[:100]}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
        log.warning("a provider does not answer: %s", type(error).__name__)
        raise ProviderUnreachable(retry_after_seconds=RETRY_SECONDS) from None
    except ValueError:
        raise AnswerRefused("no JSON") from None
