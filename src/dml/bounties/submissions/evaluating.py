"""How a submitted file is checked, scored, and scored once more. For workers, and without numpy.

Everything here may run twice: the same file gives the same predictions, and blobs are named by
their content. The measured score leaves this module only if the Ladder shows it: neither rows nor
checkpoints hold any other.
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
    """What is to be evaluated of a submission. Only the best so far may change meanwhile.

    `seconds` is the limit of a first, quick try; None where it has all its time.
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
    """Why a file is refused; `trouble`: why the platform could not check it."""

    refusals: list[dict[str, Any]] = field(default_factory=list)
    trouble: str | None = None
    seconds: float = 0.0
    # What it is refused for if that happens again.
    against: list[dict[str, Any]] = field(default_factory=list)
    sealed_predictions: str | None = None  # What a table predicts: it is read once.


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What scoring found. `score` is set only if it beat the best; else it is not kept."""

    improved: bool = False
    score: float | None = None
    predictions_sha256: str = ""  # Set in results from before there were commitments.
    commitment: str | None = None
    sealed_salt: str | None = None  # In hexadecimal digits.
    sealed_predictions: str = ""
    seconds: float = 0.0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    trouble: str | None = None
    against: list[dict[str, Any]] = field(default_factory=list)


def purpose(submission_id: SubmissionId) -> str:
    """The purpose under which the predictions of a submission are sealed."""
    return f"predictions:{submission_id}"


def salt_purpose(submission_id: SubmissionId) -> str:
    """The purpose under which the salt of their commitment is sealed."""
    return f"predictions-salt:{submission_id}"


def is_cut_off(work: Work, found: Validation | Evaluation) -> bool:
    """Whether it ran out of time in a quick try, and so gets a longer one."""
    return work.seconds is not None and sandbox_time.is_too_slow(found.refusals)


def commit_to(salt: bytes, predictions: bytes) -> str:
    """SHA-256 of salt and predictions: it binds to both, and reveals neither."""
    return hashlib.sha256(salt + predictions).hexdigest()


async def validate(work: Work) -> Validation:
    """Check a file as far as possible without a score, and keep what it predicts, sealed."""
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

    A model's are made here, and kept sealed; a table's were made when it was checked.
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

    If they differ from the first ones, the file alone did not determine them. Refused if the file
    no longer runs, ScorerFailed if the platform is at fault.
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
