"""The graph of algorithms: what is offered, by whom, and in which versions."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from dml.accounts.graphql import load_users
from dml.accounts.schemas import PublicUserOut
from dml.algorithms import queries
from dml.algorithms.appeals.schemas import AppealOut
from dml.algorithms.moderation.schemas import VersionReviewOut, VersionToReviewOut, VersionTwinOut
from dml.algorithms.schemas import AlgorithmOut, VersionOut
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
        Read("statistics", "algorithms.get_statistics", on=AlgorithmOut),
        Read("version", "versions.get"),
        Read("timeline", "versions.get_timeline", on=VersionOut),
        Read("uploads", "uploads.list", on=AlgorithmOut),
        Read("upload", "uploads.get"),
        Read("versions_to_review", "versions.list_to_review"),
        Read("timeline", "versions.get_timeline", on=VersionToReviewOut),
        Read("version_to_review", "versions.get_to_review"),
        Read("review_reasons", "review_reasons.list"),
        Read("appeals", "appeals.list", on=AlgorithmOut),
        Read("appeals_to_decide", "appeals.list_to_decide"),
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
        Leads(
            VersionReviewOut,
            "algorithm",
            "algorithm_id",
            AlgorithmOut,
            load_algorithms,
            ITS_ALGORITHM,
        ),
        Leads(
            VersionTwinOut,
            "algorithm",
            "algorithm_id",
            AlgorithmOut,
            load_algorithms,
            ITS_ALGORITHM,
        ),
        Leads(
            AppealOut,
            "algorithm",
            "algorithm_id",
            AlgorithmOut,
            load_algorithms,
            "The algorithm that it is about, if you may see it.",
        ),
    ),
    wholes=(Whole(AlgorithmSummaryOut, AlgorithmOut, load_algorithms),),
    nodes=("algorithms.get",),
    without={
        "pages.get_algorithm": "A page for people.",
        "pages.list_algorithms": "A page for people.",
        "versions.create": "A file goes by REST; its version is then named by its id.",
        "versions.get_file": "A file goes by REST.",
        "demos.create": "A file goes by REST.",
        "demos.create_by_tensor": "A file goes by REST, as does what is as long as one.",
        "uploads.append": "A file goes by REST.",
        "file_links.get_file": "A file goes by REST.",
    },
)
