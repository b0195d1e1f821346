"""Every table there is: importing this makes `Base.metadata` whole."""

from dml.accounts import models as accounts
from dml.algorithms import models as algorithms
from dml.bounties import models as bounties
from dml.chain import models as chain
from dml.core import audit, nodes
from dml.devices import models as devices
from dml.edge import idempotency
from dml.jobs import models as jobs
from dml.payments import models as payments

__all__ = [
    "accounts",
    "algorithms",
    "audit",
    "bounties",
    "chain",
    "devices",
    "idempotency",
    "jobs",
    "nodes",
    "payments",
]
