"""Which path somebody may have meant, where nothing is at the one that was asked for."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

LENGTH_MAX: Final = 200  # Comparing costs the square of it.
LIKENESS_MIN: Final = 0.8
_ID: Final = re.compile(r"[0-9a-fA-F-]{36}")
_PARAMETER: Final = re.compile(r"\{[^}]*\}")


def nearest(path: str, templates: Iterable[str]) -> str | None:
    """The template, such as `/v1/jobs/{job_id}`, that is most like a path; None where none is."""
    if len(path) > LENGTH_MAX:
        return None
    known = {_PARAMETER.sub("{}", it): it for it in templates}
    found = get_close_matches(_ID.sub("{}", path), known, n=1, cutoff=LIKENESS_MIN)
    return known[found[0]] if found else None
