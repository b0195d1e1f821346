"""The graph of the ledger: your balance, what moved, and what admins credit."""

from typing import Final

from dml.edge.graphql.graph import Graph, Read

GRAPH: Final = Graph(
    reads=(
        Read("balance", "balance.get"),
        Read("debitLimit", "debit_limit.get"),
        Read("transfers", "transfers.list"),
        Read("books", "books.get"),
        Read("userBooks", "books.get_of_user"),
        Read("credits", "credits.list"),
        Read("credit", "credits.get"),
    ),
    nodes=("credits.get",),
    without={"transfers.export": "A file goes by REST."},
)
