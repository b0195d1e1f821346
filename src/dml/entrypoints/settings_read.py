"""The settings of a command, or in one line which of them cannot be."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from dml.core.settings import Settings
from dml.refused import Refused

# Variables that are read elsewhere: who asks and whom, where secrets lie, what `dml up` hands down.
OTHERS: Final = (
    *("DML_SERVER", "DML_AS", "DML_EMAIL", "DML_PASSWORD", "DML_TOKEN"),
    *("DML_SECRETS_DIR", "DML_UP_PLAN", "DML_UP_AHEAD"),
)


def read(**chosen: int | None) -> Settings:
    """Read them; what was chosen at the command line counts most."""
    require_known(os.environ)
    said: dict[str, Any] = {name: it for name, it in chosen.items() if it is not None}
    try:
        return Settings(**said)
    except ValidationError as wrong:
        problems = [_told(it["loc"], it["msg"]) for it in wrong.errors()]
        raise Refused("; ".join(problems)) from wrong


def require_known(environment: Mapping[str, str]) -> None:
    """Refuse a variable of ours that nothing reads: it would be a setting that counts for nothing.

    Case does not matter, as when settings are read.
    """
    known = {f"DML_{name.upper()}" for name in Settings.model_fields} | {*OTHERS}
    for variable in environment:
        if variable.upper().startswith("DML_") and variable.upper() not in known:
            near = get_close_matches(variable.upper(), known, n=1, cutoff=0.75)
            hint = f"do you mean {near[0]}?" if near else "`dml settings` shows all there are"
            raise Refused(f"{variable} is no setting: {hint}")


def _told(where: tuple[int | str, ...], what: str) -> str:
    """What is wrong with one variable, or with two together."""
    what = what.removeprefix("Value error, ")
    return f"DML_{str(where[0]).upper()}: {what}" if where else what
