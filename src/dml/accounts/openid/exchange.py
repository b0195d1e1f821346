"""Asking providers: where a browser goes, and who came back.

Each call is bounded, in time and in what is read; no redirect is followed; and with an OpenID
provider it goes only where the provider's own description says, by https. No transaction is open
meanwhile. It is loaded when somebody first signs in by a provider (`late`).
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import TypeAdapter, ValidationError

from dml.accounts.openid import rules
from dml.accounts.openid.calls import RETRY_SECONDS, Calls, bounded
from dml.accounts.openid.providers import Asked, Claimed, Provider, ProviderKind
from dml.accounts.openid.rules import AnswerRefused, ProviderUnreachable
from dml.accounts.schemas import Email

log = logging.getLogger(__name__)

UNDER_WAY_MAX: Final = 50  # Sign-ins that one process asks providers about at once.
DESCRIPTION_SECONDS: Final = 3_600.0
KEYS_SECONDS: Final = 3_600.0  # Then they are fetched anew in any case: one may have been revoked.
KEYS_PAUSE_SECONDS: Final = 60.0  # Between two looks for a key that is not known.
FAILED_SECONDS: Final = 5.0  # For so long a provider that did not answer is not asked again.
TOKEN_MAX: Final = 16_384  # Characters of an id_token.
# Only signatures that we could not have made: no `none`, and no HMAC, whose key may be public.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
_EMAIL: Final = TypeAdapter[str](Email)


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorize: str
    token: str
    userinfo: str | None = None
    keys: str | None = None
    auth_method: str = "client_secret_post"
    tells_issuer: bool = False


@dataclass(slots=True)
class _Known:
    """What is remembered of a provider, by one process."""

    lock: asyncio.Lock
    endpoints: _Endpoints | None = None
    read_at: float = 0
    keys: KeySet | None = None
    keys_at: float = 0
    failed_until: float = 0


class Exchange:
    def __init__(self, *, to_loopback: bool) -> None:
        self._calls = Calls(to_loopback=to_loopback)
        self._known: dict[Provider, _Known] = {}
        self._under_way = 0

    async def authorize_url(self, asked: Asked) -> str:
        """Return where the browser goes to sign in."""
        with self._counted():
            endpoints = await self._endpoints(asked.provider)
        more = {}
        if asked.provider.kind is ProviderKind.OPENID:
            more["nonce"] = asked.nonce
            if asked.is_fresh:
                more["max_age"] = "0"
        async with self._client(asked, endpoints) as client:
            url, _ = client.create_authorization_url(
                endpoints.authorize, state=asked.state, code_verifier=asked.verifier, **more
            )
        return str(url)

    async def claim(self, asked: Asked, code: str, issuer: str | None, now: datetime) -> Claimed:
        """Ask the provider whose code this is. `issuer` is what came beside it (RFC 9207)."""
        read = {
            ProviderKind.OPENID: self._claim_openid,
            ProviderKind.GITHUB: self._claim_github,
            ProviderKind.FACEBOOK: self._claim_facebook,
        }[asked.provider.kind]
        with self._counted():
            endpoints = await self._endpoints(asked.provider)
            told = issuer is not None
            if (told and issuer != asked.provider.issuer) or (endpoints.tells_issuer and not told):
                raise AnswerRefused("the answer is of another issuer, or of none")
            async with self._client(asked, endpoints) as client, bounded():
                token = await client.fetch_token(
                    endpoints.token,
                    code=code,
                    grant_type="authorization_code",
                    code_verifier=asked.verifier,
                    redirect_uri=asked.redirect_uri,
                )
            access = token.get("access_token")
            if not isinstance(access, str) or not access.isascii() or not access.isprintable():
                raise AnswerRefused("no access token")
            return await read(asked, endpoints, token, now)

    async def _claim_openid(
        self, asked: Asked, endpoints: _Endpoints, token: Mapping[str, Any], now: datetime
    ) -> Claimed:
        claims = await self._read_id_token(asked.provider, endpoints, token.get("id_token"))
        rules.require_claims(
            claims,
            issuer=asked.provider.issuer,
            client_id=asked.provider.client_id,
            nonce=asked.nonce,
            now=now,
            fresh_since=asked.began_at if asked.is_fresh else None,
        )
        who = rules.read_subject(claims.get("sub"))
        told: Mapping[str, Any] = claims
        if "email" not in claims and endpoints.userinfo is not None:
            told = await self._calls.get(endpoints.userinfo, token["access_token"])
            if told.get("sub") != claims["sub"]:
                raise AnswerRefused("the user's data are of somebody else")
        is_verified = told.get("email_verified") in (True, "true")
        proven = datetime.fromtimestamp(claims["auth_time"], UTC) if asked.is_fresh else None
        email = _address(told.get("email")) if is_verified else None
        return Claimed(asked.provider.subject(who), email, proven)

    async def _claim_github(
        self, asked: Asked, _: _Endpoints, token: Mapping[str, Any], __: datetime
    ) -> Claimed:
        api, access = asked.provider.api_url, token["access_token"]
        user = await self._calls.get(f"{api}/user", access)
        who = rules.read_subject(user.get("id"))
        emails = await self._calls.get(f"{api}/user/emails", access, kind=list)
        chosen = next(
            (
                it.get("email")
                for it in emails
                if isinstance(it, dict) and it.get("primary") is True and it.get("verified") is True
            ),
            None,
        )
        return Claimed(asked.provider.subject(who), _address(chosen), None)

    async def _claim_facebook(
        self, asked: Asked, _: _Endpoints, token: Mapping[str, Any], __: datetime
    ) -> Claimed:
        """Facebook says of no address whether it was verified, so none is asked for."""
        access, secret = token["access_token"], asked.provider.client_secret
        proof = hmac.new(secret.encode(), access.encode(), hashlib.sha256).hexdigest()
        url = f"{asked.provider.api_url}/me?fields=id&appsecret_proof={proof}"
        user = await self._calls.get(url, access)
        return Claimed(asked.provider.subject(rules.read_subject(user.get("id"))), None, None)

    async def _read_id_token(
        self, provider: Provider, endpoints: _Endpoints, sent: object
    ) -> Mapping[str, Any]:
        """Return the claims of an id_token that one of the provider's keys has signed."""
        if not isinstance(sent, str) or len(sent) > TOKEN_MAX:
            raise AnswerRefused("no id_token")
        keys = await self._keys(provider, endpoints, _kid(sent))
        try:
            return jwt.decode(sent, keys, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise AnswerRefused(f"its signature: {type(error).__name__}") from None

    async def _keys(self, provider: Provider, endpoints: _Endpoints, kid: object) -> KeySet:
        """Return the provider's keys; those of now where we have not this one, or old ones."""
        known = self._of(provider)
        async with known.lock:
            age = time.monotonic() - known.keys_at
            is_unknown = known.keys is not None and kid not in {it.kid for it in known.keys}
            if known.keys is None or age > KEYS_SECONDS:
                async with self._once(known):
                    await self._fetch_keys(known, endpoints)
            elif is_unknown and age > KEYS_PAUSE_SECONDS:
                await self._fetch_keys(known, endpoints)
            assert known.keys is not None
            return known.keys

    @asynccontextmanager
    async def _once(self, known: _Known) -> AsyncIterator[None]:
        """Let those who wait behind a provider that does not answer not try the same, each."""
        if time.monotonic() < known.failed_until:
            raise ProviderUnreachable(retry_after_seconds=RETRY_SECONDS)
        try:
            yield
        except (ProviderUnreachable, AnswerRefused) as refusal:
            known.failed_until = time.monotonic() + FAILED_SECONDS
            why = getattr(refusal, "why", "it does not answer")
            log.warning("a provider cannot be used: %s", why)
            raise ProviderUnreachable(retry_after_seconds=RETRY_SECONDS) from None

    async def _fetch_keys(self, known: _Known, endpoints: _Endpoints) -> None:
        assert endpoints.keys is not None
        told = await self._calls.get(endpoints.keys)
        listed = told.get("keys")
        signing = [it for it in listed if _may_sign(it)] if isinstance(listed, list) else []
        try:
            known.keys = KeySet.import_key_set({"keys": signing})
        except (JoseError, ValueError, TypeError, KeyError):
            raise AnswerRefused("its keys cannot be read") from None
        known.keys_at = time.monotonic()

    async def _endpoints(self, provider: Provider) -> _Endpoints:
        """Return where a provider is asked for what; of an OpenID provider, as it says itself."""
        if provider.kind is not ProviderKind.OPENID:
            return _Endpoints(provider.authorize_url, provider.token_url)
        known = self._of(provider)
        async with known.lock:
            if time.monotonic() - known.read_at > DESCRIPTION_SECONDS or known.endpoints is None:
                async with self._once(known):
                    known.endpoints = await self._discover(provider)
                    known.read_at = time.monotonic()
            return known.endpoints

    async def _discover(self, provider: Provider) -> _Endpoints:
        url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        told = await self._calls.get(url)
        if told.get("issuer") != provider.issuer:
            raise AnswerRefused("its description is of another issuer")
        methods = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = "client_secret_basic"
        userinfo = told.get("userinfo_endpoint")
        return _Endpoints(
            authorize=self._calls.require_url(told.get("authorization_endpoint")),
            token=self._calls.require_url(told.get("token_endpoint")),
            userinfo=None if userinfo is None else self._calls.require_url(userinfo),
            keys=self._calls.require_url(told.get("jwks_uri")),
            auth_method=basic if basic in methods else "client_secret_post",
            tells_issuer=told.get("authorization_response_iss_parameter_supported") is True,
        )

    def _client(self, asked: Asked, endpoints: _Endpoints) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            asked.provider.client_id,
            asked.provider.client_secret,
            token_endpoint_auth_method=endpoints.auth_method,
            scope=asked.provider.scope,
            redirect_uri=asked.redirect_uri,
            code_challenge_method="S256",
            **self._calls.bounds(),
        )

    def _of(self, provider: Provider) -> _Known:
        return self._known.setdefault(provider, _Known(asyncio.Lock()))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Refuse at once where so many wait for providers that more would only take memory."""
        if self._under_way >= UNDER_WAY_MAX:
            raise ProviderUnreachable(retry_after_seconds=RETRY_SECONDS)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


def _address(sent: object) -> str | None:
    """Return an e-mail address in lower case, or None where it is none that we take."""
    try:
        return _EMAIL.validate_python(sent).lower()
    except ValidationError:
        return None


def _may_sign(key: object) -> bool:
    """Whether a key is for signatures, and none that is shared."""
    return (
        isinstance(key, dict)
        and key.get("use", "sig") == "sig"
        and key.get("kty") in ("RSA", "EC", "OKP")
    )


def _kid(token: str) -> object:
    try:
        return jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError, TypeError, AttributeError):
        return None
