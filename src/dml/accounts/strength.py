"""How hard to guess a password is, judged by zxcvbn with the words of whose it is."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dml.accounts.rules import WeakPassword
from dml.core.deferred import deferred

if TYPE_CHECKING:
    import zxcvbn_rs_py
else:
    zxcvbn_rs_py = deferred("zxcvbn_rs_py")

JUDGED_MAX: Final = 100  # Characters: what follows only makes it harder.
_OURS: Final = ("dml", "marketplace")
_WORD: Final = re.compile(r"\w{2,}")


def require_strong(password: str, words: Sequence[str], *, least: int) -> None:
    """Refuse a password that is guessed too soon, by who knows these words of its user.

    Its first call takes a tenth of a second, to read its word lists; later ones, less than one.
    """
    judged = zxcvbn_rs_py.zxcvbn(password[:JUDGED_MAX], user_inputs=[*words, *_OURS])
    if int(judged.score) < least:
        told = judged.feedback
        raise WeakPassword(suggestions=[str(it) for it in told.suggestions] if told else [])


def words_of(*texts: str | None) -> list[str]:
    """Return what somebody who knows a user tries first: these texts, and the words in them."""
    known = [it.lower() for it in texts if it]
    return known + [word for it in known for word in _WORD.findall(it)]
