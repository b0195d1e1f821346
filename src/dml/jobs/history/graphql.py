"""The graph of what ended jobs tell others."""

from typing import Final

from dml.algorithms.graphql import load_algorithms
from dml.algorithms.schemas import AlgorithmOut
from dml.edge.graphql.graph import Graph, Leads, Read
from dml.jobs.history.schemas import PublishedJobOut

GRAPH: Final = Graph(
    reads=(
        Read("usage", "algorithms.get_usage", on=AlgorithmOut),
        Read("published_jobs", "published_jobs.list", on=AlgorithmOut),
        Read("published_job", "published_jobs.get"),
        Read("results", "published_jobs.get_results", on=PublishedJobOut),
    ),
    leads=(
        Leads(
            PublishedJobOut,
            "algorithm",
            "algorithm_id",
            AlgorithmOut,
            load_algorithms,
            "The algorithm that devices ran, if you may see it.",
        ),
    ),
    nodes=("published_jobs.get",),
)
