"""How a submitted file is checked, scored, and scored once more. For workers, and without numpy.

Everything here is an effect that may run twice: the same file gives the same predictions, and what
is kept is named by its content. The measured score leaves this module only where the Ladder shows
it: neither rows nor checkpoints hold another.
"""

import asyncio
import hashlib
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

from dml.accounts import sandbox_time
from dml.bounties.models import SubmissionKind
from dml.bounties.test_sets import service as test_sets
from dml.core import worker
from dml.core.ids import BountyId, SubmissionId
from dml.inference.signature import Refused

log = logging.getLogger(__name__)
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Best:
    """An entrant's best submission so far, and the blob of its sealed predictions."""

    submission_id: SubmissionId
    sealed: str


@dataclass(frozen=True, slots=True)
class Work:
    """What of a submission is to be evaluated. It never changes, but for the best so far.

    `seconds` is what that may take, where it does not have all the time that it may have.
    """

    bounty_id: BountyId
    submission_id: SubmissionId
    sha256: str
    kind: SubmissionKind
    metric: str
    prepared: str
    predictions: str | None = None  # The blob of what was read of it when it was checked, sealed.
    keeps: bool = False  # Whether what is read is needed again.
    best: Best | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """Why a file is refused; or what kept us from looking."""

    refusals: list[dict[str, Any]] = field(default_factory=list)
    trouble: str | None = None
    seconds: float = 0.0
    against: list[dict[str, Any]] = field(default_factory=list)  # What it is refused for then.
    sealed_predictions: str | None = None  # What a table predicts: it is read once.


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What scoring found. `score` is told only where it beat the best, else it is forgotten."""

    improved: bool = False
    score: float | None = None
    predictions_sha256: str = ""  # Of what was found before there were commitments.
    commitment: str | None = None
    sealed_salt: str | None = None  # In hexadecimal digits.
    sealed_predictions: str = ""
    seconds: float = 0.0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    trouble: str | None = None
    against: list[dict[str, Any]] = field(default_factory=list)


def purpose(submission_id: SubmissionId) -> str:
    """What the predictions of a submission are sealed for."""
    return f"predictions:{submission_id}"


def salt_purpose(submission_id: SubmissionId) -> str:
    """What the salt of the commitment to its predictions is sealed for."""
    return f"predictions-salt:{submission_id}"


def is_cut_off(work: Work, found: Validation | Evaluation) -> bool:
    """Whether it ran out of time, and may have more."""
    return work.seconds is not None and sandbox_time.is_too_slow(found.refusals)


def commit_to(salt: bytes, predictions: bytes) -> str:
    """SHA-256 of salt and predictions: who tells it can change neither, and nobody can guess."""
    return hashlib.sha256(salt + predictions).hexdigest()


async def validate(work: Work) -> Validation:
    """Check a file as far as that can be done without a score, and keep sealed what it predicts."""
    parts = worker.parts()
    async with parts.scoring:
        began = time.perf_counter()
        file = await parts.blobs.get(work.sha256)
        prepared = await parts.blobs.get(work.prepared)

        def check() -> bytes | None:
            test_set = parts.opener.open(prepared, test_sets.prepared_purpose(work.bounty_id))
            read = parts.scorer.validate(
                file,
                format=work.kind,
                metric=work.metric,
                test_set=test_set,
                seconds=work.seconds,
            )
            if read is None or not work.keeps:
                return None
            return parts.opener.seal(read, purpose(work.submission_id))

        try:
            sealed = await asyncio.to_thread(check)
        except Refused as refused:
            seconds = time.perf_counter() - began
            return Validation(refusals=test_sets.problems_of(refused), seconds=seconds)
        except worker.ScorerFailed as failure:
            return Validation(trouble=str(failure), against=test_sets.against(failure))
    stored = await parts.blobs.keep(sealed) if sealed else None
    return Validation(
        sealed_predictions=stored.sha256 if stored else None, seconds=time.perf_counter() - began
    )


async def evaluate(work: Work) -> Evaluation:
    """Compare the predictions of a file with the best so far.

    Those of a model are made here, and kept sealed; those of a table were, when it was checked.
    """
    parts = worker.parts()
    async with parts.scoring:
        began = time.perf_counter()
        content = await parts.blobs.get(work.predictions or work.sha256)
        prepared = await parts.blobs.get(work.prepared)
        kept = await parts.blobs.get(work.best.sealed) if work.best else None

        def score() -> tuple[bytes, bool, float]:
            test_set = parts.opener.open(prepared, test_sets.prepared_purpose(work.bounty_id))
            best = None
            if work.best is not None and kept is not None:
                best = parts.opener.open(kept, purpose(work.best.submission_id))
            if work.predictions:
                new = parts.opener.open(content, purpose(work.submission_id))
            else:
                new = parts.scorer.predict(
                    content,
                    format=work.kind,
                    metric=work.metric,
                    test_set=test_set,
                    seconds=work.seconds,
                )
            improved, measured = parts.scorer.step(work.metric, test_set, best, new)
            return new, improved, measured

        try:
            predictions, improved, measured = await asyncio.to_thread(score)
        except Refused as refused:
            seconds = time.perf_counter() - began
            return Evaluation(refusals=test_sets.problems_of(refused), seconds=seconds)
        except worker.ScorerFailed as failure:
            return Evaluation(trouble=str(failure), against=test_sets.against(failure))
    salt, sealed_predictions = secrets.token_bytes(SALT_BYTES), work.predictions
    if sealed_predictions is None:
        sealed = await asyncio.to_thread(
            parts.opener.seal, predictions, purpose(work.submission_id)
        )
        sealed_predictions = (await parts.blobs.keep(sealed)).sha256
    return Evaluation(
        improved=improved,
        score=measured if improved else None,
        commitment=commit_to(salt, predictions),
        sealed_salt=parts.opener.seal(salt, salt_purpose(work.submission_id)).hex(),
        sealed_predictions=sealed_predictions,
        seconds=time.perf_counter() - began,
    )


async def evaluate_again(work: Work) -> bytes:
    """Make the predictions of a scored submission once more.

    Those that differ from the first ones were not made by the file alone. Refused where the file
    no longer runs, ScorerFailed where the platform is at fault.
    """
    parts = worker.parts()
    async with parts.scoring:
        file = await parts.blobs.get(work.sha256)
        prepared = await parts.blobs.get(work.prepared)

        def predict() -> bytes:
            opened = parts.opener.open(prepared, test_sets.prepared_purpose(work.bounty_id))
            return parts.scorer.predict(file, format=work.kind, metric=work.metric, test_set=opened)

        return await asyncio.to_thread(predict)


async def open_predictions(submission_id: SubmissionId, sealed: str) -> bytes:
    """Return the predictions of a scored submission, in their canonical form."""
    parts = worker.parts()
    content = await parts.blobs.get(sealed)
    return await asyncio.to_thread(parts.opener.open, content, purpose(submission_id))
