"""A job's manifest: all that it may learn. Kept by its hash, and compared with what was given.

What it says is data of strangers: read with care, and shown without what would control a terminal.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dml.agent import journal
from dml.agent.home import Home, sync_folder
from dml.agent.leases import Lease
from dml.agent.refusals import Declined, Refusal
from dml.agent.server import Server
from dml.inference import canonical_json
from dml.inference.counts import Counts

FORM: Final = 1
BYTES_MAX: Final = 1 << 20  # A thousand labels of a hundred letters, and much more.
SHOWN_MAX: Final = 300
# What reading a document raises that is of no form at all.
UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
LABELS_SHOWN: Final = 20
LEAVES: Final = {
    "items": "how many photos were looked at",
    "labels": "how many of them have which label",
    "uncertain": "how many have none that is sure",
    "months": "how many have which label in which month",
    "undated": "how many have no date",
}


@dataclass(frozen=True, slots=True)
class JobManifest:
    """What a job may learn, as its document says it."""

    sha256: str
    said: Mapping[str, Any]

    @property
    def developer_id(self) -> str:
        return str(self.said["model"]["developer_id"])

    @property
    def countries(self) -> Sequence[str]:
        return [str(it) for it in self.said["target"]["countries"]]


class JobManifests:
    """The folder that keeps them. The agent's lock makes this its only writer."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._folder, self._server = folder, server

    def get(
        self, lease: Lease, *, patiently: Callable[[Callable[[], str]], str]
    ) -> tuple[JobManifest, bool]:
        """The manifest that a lease names, and whether it was fetched just now.

        Declined where what comes is another one, or none. Away where nobody answers.
        """
        sha256 = lease.manifest_sha256
        assert sha256 is not None, "the caller looked"
        self._folder.mkdir(exist_ok=True, mode=0o700)
        path = self._folder / f"{sha256}.json"
        if (kept := _read(path, sha256)) is not None:
            return kept, False
        part = self._folder / "download.part"
        with part.open("w+b") as file:

            def save() -> str:
                file.seek(0)
                file.truncate()
                where = f"/v1/jobs/{lease.job_id}/manifest"
                return self._server.save(where, file, most=BYTES_MAX, token=None)

            try:
                came = patiently(save)
            except Refusal as refusal:
                raise Declined(f"its manifest is not given out: {refusal}") from None
            file.flush()
            os.fsync(file.fileno())
        if came != sha256:
            part.unlink()
            raise Declined(f"the manifest that came has the SHA-256 {came}, not {sha256}")
        os.replace(part, path)
        sync_folder(self._folder)
        fetched = _read(path, sha256)
        if fetched is None:
            raise Declined("its manifest is no JSON object")
        return fetched, True


def read_all(folder: Path) -> list[JobManifest]:
    """Return those that are kept and sound, the newest first."""
    by_time = sorted(folder.glob("*.json"), key=lambda it: it.stat().st_mtime, reverse=True)
    found = (_read(path, path.stem) for path in by_time)
    return [it for it in found if it is not None]


def shown(home: Home) -> list[dict[str, Any]]:
    """Each manifest that a home keeps, and what it says in words, the newest first."""
    records = journal.read(home.journal)
    noted = {it["sha256"]: it["model"] for it in records if it["event"] == "manifest"}
    found = list[dict[str, Any]]()
    for it in read_all(home.manifests):
        with suppress(*UNREADABLE):  # One that was declined for that.
            words = dict(in_words(it, model=noted.get(it.sha256)))
            found.append({"sha256": it.sha256, "manifest": it.said, "words": words})
    return found


def require_fit(
    lease: Lease, manifest: JobManifest, *, kinds: Sequence[str], country: str | None
) -> None:
    """Decline a lease that is not what its manifest says, or not for such a device."""
    try:
        wrong = _misfit(lease, manifest.said, kinds, country)
        if wrong is None:
            in_words(manifest, model=None)  # What nobody can be shown, nobody agrees to.
    except (*UNREADABLE, RecursionError) as error:
        raise Declined(f"its manifest can't be read ({type(error).__name__}: {error})") from None
    if wrong is not None:
        raise Declined(wrong)


def _misfit(
    lease: Lease, said: Mapping[str, Any], kinds: Sequence[str], country: str | None
) -> str | None:
    if said["manifest"] != FORM:
        return f"its manifest is of the form {said['manifest']}: update this agent"
    model, answer, target = said["model"], said["answer"], said["target"]
    unknown = {*said["leaves"]} - {*Counts.__annotations__}
    if unknown:
        return f"its manifest says that {', '.join(sorted(map(visible, unknown)))} leaves as well"
    devices = said["max_devices_per_owner"]
    items, norm = (_share(said.get(it), devices) for it in ("max_items", "max_norm"))
    if _is_beyond(lease.max_items, items):
        return f"it asks for {lease.max_items or 'all'} items; its manifest, for {items}"
    if _is_beyond(lease.max_norm, norm):
        return f"it bounds the norm by {lease.max_norm or 'nothing'}; its manifest, by {norm}"
    compared = (
        ("job", lease.job_id, said["job_id"]),
        ("model", lease.model.sha256, model["sha256"]),
        ("size of the model", lease.model.size, model["size"]),
        ("input", canonical_json.digest(lease.input), said["input_sha256"]),
        ("labels", list(lease.labels), said["labels"]),
        ("min_confidence", lease.min_confidence, said["min_confidence"]),
        ("period", _period(lease), said["period"]),
        ("answers", lease.answers, answer["answers"]),
        ("epsilon", lease.epsilon, answer["epsilon"]),
    )
    for name, given, told in compared:
        if given != told:
            return f"its {name} is not what its manifest says"
    if lease.answers == "noisy" and (lease.epsilon is None or items is None):
        return "its answer is to carry noise, and nothing says how much"
    if target["kind"] not in kinds:
        return f"it asks for {visible(target['kind'])}, which this device does not have"
    if target["countries"] and country not in target["countries"]:
        return "it asks for devices in other countries"
    return None


def _share(bound: int | None, devices: int) -> int | None:
    """Return this device's part of what all of its owner's may add."""
    return None if bound is None else bound // devices


def _is_beyond(given: int | None, share: int | None) -> bool:
    return share is not None and (given is None or given > share)


def _period(lease: Lease) -> dict[str, str | None] | None:
    if lease.period is None:
        return None
    first, last = lease.period
    return {
        "from": None if first is None else first.isoformat(),
        "to": None if last is None else last.isoformat(),
    }


def in_words(manifest: JobManifest, *, model: str | None) -> list[tuple[str, str]]:
    """Say what a job may learn, a few words for each thing. `model`: whose and what it is."""
    said, answer = manifest.said, manifest.said["answer"]
    labels = said["labels"]
    more = f" and {len(labels) - LABELS_SHOWN} more" if len(labels) > LABELS_SHOWN else ""
    most, devices = said["max_items"], said["max_devices_per_owner"]
    where = ", ".join(said["target"]["countries"]) or "any country"
    return [
        ("purpose", f"“{visible(said['purpose'])}”, in its customer's words"),
        ("model", f"{visible(model or 'unnamed')} (SHA-256 {said['model']['sha256'][:16]}…)"),
        ("developer", visible(said["model"]["developer_id"])),
        ("job", visible(said["job_id"])),
        ("leaves", "; ".join(LEAVES.get(it, visible(it)) for it in said["leaves"])),
        ("labels", visible(", ".join(labels[:LABELS_SHOWN])) + more),
        ("period", _days(said["period"])),
        (
            "at most",
            "all of your photos" if most is None else f"{most} photos, on up to {devices} devices",
        ),
        ("answer", _answer(answer)),
        ("steps", f"told of at least {answer['min_owners']} owners at a time"),
        ("asks for", f"{visible(said['target']['kind'])}, in {visible(where)}"),
        ("manifest", manifest.sha256),
    ]


def _answer(answer: Mapping[str, Any]) -> str:
    if answer["epsilon"] is None:
        return "exact sums, without noise"
    return f"with noise: epsilon {answer['epsilon']}, delta {answer['delta']:f}"


def _days(period: Mapping[str, Any] | None) -> str:
    if period is None:
        return "photos of all days"
    first, last = period["from"] or "the first", period["to"]
    return f"photos from {first} on" + (f", before {last}" if last else "")


def visible(text: object) -> str:
    """A stranger's text on one line of a terminal, which it can't control."""
    shown = "".join(it if it.isprintable() else " " for it in str(text))
    return shown if len(shown) <= SHOWN_MAX else f"{shown[:SHOWN_MAX]}…"


def _read(path: Path, sha256: str) -> JobManifest | None:
    """The manifest in a file, if it is there and sound: a disk may forget what it held."""
    try:
        data = path.read_bytes()
        said = json.loads(data)
    except (OSError, ValueError, RecursionError):
        return None
    is_it = hashlib.sha256(data).hexdigest() == sha256 and isinstance(said, dict)
    return JobManifest(sha256, said) if is_it else None
