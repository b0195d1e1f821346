"""The providers by which people sign in here, as the operator's settings name them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from dml.accounts.openid import rules
from dml.core.settings import Settings


class ProviderKind(StrEnum):
    """How a provider is asked: as any OpenID provider, or by its own calls."""

    OPENID = "openid"
    GITHUB = "github"
    FACEBOOK = "facebook"


GITHUB: Final = "https://github.com"  # The issuer of who signs in there.


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `issuer` is the name of those who are known there, in the rows of identities;
    of an OpenID provider, it is where that is described, too.
    """

    id: str
    name: str
    kind: ProviderKind
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = "openid email"
    # Of those that describe themselves nowhere.
    authorize_url: str = ""
    token_url: str = ""
    api_url: str = ""

    @property
    def is_proof(self) -> bool:
        """Whether a login there can prove who asks: others do not say that they asked anew."""
        return self.kind is ProviderKind.OPENID

    def subject(self, who: str) -> str:
        """Return what somebody there is called in rows of identities."""
        return f"{self.issuer} {who}"


def from_settings(settings: Settings) -> Sequence[Provider]:
    """Return the providers that an operator has set, in the order in which they are shown."""
    made = (
        _google(settings.google_client_id, settings.google_client_secret),
        _github(settings.github_client_id, settings.github_client_secret),
        _facebook(settings.facebook_client_id, settings.facebook_client_secret),
        _any(settings),
    )
    return [it for it in made if it is not None]


def _google(client_id: str | None, secret: Any) -> Provider | None:
    if client_id is None:
        return None
    return Provider(
        id="google",
        name="Google",
        kind=ProviderKind.OPENID,
        issuer="https://accounts.google.com",
        client_id=client_id,
        client_secret=secret.get_secret_value(),
    )


def _github(client_id: str | None, secret: Any) -> Provider | None:
    if client_id is None:
        return None
    return Provider(
        id="github",
        name="GitHub",
        kind=ProviderKind.GITHUB,
        issuer=GITHUB,
        client_id=client_id,
        client_secret=secret.get_secret_value(),
        scope="read:user user:email",
        authorize_url="https://github.com/login/oauth/authorize",
        token_url="https://github.com/login/oauth/access_token",
        api_url="https://api.github.com",
    )


def _facebook(client_id: str | None, secret: Any) -> Provider | None:
    if client_id is None:
        return None
    return Provider(
        id="facebook",
        name="Facebook",
        kind=ProviderKind.FACEBOOK,
        issuer="https://www.facebook.com",
        client_id=client_id,
        client_secret=secret.get_secret_value(),
        scope="public_profile",
        authorize_url="https://www.facebook.com/v24.0/dialog/oauth",
        token_url="https://graph.facebook.com/v24.0/oauth/access_token",
        api_url="https://graph.facebook.com/v24.0",
    )


def _any(settings: Settings) -> Provider | None:
    if settings.openid_issuer is None:
        return None
    assert settings.openid_client_id is not None
    assert settings.openid_client_secret is not None
    return Provider(
        id="openid",
        name=settings.openid_name,
        kind=ProviderKind.OPENID,
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret.get_secret_value(),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One sign-in, as its browser's cookie tells it. The redirect is our own callback."""

    provider: Provider
    cookie: str
    redirect_uri: str
    is_fresh: bool
    began_at: datetime | None = None

    @property
    def state(self) -> str:
        return rules.derive(self.cookie, "state")

    @property
    def nonce(self) -> str:
        return rules.derive(self.cookie, "nonce")

    @property
    def verifier(self) -> str:
        return rules.derive(self.cookie, "verifier")


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who a provider says it was: an address only where it was verified there."""

    subject: str
    email: str | None
    authenticated_at: datetime | None
