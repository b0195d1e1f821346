"""Shapes on the wire. An `In` is what a client may send; an `Out` is what it gets."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, EmailStr, Field

from dml.accounts.models import DataKind, EducationLevel, Gender
from dml.accounts.passwords import LENGTH_MAX, LENGTH_MIN, SENT_MAX, forms, normal_form
from dml.core.context import Role
from dml.core.ids import UserId
from dml.core.wire import Body, Country, Day, Text, Unique, Wire, check_text, example

Email = Annotated[EmailStr, AfterValidator(check_text), Field(max_length=254)]


def _check_forms(password: str) -> str:
    """Refuse what no hash can be of. A password is taken as typed: spaces count."""
    forms(password)
    return password


def _check_new(password: str) -> str:
    """Refuse a new password that has no normal form, or whose normal form is too short or long."""
    if not LENGTH_MIN <= len(normal_form(password)) <= LENGTH_MAX:
        raise ValueError(f"must have {LENGTH_MIN} to {LENGTH_MAX} characters")
    return password


_SENT: Final = Field(
    max_length=SENT_MAX,
    json_schema_extra={"format": "password", "examples": ["correct horse battery"]},
)
Password = Annotated[str, AfterValidator(check_text), AfterValidator(_check_forms), _SENT]
NewPassword = Annotated[str, AfterValidator(check_text), AfterValidator(_check_new), _SENT]


class RegisterIn(Body):
    model_config = example(email="ada@example.org", password="correct horse battery")

    email: Email = Field(examples=["ada@example.org"])
    password: NewPassword = Field(
        description=f"{LENGTH_MIN} to {LENGTH_MAX} characters, in the form of RFC 8265 in which it "
        "is the same on every system."
    )


class CredentialsIn(Body):
    model_config = example(email="ada@example.org", password="correct horse battery")

    email: Email = Field(examples=["ada@example.org"])
    password: Password


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
