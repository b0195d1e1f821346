"""The settings of a command, or in one line which of them cannot be."""

from typing import Any

from pydantic import ValidationError

from dml.core.settings import Settings
from dml.refused import Refused


def read(**chosen: int | None) -> Settings:
    """Read them; what was chosen at the command line counts most."""
    said: dict[str, Any] = {name: it for name, it in chosen.items() if it is not None}
    try:
        return Settings(**said)
    except ValidationError as wrong:
        problems = [f"DML_{str(it['loc'][0]).upper()}: {it['msg']}" for it in wrong.errors()]
        raise Refused("; ".join(problems)) from wrong
