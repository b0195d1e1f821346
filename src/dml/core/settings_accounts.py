"""The settings of accounts: how one begins, and what it shows."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class AgreementDemand(StrEnum):
    """Whether developers must accept the developer agreement before they upload a model."""

    REQUIRED = "required"
    OFF = "off"


class AccountSettings(BaseSettings):
    """What an operator decides about accounts."""

    wallet_sign_up: bool = Field(
        True, description="Whether a wallet that no account has opens one when it signs in."
    )
    photos_a_minute: int = Field(
        6, ge=1, description="Photos that one user may upload in a minute."
    )
    demos_a_minute: int = Field(
        10, ge=1, description="How often one user may try algorithms on a sample in a minute."
    )
    developer_agreement: AgreementDemand = Field(
        AgreementDemand.REQUIRED,
        description="Whether a developer accepts the developer agreement before uploading a "
        "version of a model: `required` or `off`.",
    )
    developer_agreement_file: Path | None = Field(
        None,
        description="A developer agreement of your own, in Markdown: it begins with `# TITLE` and "
        "has a line `Version: …`. Whoever accepted another text is asked again at the next upload. "
        "Unset: ours.",
    )
