"""The file of private keys that sign tokens, and how they rotate without anybody noticing
(docs/decisions/0047).
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from joserfc.jwk import OKPKey

# Members of a key in the file, beside those of RFC 7517: Unix seconds.
SIGNS_FROM: Final = "dml_signs_from"
VERIFIES_UNTIL: Final = "dml_verifies_until"
PUBLISHED_SECONDS: Final = 300  # So long others may go by the public keys that they have read.
# Every process has read the file by then, and everybody the public keys, with as much to spare.
WAIT_SECONDS: Final = 2 * PUBLISHED_SECONDS


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """A key of the file by its `kid`. None: it signs from the first; it verifies with no end."""

    kid: str
    signs_from: datetime | None
    verifies_until: datetime | None


def new_key() -> dict[str, Any]:
    """Make a private key, as the file holds it."""
    key = OKPKey.generate_key("Ed25519", private=True, auto_kid=True)
    return dict(key.as_dict(private=True))


def list_keys(path: Path) -> list[KeyTimes]:
    """Return the keys of the file, newest first."""
    return [_times(it) for it in json.loads(path.read_text())["keys"]]


def rotate(path: Path, now: datetime, *, token_seconds: int, at_once: bool) -> list[KeyTimes]:
    """Put a new key in front, and say of the others when they end. Return what is in the file.

    The new one signs once everybody knows it; the others verify for as long as a token of
    theirs may last, and go from the file with the rotation after that. `at_once` is for a key that
    somebody has stolen: the others end now, and so do their tokens.
    """
    with _held(path):
        moment = int(now.timestamp())
        kept = [
            it
            for it in json.loads(path.read_text())["keys"]
            if not at_once and moment < it.get(VERIFIES_UNTIL, moment + 1)
        ]
        signs_from = moment if at_once else moment + WAIT_SECONDS
        for it in kept:
            it.setdefault(VERIFIES_UNTIL, signs_from + token_seconds)
        keys = [new_key() | {SIGNS_FROM: signs_from}, *kept]
        _replace(path, json.dumps({"keys": keys}))
    return [_times(it) for it in keys]


def _times(written: dict[str, Any]) -> KeyTimes:
    def moment(name: str) -> datetime | None:
        return datetime.fromtimestamp(written[name], UTC) if name in written else None

    plain = {name: it for name, it in written.items() if name not in (SIGNS_FROM, VERIFIES_UNTIL)}
    key = OKPKey.import_key(plain)
    key.ensure_kid()
    return KeyTimes(str(key.kid), moment(SIGNS_FROM), moment(VERIFIES_UNTIL))


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Two who rotate at once do it one after the other."""
    with open(path.with_name(f"{path.name}.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, text: str) -> None:
    """Write the file anew, whole or not at all, for its owner alone."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    owner = path.stat()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if os.geteuid() == 0:  # Who serves may be another than who rotates.
        os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(path)
