"""What a claim answers: work that this device holds for a while. Read with care."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from dml.inference.counting import Period
from dml.inference.signature import MODEL_BYTES_MAX

SECONDS_MAX: Final = 86_400.0
_SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Model:
    """A file of the server: a path below its address, how long it is, and what it must be."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Lease:
    """An assignment. `input` is read by the work itself, which can give back what is too new."""

    assignment_id: str
    job_id: str
    seconds: float
    model: Model
    input: object
    labels: tuple[str, ...]
    min_confidence: float
    period: Period | None
    max_items: int | None = None  # None: any number.
    max_norm: int | None = None  # Of the counts of labels; None: as large as the items allow.
    answers: str | None = None  # None, as are the others: a server from before it does not say.
    epsilon: float | None = None
    manifest_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Leases; or when to come back, and why there is none where the owner can mend that."""

    leases: tuple[Lease, ...]
    retry_after_seconds: float
    reason: str | None


def read_claim(data: Any) -> Claimed:
    """Read the answer of a claim; ValueError where it is none."""
    try:
        return Claimed(
            leases=tuple(_lease(item) for item in data["items"]),
            retry_after_seconds=max(1.0, read_seconds(data["retry_after_seconds"])),
            reason=None if data["reason"] is None else str(data["reason"])[:300],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def read_seconds(value: Any) -> float:
    """A time to wait; nobody makes this agent wait for longer than a day."""
    return min(max(0.0, float(value)), SECONDS_MAX)


def _lease(item: Mapping[str, Any]) -> Lease:
    return Lease(
        # An id goes into a path of the server, a digest into a file's name here.
        assignment_id=str(UUID(item["id"])),
        job_id=str(UUID(item["job_id"])),
        seconds=read_seconds(item["lease_seconds"]),
        model=_model(item["model"]),
        input=item["input"],
        labels=tuple(_label(label) for label in item["labels"]),
        min_confidence=float(item["min_confidence"]),
        period=_period(item["period"]),
        max_items=_bound(item.get("max_items")),  # A server may be older.
        max_norm=_bound(item.get("max_norm")),
        answers=_answers(item.get("answers")),
        epsilon=_epsilon(item.get("epsilon")),
        manifest_sha256=_digest(item.get("manifest_sha256")),
    )


def _bound(value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise ValueError(f"{value} is no bound of what may be counted")
    return value


def _answers(value: Any) -> str | None:
    return None if value is None else str(value)


def _epsilon(value: Any) -> float | None:
    return None if value is None else float(value)


def _digest(value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise ValueError("the manifest's sha256 is none")
    return value


def _model(data: Mapping[str, Any]) -> Model:
    path, sha256, size = data["url"], data["sha256"], data["size"]
    # The token goes with it, so it must be a path of this server and no other address.
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        raise ValueError("the model's url is no path of this server")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError("the model's sha256 is none")
    if type(size) is not int or not 0 <= size <= MODEL_BYTES_MAX:
        raise ValueError(f"the model has {size} bytes; {MODEL_BYTES_MAX} are allowed")
    return Model(path, sha256, size)


def _label(text: Any) -> str:
    label = str(text)
    label.encode()  # UnicodeEncodeError, a ValueError, where no result could ever name it.
    return label


def _period(data: Mapping[str, Any] | None) -> Period | None:
    return None if data is None else Period(_day(data["from"]), _day(data["to"]))


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
