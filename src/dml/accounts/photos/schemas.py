"""Shapes of photos on the wire."""

from typing import Annotated

from pydantic import Field

from dml.core.wire import Parameters, Prose, Wire


class PhotoOut(Wire):
    """A user's photo, in WebP. Both addresses name what they give: another photo has others."""

    url: str = Field(
        description="The photo, of 512 pixels at its longer side at most: a path of this API."
    )
    thumbnail_url: str = Field(
        description="A square of 96 pixels from its middle: a path of this API."
    )


class PhotoRemoval(Parameters):
    """Why an admin takes a photo off."""

    reason: Annotated[Prose, Field(min_length=1, max_length=500)] = Field(
        description="Why. The user can see it, and it is kept in the audit log."
    )
