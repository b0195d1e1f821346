"""The graph of profiles. Their files go by REST."""

from typing import Final

from dml.edge.graphql.graph import Graph, Read

GRAPH: Final = Graph(
    reads=(
        Read("processes", "processes.list"),
        Read("profiles", "profiles.list"),
        Read("profile", "profiles.get"),
    ),
    without={
        "profiles.get_flame_graph": "A file goes by REST.",
        "profiles.get_speedscope": "A file goes by REST.",
    },
)
