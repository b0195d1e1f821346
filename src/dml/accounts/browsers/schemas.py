"""Shapes on the wire."""

from typing import Literal

from pydantic import Field

from dml.accounts.schemas import SessionRefresh
from dml.core.ids import UserId
from dml.core.wire import Wire


class BrowserSessionCreate(SessionRefresh):
    """The session of who has just signed in, by its refresh token."""


class BrowserSessionOut(Wire):
    """What a page needs of its session. The refresh token is in the cookie alone."""

    access_token: str = Field(description="For the header `Authorization: Bearer …`.")
    token_type: Literal["Bearer"] = Field("Bearer", description="How to send the access token.")
    expires_in: int = Field(description="Seconds until the access token expires.")
    user_id: UserId = Field(description="Who has signed in.")
