"""What the commands share: where the marketplace is, who asks, and how answers are shown."""

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import wraps
from re import fullmatch
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from dml.refused import Refused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from dml.client.marketplace import Marketplace

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="DML_SERVER",
        help="The marketplace's address. [default: where you are signed in, or what runs here]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
For = Annotated[
    str | None,
    typer.Option(
        "--for",
        envvar="DML_FOR",
        help="For an organisation that you act for: its id, the end of it, or its name.",
        show_default=False,
    ),
]
_acting: Final[ContextVar[str | None]] = ContextVar("acting", default=None)
_SPANS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@contextmanager
def signed_in(server: str | None) -> Iterator["Marketplace"]:
    """The marketplace, as whoever is signed in."""
    from dml.client.marketplace import Marketplace

    with Marketplace(server) as market:
        yield _for_organisation(market.sign_in())


@contextmanager
def perhaps_signed_in(server: str | None) -> Iterator["Marketplace"]:
    """The marketplace, as whoever is signed in, or as nobody."""
    from dml.client.marketplace import Marketplace, NotSignedIn

    with Marketplace(server) as market:
        with suppress(NotSignedIn):
            _for_organisation(market.sign_in())
        yield market


def for_organisation(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option `--for`: it asks all for an organisation then."""
    signature = inspect.signature(command)
    option = inspect.Parameter("acting", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [*signature.parameters.values(), option.replace(annotation=For)]

    @wraps(command)
    def run(*args: Any, acting: str | None = None, **named: Any) -> None:
        token = _acting.set(acting)
        try:
            command(*args, **named)
        finally:
            _acting.reset(token)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "acting": For}
    return run


def _for_organisation(market: "Marketplace") -> "Marketplace":
    named = _acting.get()
    if named:
        mine = market.ask("GET", "/v1/organisations")["items"]
        market.act_for(find_id(mine, named, title="name", what="organisation of yours"))
    return market


def console(*, to_stderr: bool = False) -> "Console":
    """Where tables and progress go. What others wrote is never read as markup."""
    from rich.console import Console

    return Console(stderr=to_stderr, highlight=False, markup=False, soft_wrap=to_stderr)


def table(*columns: str, title: str | None = None) -> "Table":
    from rich.table import Table

    return Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)


def show_json(value: Any) -> None:
    typer.echo(json.dumps(value))


def show_list(
    items: Iterable[dict[str, Any]], columns: Sequence[tuple[str, str]], *, as_json: bool
) -> None:
    """Show a list as JSON, or as a table of those fields, each with its heading."""
    if as_json:
        show_json(list(items))
        return
    rows = table(*(heading for heading, _ in columns))
    for item in items:
        rows.add_row(*(_listed(field, item.get(field)) for _, field in columns))
    console().print(rows if rows.row_count else "nothing yet")


def show_item(item: dict[str, Any], fields: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    """Show one thing as JSON, or those of its fields that say something, a line each."""
    if as_json:
        show_json(item)
        return
    rows = table("", "")
    rows.show_header = False
    for heading, field in fields:
        if item.get(field) not in (None, "", []):
            rows.add_row(heading, cell(item[field]))
    console().print(rows)


def show_timeline(told: dict[str, Any], *, as_json: bool) -> None:
    """Show what happened to a thing, and what comes next."""
    if as_json:
        show_json(told)
        return
    rows = table("when", "what", "by", "state", "why")
    for it in told["entries"]:
        rows.add_row(*(cell(it[name]) for name in ("at", "action", "actor", "to_state", "reason")))
    for it in told["next"]:
        rows.add_row(cell(it["at"]), f"next: {cell(it['action'])}", "", "", "")
    console().print(rows)


def _listed(field: str, value: Any) -> str:
    """A field in a table, where of an id its end is enough: it can be typed so."""
    is_id = field == "id" or field.endswith("_id")
    return short(str(value)) if is_id and value is not None else cell(value)


def cell(value: Any) -> str:
    """A value of the API as a person reads it, in one line."""
    from dml.client.http import one_line

    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return one_line(", ".join(str(it) for it in value))
    text = str(value)
    if fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", text):
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return one_line(text)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is done; Refused where the answer is no, or nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{question} Nobody can be asked here: add --yes")
    if not typer.confirm(question, err=True):
        raise Refused("not done")


def path_of(kind: str, item_id: str) -> str:
    """Where one of a kind is in the API. Whatever was typed stays one part of the path."""
    return f"/v1/{kind}/{quote(item_id, safe='', errors='replace')}"


def find_id(items: Iterable[dict[str, Any]], typed: str, *, title: str, what: str) -> str:
    """The id of the one item whose id begins or ends so, or that is called so. Refused otherwise.

    An id that is whole is not looked for: its owner may be somebody else.
    """
    if is_whole(typed):
        return typed.lower()
    text = typed.strip().lower()
    if not text:
        raise Refused(f"which {what}? Give its id, the end of its id, or its {title}")
    found = {str(it["id"]): str(it[title] or "unnamed") for it in items if _is(it, text, title)}
    if len(found) == 1:
        return next(iter(found))
    if not found:
        raise Refused(f"no {what} is called {typed!r}, and none has an id that begins or ends so")
    listed = ", ".join(f"{name} ({short(key)})" for key, name in list(found.items())[:5])
    raise Refused(f"{typed!r} could be any of {len(found)}: {listed}")


def find_own_id(
    own: Iterable[dict[str, Any]],
    others: Iterable[dict[str, Any]],
    typed: str,
    *,
    title: str,
    what: str,
) -> str:
    """The same, where of things that are called alike one's own is meant."""
    mine = [] if is_whole(typed) else list(own)
    is_mine = any(_is(it, typed.strip().lower(), title) for it in mine)
    return find_id(mine if is_mine else others, typed, title=title, what=what)


def is_whole(typed: str) -> bool:
    """Tell whether it is an id from its beginning to its end."""
    return fullmatch(_ID, typed.lower()) is not None


def slug(title: str) -> str:
    """A title as one types it: small letters and digits, with dashes between."""
    return "-".join("".join(it if it.isalnum() else " " for it in title.casefold()).split())


def _is(item: dict[str, Any], text: str, title: str) -> bool:
    item_id = str(item["id"])
    is_its_id = item_id.startswith(text) or item_id.endswith(text)
    return is_its_id or slug(str(item[title] or "")) == slug(text)


def moment(text: str, *, option: str) -> str:
    """A time as the API takes it: `+7d`, `+12h`, `-30m`, or a date with a zone."""
    span = fullmatch(r"([+-]\d{1,6})([smhd])", text.strip())
    if span:
        later = timedelta(**{_SPANS[span[2]]: int(span[1])})
        return (datetime.now(UTC) + later).isoformat()
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        told = None
    if told is None or told.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} is no time: write +7d, +12h, -30m, or 2027-03-01T12:00:00Z",
            param_hint=option,
        )
    return told.isoformat()


def short(item_id: str) -> str:
    """The end of an id, which tells it apart from those made at the same time."""
    return item_id[-8:]
