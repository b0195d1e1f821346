"""The graph of ratings."""

from typing import Final

from dml.accounts.graphql import load_users
from dml.accounts.schemas import PublicUserOut
from dml.algorithms.ratings.schemas import RatingOut
from dml.algorithms.schemas import AlgorithmOut
from dml.edge.graphql.graph import Graph, Leads, Read

GRAPH: Final = Graph(
    reads=(
        Read("ratings", "ratings.list", on=AlgorithmOut),
        Read("own_rating", "ratings.get_own", on=AlgorithmOut),
    ),
    leads=(
        Leads(RatingOut, "user", "user_id", PublicUserOut, load_users, "The customer who gave it."),
    ),
)
