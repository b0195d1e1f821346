"""What a home remembers of its servers: where they are, their port, their passwords."""

import dataclasses
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from dml.entrypoints.embedded import folders
from dml.refused import Refused


def _password() -> str:
    return secrets.token_urlsafe(24)


@dataclass
class State:
    """The content of `state.json`, which its owner alone may read."""

    place: str
    run: str = ""
    port: int = 0
    cluster_id: str = field(default_factory=lambda: secrets.token_hex(16))
    superuser_password: str = field(default_factory=_password)
    app_password: str = field(default_factory=_password)
    valkey_password: str = field(default_factory=_password)


def load(home: Path) -> State | None:
    """The state of a home. None where there is none yet."""
    path = home / "state.json"
    try:
        return State(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise Refused(f"{path} is damaged ({error}): put back a copy of it") from error


def save(home: Path, state: State) -> None:
    """Write the state, for the owner of the home, where it differs from what is written."""
    if load(home) == state:
        return
    owner = home.stat()
    text = json.dumps(dataclasses.asdict(state), indent=1)
    folders.write_private(home / "state.json", text, uid=owner.st_uid, gid=owner.st_gid)
