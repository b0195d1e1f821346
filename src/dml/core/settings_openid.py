"""The settings of signing in by accounts at other providers."""

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class OpenidSettings(BaseSettings):
    """What an operator decides about providers. Each gives an id and a secret to who registers the
    marketplace there, with the callback `…/openid/PROVIDER/callback`.
    """

    google_client_id: str | None = Field(
        None, min_length=1, description="What Google calls this marketplace. Unset: not by Google."
    )
    google_client_secret: SecretStr | None = Field(None, description="And its secret there.")
    github_client_id: str | None = Field(
        None, min_length=1, description="What GitHub calls this marketplace. Unset: not by GitHub."
    )
    github_client_secret: SecretStr | None = Field(None, description="And its secret there.")
    facebook_client_id: str | None = Field(
        None, min_length=1, description="What Facebook calls it. Unset: not by Facebook."
    )
    facebook_client_secret: SecretStr | None = Field(None, description="And its secret there.")
    openid_issuer: str | None = Field(
        None,
        max_length=500,
        pattern=r"^https?://[!-~]+$",
        description="The issuer of any other OpenID provider, exactly as it names itself: "
        "`…/.well-known/openid-configuration` describes it. Unset: none.",
    )
    openid_client_id: str | None = Field(None, min_length=1, description="What it calls us.")
    openid_client_secret: SecretStr | None = Field(None, description="And our secret there.")
    openid_name: str = Field(
        "OpenID", min_length=1, max_length=50, description="What people call that provider."
    )
    openid_return_to: list[str] = Field(
        [],
        description="URLs, without `?`, to which browsers may return after signing in at a "
        'provider, as JSON: `["https://app.example.org/signed-in"]`. Programs on the machine of '
        "the browser (`http://127.0.0.1`) always may.",
    )
    openid_to_loopback: bool = Field(
        False,
        description="Whether providers may be on this machine itself, by http: for development.",
    )

    developers_need_github: bool = Field(
        False,
        description="Whether whoever uploads a model must have linked a GitHub account; needs "
        "`DML_GITHUB_CLIENT_ID`.",
    )

    @model_validator(mode="after")
    def _require_pairs(self) -> "OpenidSettings":
        for name in ("google", "github", "facebook", "openid"):
            has_id = getattr(self, f"{name}_client_id") is not None
            if has_id != (getattr(self, f"{name}_client_secret") is not None):
                raise ValueError(
                    f"DML_{name.upper()}_CLIENT_ID and DML_{name.upper()}_CLIENT_SECRET go together"
                )
        if (self.openid_issuer is None) != (self.openid_client_id is None):
            raise ValueError("DML_OPENID_ISSUER and DML_OPENID_CLIENT_ID go together")
        if self.developers_need_github and self.github_client_id is None:
            raise ValueError(
                "DML_DEVELOPERS_NEED_GITHUB needs DML_GITHUB_CLIENT_ID: nobody could link one"
            )
        return self
