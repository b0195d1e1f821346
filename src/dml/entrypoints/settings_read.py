"""The settings of a command, or in one line which of them cannot be."""

import os
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dml.core.settings import Settings
from dml.core.settings_sources import SECRETS_DIR
from dml.refused import Refused

# Variables that are read elsewhere: who asks and whom, where secrets lie, what `dml up` hands down.
OTHERS: Final = (
    *("DML_SERVER", "DML_AS", "DML_EMAIL", "DML_PASSWORD", "DML_TOKEN"),
    *(SECRETS_DIR, "DML_UP_PLAN", "DML_UP_AHEAD"),
)
_SETTINGS: Final = frozenset(f"DML_{name.upper()}" for name in Settings.model_fields)


def read(**chosen: int | None) -> Settings:
    """Read them; what was chosen at the command line counts most."""
    require_known(os.environ)
    require_known_files(os.environ)
    said: dict[str, Any] = {name: it for name, it in chosen.items() if it is not None}
    try:
        return Settings(**said)
    except ValidationError as wrong:
        raise Refused(reason_of(wrong)) from wrong


def reason_of(wrong: ValidationError) -> str:
    """Return in one line what is wrong with settings."""
    return "; ".join(_told(it["loc"], it["msg"]) for it in wrong.errors())


def require_known(environment: Mapping[str, str]) -> None:
    """Refuse a variable of ours that nothing reads: it would be a setting that counts for nothing.

    Case does not matter, as when settings are read.
    """
    for problem in list_unknown(environment):
        raise Refused(problem)


def list_unknown(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable of ours that nothing reads."""
    asked = [(it, _unknown(it, {*_SETTINGS, *OTHERS})) for it in environment]
    return [f"{variable} is no setting: {hint}" for variable, hint in asked if hint]


def require_known_files(environment: Mapping[str, str]) -> None:
    """Refuse a folder of secrets that is none, or has a file of ours that nothing reads."""
    for problem in list_unknown_files(environment):
        raise Refused(problem)


def list_unknown_files(environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each file of ours among the secrets that nothing reads."""
    folder = environment.get(SECRETS_DIR)
    if not folder:
        return []
    if not Path(folder).is_dir():
        return [f"{SECRETS_DIR} names {folder}, which is no folder"]
    asked = [(it, _unknown(it.name, {*_SETTINGS})) for it in sorted(Path(folder).iterdir())]
    return [f"{file} is of no setting: {hint}" for file, hint in asked if hint]


def _unknown(name: str, known: Collection[str]) -> str | None:
    """Say what may have been meant by a name of ours that is not known. None where it is."""
    if not name.upper().startswith("DML_") or name.upper() in known:
        return None
    near = get_close_matches(name.upper(), known, n=1, cutoff=0.75)
    return f"do you mean {near[0]}?" if near else "`dml settings` shows all there are"


def _told(where: tuple[int | str, ...], what: str) -> str:
    """What is wrong with one variable, or with two together."""
    what = what.removeprefix("Value error, ")
    return f"DML_{str(where[0]).upper()}: {what}" if where else what
