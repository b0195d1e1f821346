"""The graph of the chain: what came in, what goes out, and by which wallets."""

from typing import Final

from dml.chain.withdrawals.schemas import WithdrawalOut
from dml.edge.graphql.graph import Graph, Read

GRAPH: Final = Graph(
    reads=(
        Read("chain", "chain.get"),
        Read("deposits", "deposits.list"),
        Read("deposit", "deposits.get"),
        Read("unclaimed_deposits", "deposits.list_unclaimed"),
        Read("withdrawals", "withdrawals.list"),
        Read("withdrawal", "withdrawals.get"),
        Read("withdrawal_terms", "withdrawals.get_terms"),
        Read("withdrawals_to_review", "withdrawals.list_to_review"),
        Read("timeline", "withdrawals.get_timeline", on=WithdrawalOut),
        Read("wallets", "wallets.list"),
        Read("wallet", "wallets.get"),
        Read("denied_addresses", "denied_addresses.list"),
    ),
    nodes=("deposits.get", "withdrawals.get", "wallets.get"),
    without={"deposit_instructions.get_qr_code": "An image goes by REST."},
)
