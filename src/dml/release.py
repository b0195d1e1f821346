"""Which release this is: one number for `dml --version`, `/healthz`, metrics and images."""

from functools import cache
from importlib import metadata


@cache
def release() -> str:
    """Return the number that is written in `pyproject.toml`, as it was installed."""
    return metadata.version("dml")
