"""What the processes answer themselves has no field in the graph."""

from typing import Final

from dml.edge.graphql.graph import Graph

A_PAGE: Final = "A page for people."
A_PROGRAM: Final = "For programs that watch or read this server, before they know of any graph."

GRAPH: Final = Graph(
    without={
        "pages.get_home": A_PAGE,
        "pages.list_bounties": A_PAGE,
        "pages.get_graph": A_PAGE,
        "health.get": A_PROGRAM,
        "health.get_readiness": A_PROGRAM,
        "keys.list": A_PROGRAM,
        "problems.get": A_PROGRAM,
        "problems.list": A_PROGRAM,
        "graph.ask": "It is the graph.",
    }
)
