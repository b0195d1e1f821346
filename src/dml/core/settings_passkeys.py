"""The settings of passkeys."""

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from dml.core.addresses import is_address

_ANDROID: Final = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")


class PasskeySettings(BaseSettings):
    """What an operator decides about passkeys. Who changes the domain leaves all behind that were
    made for it.
    """

    passkey_relying_party: str | None = Field(
        None,
        max_length=253,
        pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
        description="The domain that passkeys are made for: that of the pages which ask for them, "
        "or one above it. Unset: the host by which clients reach the API, as `localhost`; an IP "
        "address has no passkeys.",
    )
    passkey_origins: list[str] = Field(
        [],
        description="Origins of other pages that may ask for passkeys, on that domain or below, as "
        'JSON: `["https://app.example.org"]`; and of Android apps that the domain vouches for '
        "(`android:apk-key-hash:…`). The API's own pages always may.",
    )
    passkey_sign_up: bool = Field(
        True, description="Whether somebody may open an account with a passkey alone."
    )

    @model_validator(mode="after")
    def _require_origins(self) -> "PasskeySettings":
        named = self.passkey_relying_party
        if named is not None and is_address(named):
            raise ValueError("DML_PASSKEY_RELYING_PARTY has to be a domain, and no IP address")
        for origin in self.passkey_origins:
            if _ANDROID.fullmatch(origin):
                continue
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"DML_PASSKEY_ORIGINS: {origin} is not like https://example.org")
            host = parts.hostname or ""
            if named is not None and host != named and not host.endswith(f".{named}"):
                raise ValueError(f"DML_PASSKEY_ORIGINS: {origin} is not on {named}")
        return self
