"""Recognises a class in other spellings: pandas' `True`, R's `TRUE`, Parquet's `true`. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

_TRUTHS: Final = {"false": "0", "true": "1"}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")


def spellings(classes: Sequence[str]) -> dict[str, int]:
    """Return the index of each class by its plain form (`plain`), if no other class has the same.

    If the classes are just false and true, 0 and 1 mean these.
    """
    forms = [plain(each) for each in classes]
    counts = Counter(forms)
    found = {form: place for place, form in enumerate(forms) if counts[form] == 1}
    if found.keys() in (_TRUTHS.keys(), set(_TRUTHS.values())):
        for truth, number in _TRUTHS.items():
            place = found[truth] if truth in counts else found[number]
            found[truth] = found[number] = place
    return found


def plain(text: str) -> str:
    """Return the shortest spelling of a class: `true` for ` TRUE`, `1` for `1.0` and `01`."""
    text = text.strip()
    if text.lower() in _TRUTHS:
        return text.lower()
    return str(int(text.partition(".")[0])) if _WHOLE.fullmatch(text) else text


def merged(found: Iterable[str]) -> dict[str, str]:
    """Return the class that each text of a test set means: itself, but for booleans, and `1`/`1.0`.

    If `01` and `1` both occur they are codes, and stay different classes.
    """
    texts = list(found)
    there = set(texts)

    def meant(text: str) -> str:
        if text.strip().lower() in _TRUTHS:
            return text.strip().lower()
        whole, point, _ = text.partition(".")
        return whole if point and whole in there and _WHOLE.fullmatch(text) else text

    return {text: meant(text) for text in texts}
