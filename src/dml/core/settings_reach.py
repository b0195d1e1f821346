"""The settings of how a marketplace is reached: by whom, under which name, and through whom."""

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from dml.core.addresses import is_loopback


class Environment(StrEnum):
    """Who uses a marketplace: who develops it or tries it out, or strangers."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


def _require_networks(trusted: str) -> str:
    for name in map(str.strip, trusted.split(",")):
        if "/" in name:
            ip_network(name)
    return trusted


class ReachSettings(BaseSettings):
    """What an operator decides about how others reach the API."""

    environment: Environment | None = Field(
        None,
        description="`development` or `production`, where settings that are unsafe stop the start. "
        "Unset: `production` where the API listens to other machines, or has a public URL on "
        "another host than this one.",
    )
    host: str = Field("127.0.0.1", description="The address that the API listens on.")
    public_url: str | None = Field(
        None, description="How clients reach the API. Unset: from host and port."
    )
    allowed_hosts: list[str] = Field(
        [],
        description="Without a public URL, the names that clients reach the API by, as a request's "
        '`Host` says them, as JSON: `["api.example.org"]`. Wallets sign for no others, but for '
        "this machine's own (`localhost`, `127.0.0.1`, `[::1]`).",
    )
    cors_origins: list[str] = Field(
        [],
        description='Origins whose pages may call the API, as JSON: `["https://app.example.org"]`.',
    )
    trusted_proxies: Annotated[str, AfterValidator(_require_networks)] = Field(
        "127.0.0.1",
        description="Addresses whose `X-Forwarded-For` is believed, with commas between.",
    )

    @property
    def public_host(self) -> str | None:
        return urlsplit(self.public_url or "").hostname

    @property
    def is_https(self) -> bool:
        return urlsplit(self.public_url or "").scheme == "https"

    @property
    def is_production(self) -> bool:
        """Whether strangers can reach it, as it says or as the settings tell: see
        docs/decisions/0079.
        """
        if self.environment is not None:
            return self.environment is Environment.PRODUCTION
        public = self.public_host
        return not is_loopback(self.host) or (public is not None and not is_loopback(public))
