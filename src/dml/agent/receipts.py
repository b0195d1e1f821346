"""Receipts of what left this device: saved in its home, and verified there without the server.

A receipt is a JWS (RFC 7515) of the marketplace. The public keys are saved beside, and none is ever
taken out: they verify what they signed long after the marketplace has others. A receipt that is
true to the server's signature is compared with the device's own journal, too.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from dml.agent import journal
from dml.agent.home import Home, Identity, write_whole
from dml.agent.job_manifests import read_all, visible
from dml.agent.refusals import CannotRun
from dml.agent.server import ALGORITHM, Server, Session, field

TYPE: Final = "dml-receipt+jwt"
KEYS: Final = "keys.json"
SUFFIX: Final = ".jws"
SECONDS: Final = 20.0
PAGE: Final = 100


class BadReceipt(Exception):
    """Why a receipt proves nothing."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A saved receipt: what it says, or why it proves nothing."""

    assignment_id: str
    said: Mapping[str, Any]
    wrong: str | None


def fetch(home: Home) -> int:
    """Save the receipts that the server gives, and the keys. Return how many are new or say more.

    One that says that its result was counted is kept as it is. Raises Away, Refusal or CannotRun.
    """
    identity = _identity(home)
    server = Server(identity.server)
    try:
        session = Session(server, identity.device_id, home.key())
        told = server.ask("GET", "/.well-known/jwks.json", seconds=SECONDS)
        home.receipts.mkdir(exist_ok=True, mode=0o700)
        keys = _add_keys(home, told)
        saved = 0
        for item in _pages(session):
            signed = str(field(item, "receipt"))
            try:
                said = read(signed, keys)
            except BadReceipt as why:
                raise CannotRun(f"The server gives a receipt that is none: {why}") from None
            path = home.receipts / f"{said['assignment_id']}{SUFFIX}"
            if not _is_settled(path, keys):
                write_whole(path, signed.encode())
                saved += 1
        return saved
    finally:
        server.close()


def look_at_all(home: Home) -> list[Looked]:
    """Verify each saved receipt by the saved keys and the journal, the newest first. Offline."""
    identity, keys = _identity(home), _keys(home)
    sent = {
        it["assignment_id"]: it["body"]
        for it in journal.read(home.journal)
        if it["event"] == journal.RESULT
    }
    noted = {
        it["job_id"]: it["sha256"] for it in journal.read(home.journal) if it["event"] == "manifest"
    }
    looked = list[Looked]()
    for path in sorted(home.receipts.glob(f"*{SUFFIX}"), reverse=True):
        said: Mapping[str, Any] = {}
        try:
            said = read(path.read_text(errors="replace"), keys)
            _compare(said, path.stem, identity, sent, noted)
        except BadReceipt as why:
            looked.append(Looked(path.stem, said, str(why)))
        else:
            looked.append(Looked(path.stem, said, None))
    return looked


def shown(home: Home) -> list[dict[str, Any]]:
    """What saved receipts say, for their owner to read."""
    purposes = {it.sha256: visible(it.said.get("purpose")) for it in read_all(home.manifests)}
    return [
        {
            "assignment_id": it.assignment_id,
            "verified": it.wrong is None,
            "wrong": it.wrong,
            "job": purposes.get(str(it.said.get("manifest_sha256")), it.said.get("job_id")),
            "receipt": it.said,
        }
        for it in look_at_all(home)
    ]


def read(signed: str, keys: KeySet) -> dict[str, Any]:
    """Return what a receipt says; BadReceipt where none of these keys signed it, as a receipt."""
    try:
        found = jws.deserialize_compact(signed.strip(), keys, [ALGORITHM])
        said = json.loads(found.payload)
    except (JoseError, ValueError, LookupError, TypeError) as error:
        raise BadReceipt(f"its signature is none of the saved keys ({error})") from None
    if found.headers().get("typ") != TYPE:
        raise BadReceipt("it was signed as something else")
    if not isinstance(said, dict) or "assignment_id" not in said:
        raise BadReceipt("it does not say what it is of")
    return said


def _compare(
    said: Mapping[str, Any],
    name: str,
    identity: Identity,
    sent: Mapping[str, Any],
    noted: Mapping[str, str],
) -> None:
    """Hold a receipt against what this device knows by itself."""
    assignment_id, manifest = said["assignment_id"], said.get("manifest_sha256")
    if assignment_id != name:
        raise BadReceipt("it is of another assignment than its file says")
    if said.get("device_id") != identity.device_id:
        raise BadReceipt("it is of another device")
    if assignment_id in sent and said.get("left") != sent[assignment_id]:
        raise BadReceipt("this device's journal says that something else left it")
    if noted.get(str(said.get("job_id")), manifest) != manifest:
        raise BadReceipt("this device was shown another manifest of that job")


def _identity(home: Home) -> Identity:
    identity = home.identity()
    if identity is None:
        raise CannotRun(f"No device lives in {home.folder}. Pair one first, or name its --home.")
    return identity


def _pages(session: Session) -> Iterator[Any]:
    after = ""
    while True:
        path = f"/v1/devices/self/receipts?limit={PAGE}{after}"
        page = session.ask("GET", path, seconds=SECONDS)
        yield from field(page, "items")
        cursor = field(page, "next_cursor")
        if cursor is None:
            return
        after = f"&cursor={cursor}"


def _is_settled(path: Path, keys: KeySet) -> bool:
    """Whether what was saved says already that the result was counted."""
    try:
        return bool(read(path.read_text(errors="replace"), keys).get("counted"))
    except (FileNotFoundError, BadReceipt):
        return False


def _add_keys(home: Home, told: Any) -> KeySet:
    """Save the keys of today beside those of before."""
    by_id: dict[str, Any] = {str(it["kid"]): it for it in field(told, "keys")}
    by_id |= {str(it.kid): it.as_dict(private=False) for it in _keys(home).keys}
    both: KeySetSerialization = {"keys": [*by_id.values()]}
    keys = KeySet.import_key_set(both)
    write_whole(home.receipts / KEYS, json.dumps(both).encode())
    return keys


def _keys(home: Home) -> KeySet:
    path = home.receipts / KEYS
    try:
        return KeySet.import_key_set(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return KeySet([])
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(
            f"{path} can't be read ({error}). Move it away, and save the receipts again."
        ) from None
