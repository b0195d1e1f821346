"""What a notice is, and how it names what people have named. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from dml.core.events import Event

# What an event says: its own fields as they are in the log, and its facts.
Said: TypeAlias = Mapping[str, Any]
NAME_MAX: Final = 60  # Characters.


def always(_: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Notice:
    """Of which event a mail tells, and how.

    `kind` and `subject` are the mail's, the same for all of them: no name that somebody chose comes
    into a header. `says` is a sentence. `undo` is what to do where it was not the owner, beside
    choosing another password: a clause that begins with a verb. `is_news` is asked of the event.

    Of what others decided about something of theirs, with `by_others`, its owner is not asked
    whether it was them, nor told of what they did themselves; `undo` then is a sentence that says
    what they may do.
    """

    event: type[Event]
    kind: str
    subject: str
    says: Callable[[Said], str]
    undo: str
    is_news: Callable[[Any], bool] = always
    by_others: bool = False


def quoted(name: str | None) -> str:
    """Return a name that somebody chose, in quotation marks: one line, which nothing turns round,
    and not a long one.
    """
    printed = "".join(it if it.isprintable() else " " for it in name or "")
    told = " ".join(printed.replace('"', "'").split())
    return f'"{told if len(told) <= NAME_MAX else told[: NAME_MAX - 1] + "…"}"'


def shortened(address: str) -> str:
    """Return as much of a wallet's address as its owner knows it by."""
    return address if len(address) <= 20 else f"{address[:8]}…{address[-6:]}"
