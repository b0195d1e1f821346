"""Settings of lists that are kept in memory for a moment. Read as those in `settings` are."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ListSettings(BaseSettings):
    """How old what is kept may be."""

    shortlist_seconds: float = Field(
        1,
        ge=0,
        le=60,
        description="How old the list of open jobs may be that claims are matched against.",
    )
    public_lists_seconds: float = Field(
        1,
        ge=0,
        le=60,
        description="How old a list of algorithms may be for who does not sign in; 0: each is read "
        "anew.",
    )
