"""The graph of algorithms: what is offered, by whom, and in which versions."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from dml.accounts.graphql import load_users
from dml.accounts.schemas import PublicUserOut
from dml.algorithms import queries
from dml.algorithms.schemas import AlgorithmOut, VersionOut, VersionToReviewOut
from dml.algorithms.search.schemas import AlgorithmSummaryOut
from dml.core.context import Context
from dml.core.ids import AlgorithmId
from dml.edge.graphql.graph import Graph, Leads, Read, Whole

ITS_ALGORITHM: Final = "The algorithm that it is a version of, if you may see it."


async def load_algorithms(ctx: Context, ids: Sequence[UUID]) -> Mapping[UUID, AlgorithmOut]:
    """Return those of these algorithms that the actor may see."""
    asked = [AlgorithmId(it) for it in ids]
    found = await queries.list_listings_by_ids(ctx.tx, ctx.actor, asked)
    return {it.id: AlgorithmOut.model_validate(it) for it in found}


GRAPH: Final = Graph(
    reads=(
        Read("algorithms", "algorithms.list"),
        Read("algorithm_search", "algorithms.search"),
        Read("algorithm_facets", "algorithms.get_facets"),
        Read("algorithm", "algorithms.get"),
        Read("algorithm_by_slug", "algorithms.get_by_slug"),
        Read("algorithms", "algorithms.list_offered", on=PublicUserOut),
        Read("versions", "versions.list", on=AlgorithmOut),
        Read("timeline", "algorithms.get_timeline", on=AlgorithmOut),
        Read("version", "versions.get"),
        Read("timeline", "versions.get_timeline", on=VersionOut),
        Read("versions_to_review", "versions.list_to_review"),
        Read("timeline", "versions.get_timeline", on=VersionToReviewOut),
    ),
    leads=(
        Leads(
            AlgorithmOut,
            "developer",
            "developer_id",
            PublicUserOut,
            load_users,
            "The user who offers it.",
        ),
        Leads(
            VersionOut, "algorithm", "algorithm_id", AlgorithmOut, load_algorithms, ITS_ALGORITHM
        ),
        Leads(
            VersionToReviewOut,
            "algorithm",
            "algorithm_id",
            AlgorithmOut,
            load_algorithms,
            ITS_ALGORITHM,
        ),
    ),
    wholes=(Whole(AlgorithmSummaryOut, AlgorithmOut, load_algorithms),),
    nodes=("algorithms.get",),
    without={
        "pages.get_algorithm": "A page for people.",
        "pages.list_algorithms": "A page for people.",
        "versions.create": "A file goes by REST; its version is then named by its id.",
        "versions.get_file": "A file goes by REST.",
    },
)
