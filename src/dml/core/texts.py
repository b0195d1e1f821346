"""How characters show: what is visible, what is one line, and what steers the text around it."""

from typing import Final
from unicodedata import category

# Embeddings, overrides and isolates of the bidirectional algorithm (Unicode, UAX #9). A text from
# right to left needs none of them.
TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters and symbols to Unicode, yet shown as nothing: Braille of no dot, and fillers of Hangul.
_BLANK: Final = frozenset("\u2800\u3164\u115f\u1160\uffa0")


def is_visible(text: str) -> bool:
    """Whether it has a character that shows, and not only spaces, controls, or marks on none.

    What a later Unicode may assign shows as a box, or as what it is then.
    """
    return any(
        (category(it)[0] in "LNPS" or category(it) == "Cn") and it not in _BLANK for it in text
    )


def is_line(text: str) -> bool:
    """Whether it keeps to its line, and turns the direction of nothing behind it."""
    return not any(category(it) in ("Cc", "Zl", "Zp") or it in TURNING for it in text)


def is_prose(text: str) -> bool:
    """Whether it steers nothing of the text around it, though it may have several lines."""
    return not any((category(it) == "Cc" and it not in "\n\r\t") or it in TURNING for it in text)
