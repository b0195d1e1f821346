"""What schemas are made of: strict bodies and parameters, and the types for what is in them.

PostgreSQL stores neither NUL nor a lone surrogate, and a date at the edge of the calendar
overflows when it is turned into UTC: each would be a 500 where a 422 is due. And what is guessed
is guessed wrong one day: `1800000000` is no moment, `"2"` no number, `1` no `true`.
"""

import re
from collections.abc import Hashable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, TypeVar, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, core_schema

from dml.core.countries import ALPHA_2
from dml.core.texts import is_line, is_prose, is_visible

TEXT_MAX: Final = 10_000
LONG_TEXT_BYTES_MAX: Final = 20_000
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d{0,8})(\.\d{1,9})?", re.ASCII)
_WHOLE: Final = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Wire(BaseModel):
    """A shape on the wire. What it does not name, it refuses."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", frozen=True)


def read_whole(sent: Any) -> Any:
    """Read a whole number as it is written: no `+2`, `2.0`, `1_000` or digits of other scripts."""
    if not isinstance(sent, str):
        return sent
    if not _WHOLE.fullmatch(sent):
        raise ValueError("must be a whole number, such as 20")
    return int(sent)


def _read_number(sent: Any) -> Any:
    """Read a number as it is written: no `1e3`, `.5`, `+2`, `nan` or digits of other scripts."""
    if not isinstance(sent, str):
        return sent
    if not _NUMBER.fullmatch(sent):
        raise ValueError("must be a number, such as 0.5")
    return float(sent)


def _read_flag(sent: Any) -> Any:
    """Read `true` or `false`, and no other word for them."""
    if not isinstance(sent, str):
        return sent
    if sent not in ("true", "false"):
        raise ValueError("must be true or false")
    return sent == "true"


def read_id(sent: Any) -> Any:
    """Read an id as RFC 9562 writes it: 36 characters, of which the letters may be upper-case."""
    if isinstance(sent, str) and not _UUID.fullmatch(sent):
        raise ValueError("must be an id, such as 01890a5d-ac96-774b-bcce-b302099a8057")
    return sent


def _strict(schema: Any, readers: dict[str, Any]) -> Any:
    """Have numbers and booleans, wherever they are in it, be no other type; read by a reader."""
    if isinstance(schema, list):
        return [_strict(it, readers) for it in schema]
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind == "uuid":
        return core_schema.no_info_before_validator_function(read_id, cast(CoreSchema, schema))
    if kind in ("int", "float", "bool"):
        strict = cast(CoreSchema, schema | {"strict": True})
        read = readers.get(kind)
        return core_schema.no_info_before_validator_function(read, strict) if read else strict
    apart = ("metadata", "default", "serialization", "config")
    return {name: it if name in apart else _strict(it, readers) for name, it in schema.items()}


class Body(Wire):
    """What a client sends as JSON: a number is a number there, and `true` is `true`."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        # Not `strict=True` for all: what JSON gives for an id, a time or an enum is a string, which
        # pydantic then would not take from the framework's own `json.loads`.
        return cast(CoreSchema, _strict(handler(source), {}))


_READERS: Final = {"int": read_whole, "float": _read_number, "bool": _read_flag}


class Parameters(Wire):
    """What a client sends in the query string: all of it text, of which each type has one form."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return cast(CoreSchema, _strict(handler(source), _READERS))


def check_text(text: str) -> str:
    """Refuse an empty or endless string, and NUL."""
    if len(text) > TEXT_MAX:
        raise ValueError(f"must have at most {TEXT_MAX} characters")
    return _check_kept(text)


def check_long_text(text: str) -> str:
    """Refuse an empty or endless string, and NUL, where a text may be as long as a document."""
    if len(text) > LONG_TEXT_BYTES_MAX or len(text.encode()) > LONG_TEXT_BYTES_MAX:
        raise ValueError(f"must have at most {LONG_TEXT_BYTES_MAX} bytes in UTF-8")
    return _check_kept(text)


def _check_kept(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def check_visible(text: str) -> str:
    """Refuse a text of which nothing is to be seen."""
    if not is_visible(text):
        raise ValueError("must have at least one visible character")
    return text


def check_line(line: str) -> str:
    """Refuse what would break a line, or turn the direction of what stands behind it."""
    if not is_line(line):
        raise ValueError("must be one line, without characters that control how it is shown")
    return line


def check_prose(text: str) -> str:
    """Refuse what controls how the text around it is shown; it may have several lines."""
    if not is_prose(text):
        raise ValueError("must not have characters that control how it is shown")
    return text


def check_moment(moment: datetime) -> datetime:
    """Refuse what no bounty or job can mean, and turn the rest into UTC."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return moment.astimezone(UTC)


# To strip a string, pydantic reads it as UTF-8, and so refuses lone surrogates; `str` does not.
# Narrow it in the schema: `title: Text = Field(max_length=200)`. Bounds given to
# StringConstraints, here, would silently win over those of the field.
# What is given back as it was given once, whatever was allowed then.
GivenText = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_text)]
Text = Annotated[GivenText, AfterValidator(check_visible)]
# What others read: names in one line, and the rest.
Line = Annotated[Text, AfterValidator(check_line)]
Prose = Annotated[Text, AfterValidator(check_prose)]
LongProse = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(check_long_text),
    AfterValidator(check_visible),
    AfterValidator(check_prose),
]


def _read_moment(sent: Any) -> Any:
    if isinstance(sent, datetime) or (isinstance(sent, str) and _MOMENT.fullmatch(sent)):
        return sent
    raise ValueError("must be a time with its zone (RFC 3339), such as 2027-01-31T12:00:00Z")


def _read_day(sent: Any) -> Any:
    if type(sent) is date or (isinstance(sent, str) and _DAY.fullmatch(sent)):
        return sent
    raise ValueError("must be a day, such as 2027-01-31")


Moment = Annotated[AwareDatetime, BeforeValidator(_read_moment), AfterValidator(check_moment)]


def _check_day(day: date) -> date:
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError(f"must lie between {EARLIEST.year} and {LATEST.year}")
    return day


Day = Annotated[date, BeforeValidator(_read_day), AfterValidator(_check_day)]


def _check_country(country: str) -> str:
    if country not in ALPHA_2:
        raise ValueError("must be a country's two letters (ISO 3166-1), such as PT or GB")
    return country


Country = Annotated[
    Text, AfterValidator(_check_country), Field(pattern="^[A-Z]{2}$", examples=["PT"])
]


def _check_unique(sent: list[Hashable]) -> list[Hashable]:
    seen: set[Hashable] = set()
    for it in sent:
        if it in seen:
            raise ValueError(f"must each be there once, and {str(it)!r} is there twice")
        seen.add(it)
    return sent


# For a list that is a set.
Unique = AfterValidator(_check_unique)
Secret = Annotated[Text, Field(json_schema_extra={"format": "password"})]

FieldsT = TypeVar("FieldsT")


def example(**fields: Any) -> ConfigDict:
    """The config of a body that shows how it may look."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def sent(body: Wire, _: type[FieldsT]) -> FieldsT:
    """Return the fields that a client named, as that TypedDict: the others are not to change."""
    return cast(FieldsT, {name: getattr(body, name) for name in body.model_fields_set})
