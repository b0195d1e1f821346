"""Keeps how a version answered fixed pictures, and finds which others answer alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from dml.algorithms.models import Algorithm, Version
from dml.algorithms.moderation import likeness, queries
from dml.algorithms.moderation.likeness import TWINS_MOST, Answers
from dml.algorithms.moderation.models import VersionProbes, VersionTwin
from dml.core.context import Context


async def keep(
    ctx: Context, version: Version, algorithm: Algorithm, behaviour: Mapping[str, Any]
) -> None:
    """Keep what the check saw of a version, and which versions of other developers are like it."""
    mine = Answers(behaviour["answers"], behaviour["confidences"], algorithm.labels)
    probes = VersionProbes(
        version_id=version.id,
        developer_id=algorithm.developer_id,
        probe_set=behaviour["probe_set"],
        label_count=len(algorithm.labels),
        answers=likeness.pack_answers(mine.answers),
        confidences=likeness.pack_confidences(mine.confidences),
        ranks=likeness.ranks(mine.confidences) if behaviour["is_complete"] else None,
        samples=_named(behaviour["samples"], algorithm.labels),
    )
    others = await queries.list_candidates(ctx.tx, probes)
    ctx.tx.add(probes)
    found = []
    for other in others:
        answers = likeness.unpack_answers(other.answers)
        theirs = Answers(answers, likeness.unpack_confidences(other.confidences), other.labels)
        alike = likeness.compare(mine, theirs)
        if alike is not None and alike.is_twin:
            found.append((alike, other.version_id))
    found.sort(key=lambda it: (-it[0].agreement, it[0].confidence_difference, it[1]))
    for alike, version_id in found[:TWINS_MOST]:
        ctx.tx.add(
            VersionTwin(
                version_id=version.id,
                twin_id=version_id,
                probes=alike.probes,
                agreeing=alike.agreeing,
                confidence_difference=alike.confidence_difference,
            )
        )
    await ctx.tx.flush()


def _named(samples: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return samples with labels by their names."""
    return [
        {
            "name": it["name"],
            "picture": it["picture"],
            "labels": [
                {"label": labels[place], "confidence": share} for place, share in it["labels"]
            ],
        }
        for it in samples
    ]
