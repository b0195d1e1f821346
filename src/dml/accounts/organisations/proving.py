"""Whoever lets somebody decide about an organisation's money proves who they are."""

from dml.accounts.identities.proofs import Proof
from dml.accounts.identities.reauthentication import reauthenticate
from dml.accounts.organisations.models import MemberRole
from dml.core.context import BeginFunction
from dml.core.errors import Forbidden
from dml.edge.http import Parts


class OwnerProofNeeded(Forbidden):
    code = "accounts.owner_proof_needed"
    reason = "To make somebody an owner takes a proof that it is you."
    remedy = "Send `proof` as well, such as your password."


async def require_proof(
    server: Parts, begin: BeginFunction, role: MemberRole, proof: Proof | None
) -> None:
    """Have it proven before the request's own transaction opens. A proof that is sent must be
    right, even where none is needed.
    """
    if proof is not None:
        await reauthenticate(server, begin, proof)
    elif role is MemberRole.OWNER:
        raise OwnerProofNeeded
