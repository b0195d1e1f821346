"""Shapes on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dml.algorithms.file_links.rules import SIGNATURE_CHARACTERS
from dml.core.wire import Parameters, Text, Wire

Signature = Annotated[Text, Field(pattern=f"^[A-Za-z0-9_-]{{{SIGNATURE_CHARACTERS}}}$")]


class FileLinkOut(Wire):
    """A link to a version's model, good for whoever has it."""

    url: str = Field(description="The path to download from, with its signature. No token needed.")
    expires_at: datetime = Field(description="When the download must have begun.")


class FileLinkQuery(Parameters):
    expires: int = Field(ge=0, le=2**40, description="When the link ends, in Unix seconds.")
    signature: Signature = Field(description="What proves that the link was made here.")
