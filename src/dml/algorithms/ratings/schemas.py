"""Shapes of ratings on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dml.accounts.schemas import PublicName
from dml.algorithms.ratings.rules import STARS_MOST, TEXT_MAX
from dml.algorithms.schemas import Reason
from dml.core.ids import RatingId, UserId, VersionId
from dml.core.wire import Body, Prose, Wire, example
from dml.edge.paging import Paging

Opinion = Annotated[Prose, Field(max_length=TEXT_MAX)]


class RatingCreate(Body):
    """What you think of an algorithm."""

    model_config = example(stars=4, text="It told cats from dogs well, and foxes from neither.")

    stars: int = Field(ge=1, le=STARS_MOST, description="From 1 to 5; 5 is the best.")
    text: Opinion | None = Field(None, description="Why. Everybody can read it.")


class RatingReplyCreate(Body):
    """What the developer says to a rating."""

    model_config = example(text="Version 3 knows foxes.")

    text: Opinion = Field(description="Everybody can read it.")


class RatingHiding(Body):
    """Why a rating is hidden."""

    model_config = example(reason="It insults somebody.")

    reason: Reason = Field(description="Its author and the developer read it.")


class RatingRestoration(Body):
    """Why a rating is shown again."""

    model_config = example(reason="Its author took the insult out.")

    reason: Reason = Field(description="Its author and the developer read it.")


class RatingReplyOut(Wire):
    """What the developer says to a rating."""

    text: str = Field(description="In plain text.")
    created_at: datetime
    updated_at: datetime = Field(description="When it was last changed.")


class RatingOut(Wire):
    """What a customer thinks of an algorithm that a job of theirs has run."""

    id: RatingId
    stars: int = Field(description="From 1 to 5; 5 is the best.")
    text: str | None = Field(description="In plain text; `null` where there is none.")
    user_id: UserId = Field(description="The customer who gave it.")
    user_name: PublicName
    version_id: VersionId = Field(description="The version that their job had run.")
    version_number: int = Field(description="Versions of an algorithm are numbered from 1 on.")
    reply: RatingReplyOut | None = Field(
        description="What the developer says to it; `null` where they said nothing."
    )
    created_at: datetime
    updated_at: datetime = Field(description="When its author last changed it.")
    hidden_at: datetime | None = Field(
        description="When a moderator hid it, so that only its author and moderators see it; "
        "`null` where it is shown."
    )
    hidden_reason: str | None = Field(description="Why it was hidden.")


class RatingsQuery(Paging):
    hidden: bool = Field(
        False, description="Those that moderators have hidden, instead. For moderators."
    )
