"""The settings of accounts: how one begins, and what it shows."""

from pydantic import Field
from pydantic_settings import BaseSettings


class AccountSettings(BaseSettings):
    """What an operator decides about accounts."""

    wallet_sign_up: bool = Field(
        True, description="Whether a wallet that no account has opens one when it signs in."
    )
    photos_a_minute: int = Field(
        6, ge=1, description="Photos that one user may upload in a minute."
    )
