"""Shapes on the wire. What goes out has the suffix `Out`, which OpenAPI leaves out."""

from datetime import date, datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, EmailStr, Field

from dml.accounts.models import DataKind, EducationLevel, Gender, UserKind
from dml.accounts.passwords import LENGTH_MAX, LENGTH_MIN, SENT_MAX, forms, normal_form
from dml.accounts.photos.schemas import PhotoOut
from dml.core.context import Role
from dml.core.ids import SessionId, UserId
from dml.core.wire import Body, Country, Day, Line, Prose, Text, Unique, Wire, check_text, example

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


KIND: Final = "An `organisation` is a name that several users act for, which is its `first_name`."
FIRST_NAME: Final = "The given name. Everybody can see it."
LAST_NAME: Final = "The family name. Everybody can see it."
BIO: Final = "What users tell about themselves, as plain text. Everybody can see it."
COUNTRY: Final = "Two letters (ISO 3166-1 alpha-2). Everybody can see it."
DATE_OF_BIRTH: Final = (
    "A day (`YYYY-MM-DD`), 16 years ago or more. Only the user and admins can see it."
)
GENDER: Final = "Only the user and admins can see it."
EDUCATION_LEVEL: Final = "The highest one completed. Only the user and admins can see it."
SHOWS_PRIZES: Final = (
    "Whether everybody can see what this user won: else nobody learns which entrant of a bounty "
    "they were."
)
PHOTO: Final = "`null`: there is none. Everybody can see it."
PERMITTED_KINDS: Final = (
    "The kinds of data that models may process on the devices of this user. Empty: none."
)


class UserCreate(Body):
    model_config = example(email="ada@example.org", password="correct horse battery")

    email: Email = Field(
        examples=["ada@example.org"],
        description="The address to sign in with. Case does not matter.",
    )
    password: NewPassword = Field(
        description=f"{LENGTH_MIN} to {LENGTH_MAX} characters, counted after normalization as in "
        "RFC 8265 (OpaqueString), so that it is the same from every keyboard. One that is guessed "
        "too soon is refused."
    )


class SessionCreate(Body):
    model_config = example(email="ada@example.org", password="correct horse battery")

    email: Email = Field(
        examples=["ada@example.org"], description="The e-mail address of the account."
    )
    password: Password = Field(description="The password of the account.")


class SessionRefresh(Body):
    model_config = example(refresh_token="q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7s")

    refresh_token: Text = Field(
        max_length=100, description="The newest refresh token of the session."
    )


class SessionDelete(SessionRefresh):
    """The session to end, by its refresh token."""


class SessionTokensOut(Wire):
    access_token: str = Field(description="For the header `Authorization: Bearer …`.")
    refresh_token: str = Field(
        description="For one call of `POST /v1/users/refresh`, which returns the next one."
    )
    token_type: Literal["Bearer"] = Field("Bearer", description="How to send the access token.")
    expires_in: int = Field(description="Seconds until the access token expires.")
    user_id: UserId = Field(description="Who has signed in.")


class SessionOut(Wire):
    """A place where a user is signed in."""

    id: SessionId
    device: str | None = Field(
        description="What the program said that it is, such as `Firefox on Linux`. `null`: nothing "
        "that we can read."
    )
    network: str | None = Field(
        description="From where it was last opened or refreshed: an IPv4 address, or the /64 of an "
        "IPv6 one."
    )
    created_at: datetime = Field(description="When the user signed in.")
    last_used_at: datetime = Field(
        description="When it was last opened or refreshed: its last request may have come later, "
        "for as long as an access token lasts."
    )
    expires_at: datetime = Field(description="When it ends, unless it is refreshed before.")
    is_current: bool = Field(description="Whether this is the session that asks.")


class UserUpdate(Body):
    """Fields that are not sent stay as they are; `null` empties a field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"first_name": "Ada", "country": "PT", "permitted_kinds": ["photo"]}]
        }
    )

    first_name: Line | None = Field(None, max_length=100, description=FIRST_NAME)
    last_name: Line | None = Field(None, max_length=100, description=LAST_NAME)
    bio: Prose | None = Field(None, max_length=2_000, description=BIO)
    country: Country | None = Field(None, description=COUNTRY)
    date_of_birth: Day | None = Field(None, description=DATE_OF_BIRTH)
    gender: Gender | None = Field(None, description=GENDER)
    education_level: EducationLevel | None = Field(None, description=EDUCATION_LEVEL)
    permitted_kinds: Annotated[list[DataKind], Unique] = Field(
        [], max_length=len(DataKind), description=PERMITTED_KINDS
    )
    shows_prizes: bool = Field(False, description=SHOWS_PRIZES)


class UserOut(Wire):
    """An account, as its user and admins see it."""

    id: UserId
    email: str | None = Field(
        description="The address to sign in with by a password, and where mail goes. `null`: the "
        "user signs in by something else, and has named none."
    )
    email_verified_at: datetime | None = Field(
        description="When the user proved that this address is theirs."
    )
    role: Role = Field(description="What this user may do.")
    first_name: str | None = Field(description=FIRST_NAME)
    last_name: str | None = Field(description=LAST_NAME)
    bio: str | None = Field(description=BIO)
    country: str | None = Field(description=COUNTRY)
    date_of_birth: date | None = Field(description=DATE_OF_BIRTH)
    gender: Gender | None = Field(description=GENDER)
    education_level: EducationLevel | None = Field(description=EDUCATION_LEVEL)
    permitted_kinds: list[DataKind] = Field(description=PERMITTED_KINDS)
    shows_prizes: bool = Field(description=SHOWS_PRIZES)
    photo: PhotoOut | None = Field(description=PHOTO)
    created_at: datetime


# What a row shows of a user whom it names by an id, beside that id (docs/decisions/0043).
PublicName: TypeAlias = Annotated[
    str | None,
    Field(
        description="The name in that user's public profile; `null` where it tells none.",
        examples=["Ada Lovelace"],
    ),
]


class PublicUserOut(Wire):
    """What everybody may know of a user."""

    id: UserId
    kind: UserKind = Field(description=KIND)
    first_name: str | None = Field(description=FIRST_NAME)
    last_name: str | None = Field(description=LAST_NAME)
    bio: str | None = Field(description=BIO)
    country: str | None = Field(description=COUNTRY)
    photo: PhotoOut | None = Field(description=PHOTO)
    created_at: datetime


class RoleUpdate(Body):
    model_config = example(role="moderator")

    role: Role = Field(description="What the user may do from now on.")
