"""Every SELECT of demos."""

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.algorithms.demos import rules
from dml.algorithms.models import Algorithm, Version
from dml.algorithms.queries import get_algorithm, get_version
from dml.core.context import Actor
from dml.core.ids import AlgorithmId, VersionId


async def get_triable(
    tx: AsyncSession, actor: Actor, algorithm_id: AlgorithmId, version_id: VersionId | None
) -> tuple[Version, Algorithm]:
    """Load a version that this actor may try: this one, else the newest approved one, else the
    newest that they may.
    """
    if version_id is not None:
        version, algorithm = await get_version(tx, actor, algorithm_id, version_id)
    else:
        algorithm = await get_algorithm(tx, actor, algorithm_id)
        states = rules.triable_states(algorithm, actor)
        best = case({it: place for place, it in enumerate(states)}, value=Version.state)
        query = select(Version).where(
            Version.algorithm_id == algorithm_id, Version.state.in_(states)
        )
        query = query.order_by(best, Version.number.desc()).limit(1)
        version = rules.require_any(await tx.scalar(query))
    rules.require_triable(algorithm, version, actor)
    return version, algorithm
