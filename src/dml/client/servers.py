"""Which marketplace is meant where nobody said so."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dml.client.http import read_address
from dml.client.sign_ins import SignIns
from dml.refused import Refused

HOME: Final = ".dml"  # Where `dml up` keeps everything unless `DML_HOME` says otherwise.
UP: Final = "up.json"  # What it remembers there, its port among it.


def find_server(
    named: str | None, sign_ins: SignIns, environment: Mapping[str, str] = os.environ
) -> str:
    """The address of the marketplace that is named, else signed in to, else run by this checkout.

    A port that is merely usual is never guessed: a stranger's server could be listening there, and
    would be sent a password.
    """
    if named is not None:
        return read_address(named)
    current = sign_ins.find()
    if current is not None:
        return current.server
    for home in _homes(environment):
        port = _port(home)
        if port:
            return f"http://127.0.0.1:{port}"
    raise Refused(
        "which marketplace? Name its address with --server or DML_SERVER, or sign in (`dml login "
        "--server URL`); `make run` starts one here"
    )


def _homes(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("DML_HOME")
    # `.venv/bin/dml` belongs to the checkout that its environment lies in.
    return [Path(named)] if named else [Path(HOME), Path(sys.prefix).parent / HOME]


def _port(home: Path) -> int:
    try:
        return int(json.loads((home / UP).read_text())["port"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0
