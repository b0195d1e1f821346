"""Shapes of agreements on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dml.accounts.agreement.rules import VERSION_PATTERN
from dml.core.wire import Body, Text, Wire, example

Version = Annotated[Text, Field(pattern=VERSION_PATTERN)]


class DeveloperAgreementOut(Wire):
    """What developers agree to."""

    version: str = Field(description="What this version is called.", examples=["1"])
    title: str
    text: str = Field(description="Markdown.")
    sha256: str = Field(description="SHA-256 of the text in UTF-8, in hexadecimal digits.")


class CurrentAgreementOut(DeveloperAgreementOut):
    """What developers agree to now, and what else is asked of them."""

    is_required: bool = Field(
        description="Whether it must be accepted before a version of a model is uploaded."
    )
    needs_github: bool = Field(description="Whether a GitHub account must be linked, too.")
    accepted_at: datetime | None = Field(
        description="When you accepted this text; `null`: you have not, or have not signed in."
    )


class AgreementAcceptanceCreate(Body):
    model_config = example(version="1")

    version: Version = Field(description="The version that you have read: the current one.")


class AgreementAcceptanceOut(Wire):
    """An agreement that you accepted."""

    version: str = Field(description="What that version is called.")
    title: str
    sha256: str = Field(
        description="The digest of its text: `GET /v1/developer-agreements/{sha256}` has that."
    )
    accepted_at: datetime = Field(description="When you accepted it.")


class AgreementAcceptanceListOut(Wire):
    """All that a user accepted."""

    items: list[AgreementAcceptanceOut] = Field(description="The newest first: 100 at most.")
