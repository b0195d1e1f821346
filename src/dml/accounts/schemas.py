"""Shapes on the wire. An `In` is what a client may send; an `Out` is what it gets."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, EmailStr, Field

from dml.accounts.models import DataKind, EducationLevel, Gender
from dml.accounts.passwords import LENGTH_MAX, LENGTH_MIN
from dml.core.context import Role
from dml.core.ids import UserId
from dml.core.wire import Body, Country, Day, Text, Unique, Wire, check_text, example

Email = Annotated[EmailStr, AfterValidator(check_text), Field(max_length=254)]


def _check_printable(password: str) -> str:
    """Refuse what UTF-8 cannot write. A password is taken as typed: spaces count."""
    if not password.isprintable():
        raise ValueError("must have printable characters only")
    return password


Password = Annotated[
    str,
    AfterValidator(check_text),
    AfterValidator(_check_printable),
    Field(json_schema_extra={"format": "password", "examples": ["correct horse battery"]}),
]


class RegisterIn(Body):
    model_config = example(email="ada@example.org", password="correct horse battery")

    email: Email = Field(examples=["ada@example.org"])
    password: Password = Field(min_length=LENGTH_MIN, max_length=LENGTH_MAX)


class CredentialsIn(Body):
    model_config = example(email="ada@example.org", password="correct horse battery")

    email: Email = Field(examples=["ada@example.org"])
    password: Password = Field(max_length=LENGTH_MAX)


class RefreshIn(Body):
    model_config = example(refresh_token="q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7s")

    refresh_token: Text = Field(max_length=100)


class TokensOut(Wire):
    access_token: str
    refresh_token: str = Field(description="Good for one refresh, which gives the next one.")
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="Seconds that the access token is good for.")
    user_id: UserId


class ProfileIn(Body):
    """What is absent stays as it is; `null` empties a field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"first_name": "Ada", "country": "PT", "permitted_kinds": ["photo"]}]
        }
    )

    first_name: Text | None = Field(None, max_length=100)
    last_name: Text | None = Field(None, max_length=100)
    bio: Text | None = Field(None, max_length=2_000)
    country: Country | None = None
    date_of_birth: Day | None = None
    gender: Gender | None = None
    education_level: EducationLevel | None = None
    permitted_kinds: Annotated[list[DataKind], Unique] = Field([], max_length=len(DataKind))


class UserOut(Wire):
    id: UserId
    email: str
    role: Role
    first_name: str | None
    last_name: str | None
    bio: str | None
    country: str | None
    date_of_birth: date | None
    gender: Gender | None
    education_level: EducationLevel | None
    permitted_kinds: list[DataKind] = Field(
        description="What this user lets models process on their devices."
    )
    created_at: datetime


class PublicUserOut(Wire):
    """What everybody may know of a user."""

    id: UserId
    first_name: str | None
    last_name: str | None
    bio: str | None
    country: str | None
    created_at: datetime


class RoleIn(Body):
    model_config = example(role="moderator")

    role: Role
