"""JSON of which everybody reads the same (RFC 8259, 7493): what may be read in two ways is refused.

Python's own reader takes the last of two values of one name, `NaN`, and half of a character, where
another reader, in front of ours or at the client, takes the first, or nothing at all.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

WHOLE_DIGITS_MAX: Final = 100  # No field takes as many: its own bounds say what it takes.
SHOWN_MAX: Final = 100
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class NotStrict(json.JSONDecodeError):
    """What is no JSON, or none that has one meaning. `pointer` says where (RFC 6901), if known."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message, "", 0)
        self.pointer = pointer


class _Twice(dict[str, Any]):
    """An object that has a name twice."""

    name: str


def read(text: bytes) -> Any:
    """Read JSON. Raises NotStrict, whose `msg` says what is wrong with it."""
    twice: list[_Twice] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) == len(pairs):
            return whole
        marked = _Twice(whole)
        marked.name = _first_twice([name for name, _ in pairs])
        twice.append(marked)
        return marked

    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=as_object,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
            parse_int=_read_whole,
        )
    except NotStrict:
        raise
    except UnicodeDecodeError:
        raise NotStrict("is no UTF-8") from None
    except RecursionError:
        raise NotStrict("is nested too deeply") from None
    except json.JSONDecodeError as error:
        line = f" of line {error.lineno}" if error.lineno > 1 else ""
        raise NotStrict(f"is no JSON: {error.msg}, at character {error.colno}{line}") from None
    if twice:
        outermost = twice[-1]
        at = f"{_find(value, outermost)}/{escape(outermost.name)}"
        raise NotStrict(f"names {_shown(outermost.name)} twice", at)
    if _HALF.search(text):
        _refuse_halves(value)
    return value


def escape(name: str) -> str:
    """Write a name as a step of a JSON pointer, cut short."""
    return name.replace("~", "~0").replace("/", "~1")[:SHOWN_MAX]


def _first_twice(names: list[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("one of them is there twice")


def _find(value: Any, marked: _Twice) -> str:
    """Return the pointer to an object: by identity, as another may be equal to it."""
    waiting = [(value, "")]
    while waiting:
        one, at = waiting.pop()
        if one is marked:
            return at
        waiting += [(it, f"{at}/{escape(step)}") for step, it in _steps(one)]
    raise AssertionError("what holds it was read after it, and names nothing twice")


def _steps(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(place), it) for place, it in enumerate(value))


def _refuse_constant(name: str) -> None:
    raise NotStrict(f"has {name}, which is no number of JSON")


def _read_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrict(f"has {digits[:SHOWN_MAX]}, which is larger than a number may be")
    return number


def _read_whole(digits: str) -> int:
    if len(digits) > WHOLE_DIGITS_MAX:
        raise NotStrict(f"has a number of more than {WHOLE_DIGITS_MAX} digits")
    return int(digits)


def _refuse_halves(value: Any) -> None:
    """Refuse half of a surrogate pair, which no text in UTF-8 can have."""
    waiting = [(value, "")]
    while waiting:
        one, at = waiting.pop()
        names = one if isinstance(one, dict) else [one] if isinstance(one, str) else []
        try:
            "".join(names).encode()
        except UnicodeEncodeError:
            raise NotStrict("has half of a character (a lone surrogate)", at) from None
        waiting += [(it, f"{at}/{escape(step)}") for step, it in _steps(one)]


def _shown(name: str) -> str:
    return json.dumps(name[:SHOWN_MAX])
