"""The settings of what users show of themselves."""

from pydantic import Field
from pydantic_settings import BaseSettings


class AccountSettings(BaseSettings):
    """What an operator decides about profiles."""

    photos_a_minute: int = Field(
        6, ge=1, description="Photos that one user may upload in a minute."
    )
