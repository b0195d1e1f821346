"""What schemas are made of: the one type for strings from outside, and the one for moments.

PostgreSQL stores neither NUL nor a lone surrogate, and a date at the edge of the calendar
overflows when it is turned into UTC: each would be a 500 where a 422 is due.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Final, TypeVar, cast

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

TEXT_MAX: Final = 10_000
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Wire(BaseModel):
    """A shape on the wire. What it does not name, it refuses."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", frozen=True)


def check_text(text: str) -> str:
    """Refuse an empty or endless string, and NUL."""
    if not 0 < len(text) <= TEXT_MAX:
        raise ValueError(f"must have 1 to {TEXT_MAX} characters")
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def check_moment(moment: datetime) -> datetime:
    """Refuse what no bounty or job can mean, and turn the rest into UTC."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return moment.astimezone(UTC)


# To strip a string, pydantic reads it as UTF-8, and so refuses lone surrogates; `str` does not.
# Narrow it in the schema: `title: Text = Field(max_length=200)`. Bounds given to
# StringConstraints, here, would silently win over those of the field.
Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_text)]
Moment = Annotated[AwareDatetime, AfterValidator(check_moment)]


def _check_day(day: date) -> date:
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return day


Day = Annotated[date, AfterValidator(_check_day)]

# ISO 3166-1 alpha-2. The letters are checked, not the list: it changes, and a wrong country
# only matches nobody.
Country = Annotated[Text, Field(pattern="^[A-Z]{2}$", examples=["PT"])]
Secret = Annotated[Text, Field(json_schema_extra={"format": "password"})]

FieldsT = TypeVar("FieldsT")


def sent(body: Wire, _: type[FieldsT]) -> FieldsT:
    """Return the fields that a client named, as that TypedDict: the others are not to change."""
    return cast(FieldsT, {name: getattr(body, name) for name in body.model_fields_set})
