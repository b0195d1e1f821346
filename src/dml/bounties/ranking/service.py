"""Making the final ranking: each final submission runs a second time, and all are ranked once.

The private part of the test set is used here for the first time, and only once submissions have
closed. The result is kept with all that is needed to reproduce it. What a step's result contains
is public a moment later: places, scores, salt and file.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update

from dml.bounties import lifecycle, queries
from dml.bounties.enrollments import queries as enrollment_queries, rules as enrollment_rules
from dml.bounties.events import EnrollmentDisqualified
from dml.bounties.judging import rules
from dml.bounties.judging.rules import Band
from dml.bounties.models import (
    Agreement,
    Bounty,
    BountyState,
    Enrollment,
    EnrollmentState,
    Judging,
    Ranking,
    Submission,
)
from dml.bounties.ranking import placing, queries as ranking_queries
from dml.bounties.ranking.finals import (
    Entry,
    get_both,
    list_all_finals,
    list_finals,
    matches,
    open_salt,
)
from dml.bounties.submissions import evaluating
from dml.bounties.test_sets import service as test_sets
from dml.bounties.test_sets.service import Revealed
from dml.core import events, worker
from dml.core.blobs import Blobs
from dml.core.context import Context
from dml.core.ids import BountyId, EnrollmentId, SubmissionId
from dml.core.money import MicroTokens
from dml.inference.signature import Refused
from dml.scoring.ranked import Ranked

log = logging.getLogger(__name__)

DRAWS: Final = 2_000
RUNS_AT_ONCE: Final = 20  # Second runs between two checkpoints of the process.
ATTEMPTS_BEFORE_GIVING_UP: Final = 10  # At the second chance: after about 15 minutes.
OTHER_PREDICTIONS: Final = (
    "A second run of its final submission did not give the predictions of the first. "
    "A moderator can reinstate it once that is explained."
)
NOT_RUN_AGAIN: Final = (
    "Its final submission could not be run a second time, for days, while those of others could. "
    "A moderator can reinstate it once that is explained."
)


@dataclass(frozen=True, slots=True)
class Rerun:
    """Entrants whose second run gave other predictions, and those whose run the platform failed."""

    differing: list[EnrollmentId]
    unable: list[EnrollmentId]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be ranked: final submissions in the order they came, and the test set's blobs."""

    metric: str
    prepared: str
    sealed: str
    sealed_salt: str  # In hexadecimal digits.
    finals: list[Entry]


@dataclass(frozen=True, slots=True)
class Place:
    """The result of an entrant's final submission."""

    enrollment_id: EnrollmentId
    submission_id: SubmissionId
    predictions_sha256: str
    place: int
    tied_from: int
    tied_to: int
    score: float
    chance_of_first: float
    commitment: str | None = None
    salt: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """Published predictions, by their hash, and the salt of their commitment."""

    sha256: str
    salt: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """The ranking by place, pairs who agree too well, and what is published."""

    places: list[Place]
    revealed: Revealed
    agreements: list[tuple[EnrollmentId, EnrollmentId, float]] = field(default_factory=list)


class Published(Mapping[str, bytes]):
    """Predictions by entrant, each read from the store when it is needed, by another thread.

    All together may be more than fits into memory.
    """

    def __init__(self, hashes: Mapping[str, str], blobs: Blobs) -> None:
        self._hashes = hashes
        self._blobs, self._loop = blobs, asyncio.get_running_loop()

    def __getitem__(self, entry: str) -> bytes:
        reading = self._blobs.get(self._hashes[entry])
        return asyncio.run_coroutine_threadsafe(reading, self._loop).result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)


async def look(ctx: Context, bounty_id: BountyId) -> str:
    """Say whether a bounty can be ranked: `ready`, `waiting` for submissions, or `over`."""
    bounty = await queries.lock_bounty(ctx.tx, bounty_id)
    if bounty.state is not BountyState.EVALUATING or bounty.judging is not Judging.METRIC:
        return "over"
    return "waiting" if await ranking_queries.is_any_under_way(ctx.tx, bounty_id) else "ready"


async def next_finals(ctx: Context, bounty_id: BountyId, after: EnrollmentId | None) -> list[Entry]:
    """Return the next final submissions to be run again."""
    bounty, test_set = await get_both(ctx, bounty_id)
    return await list_finals(ctx, bounty, test_set, after=after, limit=RUNS_AT_ONCE)


async def run_again(finals: Sequence[Entry]) -> Rerun:
    """Run submissions once more, and compare their predictions with those of the first run."""
    differing, unable = list[EnrollmentId](), list[EnrollmentId]()
    for it in finals:
        try:
            if not await _is_the_same(it):
                differing.append(it.enrollment_id)
        except worker.ScorerFailed as failure:
            log.warning("submission:%s is not run again: %s", it.work.submission_id, failure)
            unable.append(it.enrollment_id)
    return Rerun(differing, unable)


async def disqualify(
    ctx: Context, bounty_id: BountyId, entrants: Sequence[EnrollmentId], reason: str
) -> None:
    """Disqualify entrants whose second run differs or fails; everybody sees the reason."""
    bounty = await queries.lock_bounty(ctx.tx, bounty_id)
    if bounty.state is not BountyState.EVALUATING:
        return
    found = await ranking_queries.find_entrants(ctx.tx, entrants, lock=True)
    for enrollment in found.values():
        if enrollment.competes:
            move = enrollment_rules.move_enrollment(enrollment, EnrollmentState.DISQUALIFIED)
            enrollment.state_reason = reason
            disqualified = EnrollmentDisqualified(enrollment.id, bounty_id)
            readers = await enrollment_queries.list_readers(ctx.tx, enrollment.id)
            await events.record(ctx, disqualified, readers, move, reason=reason)


async def plan(ctx: Context, bounty_id: BountyId) -> Plan:
    """Return what is to be ranked: the final submissions of all who still compete."""
    bounty, test_set = await get_both(ctx, bounty_id)
    assert bounty.metric is not None
    assert test_set.prepared is not None
    assert test_set.sealed_salt is not None
    finals = await list_all_finals(ctx, bounty, test_set)
    # Of equal scores, the one that came first is first.
    finals.sort(key=lambda it: (it.created_at, it.work.submission_id))
    sealed_salt = test_set.sealed_salt.hex()
    return Plan(bounty.metric, test_set.prepared, test_set.sealed, sealed_salt, finals)


async def compute(bounty_id: BountyId, plan: Plan) -> Found:
    """Rank the final submissions, publish the files that prove it, and find suspicious pairs."""
    parts = worker.parts()
    opened = {str(it.enrollment_id): await _publish(it) for it in plan.finals}
    predictions = Published({entry: it.sha256 for entry, it in opened.items()}, parts.blobs)
    salt = bytes.fromhex(plan.sealed_salt)
    revealed = await test_sets.reveal(bounty_id, plan.sealed, salt)
    prepared = await parts.blobs.get(plan.prepared)

    def rank() -> tuple[list[Ranked], list[tuple[str, str, float]]]:
        test_set = parts.opener.open(prepared, test_sets.prepared_purpose(bounty_id))
        salt = bytes.fromhex(revealed.salt)
        ranked = parts.scorer.rank(plan.metric, test_set, predictions, salt, draws=DRAWS)
        return ranked, parts.scorer.agreements(plan.metric, predictions)

    async with parts.scoring:
        ranked, alike = await asyncio.to_thread(rank)
    finals = {str(it.enrollment_id): it for it in plan.finals}
    return Found(
        places=[_place(it, finals[it.entry], opened[it.entry]) for it in ranked],
        revealed=revealed,
        agreements=[(_id(a), _id(b), agreement) for a, b, agreement in alike],
    )


async def conclude(ctx: Context, bounty_id: BountyId, found: Found) -> str:
    """Keep the ranking, publish the evidence, open disputes and give places. Once only.

    `again` if somebody was reinstated while it was computed, and so was not ranked.
    """
    bounty = await queries.lock_bounty(ctx.tx, bounty_id)
    if bounty.state is not BountyState.EVALUATING:
        return bounty.state
    _, test_set = await get_both(ctx, bounty_id)
    finals = {it.enrollment_id for it in await list_all_finals(ctx, bounty, test_set)}
    named = [it.enrollment_id for it in found.places]
    if not finals <= set(named):
        return "again"
    entrants = await ranking_queries.find_entrants(ctx.tx, named, lock=True)
    ranked = [(entrants[it.enrollment_id], it) for it in found.places]
    for entrant, place in ranked:
        entrant.private_score, entrant.chance_of_first = place.score, place.chance_of_first
        entrant.final_submission_id = place.submission_id
    hashes = [
        {"id": it.submission_id, "predictions_sha256": it.predictions_sha256} for it in found.places
    ]
    if hashes:
        await ctx.tx.execute(update(Submission), hashes)
    bands = [Band(it.place, it.tied_from, it.tied_to) for it in found.places]
    prizes = rules.share_prizes(bounty.prizes, bands, bounty.ties)
    # All entries: each result depends on the others, and can be reproduced only with them.
    entries = [_evidence(*it, prize) for it, prize in zip(ranked, prizes, strict=True)]
    ctx.tx.add(
        Ranking(
            bounty_id=bounty.id,
            metric=bounty.metric or "",
            draws=DRAWS,
            entries=entries,
            created_at=ctx.now,
        )
    )
    for a, b, agreement in found.agreements:
        _note_agreement(ctx, bounty, a, b, agreement)
    await test_sets.publish(ctx, bounty.id, found.revealed)
    await lifecycle.open_disputes(ctx, bounty)
    # Who was disqualified meanwhile gets no place, and the others move up.
    await placing.place_again(ctx, bounty)
    return bounty.state


async def _is_the_same(final: Entry) -> bool:
    """Whether a second run gives the same. A file that no longer runs differs; our fault raises."""
    try:
        again = await evaluating.evaluate_again(final.work)
    except Refused:
        return False
    return matches(final, again, open_salt(final))


async def _publish(final: Entry) -> Opened:
    """Publish predictions whose commitment was published long before."""
    submission_id, salt = final.work.submission_id, open_salt(final)
    plain = await evaluating.open_predictions(submission_id, final.sealed_predictions)
    assert matches(final, plain, salt), f"submission:{submission_id} is another"
    kept = await worker.parts().blobs.keep(plain)
    return Opened(kept.sha256, None if salt is None else salt.hex())


def _place(ranked: Ranked, final: Entry, opened: Opened) -> Place:
    return Place(
        enrollment_id=final.enrollment_id,
        submission_id=final.work.submission_id,
        predictions_sha256=opened.sha256,
        place=ranked.place,
        tied_from=ranked.tied_from,
        tied_to=ranked.tied_to,
        score=ranked.score,
        chance_of_first=ranked.chance_of_first,
        commitment=final.commitment,
        salt=opened.salt,
    )


def _evidence(entrant: Enrollment, place: Place, prize: MicroTokens) -> dict[str, Any]:
    return {
        "enrollment_id": str(entrant.id),
        "number": entrant.number,
        "name": entrant.name,
        "submission_id": str(place.submission_id),
        "predictions_sha256": place.predictions_sha256,
        "commitment": place.commitment,
        "salt": place.salt,
        "place": place.place,
        "tied_from": place.tied_from,
        "tied_to": place.tied_to,
        "score": place.score,
        "chance_of_first": place.chance_of_first,
        "prize": prize,
    }


def _note_agreement(
    ctx: Context, bounty: Bounty, a: EnrollmentId, b: EnrollmentId, agreement: float
) -> None:
    first, second = sorted((a, b))
    ctx.tx.add(
        Agreement(
            bounty_id=bounty.id,
            first_id=first,
            second_id=second,
            agreement=agreement,
            created_at=ctx.now,
        )
    )


def _id(entry: str) -> EnrollmentId:
    return EnrollmentId(UUID(entry))
