"""Who asks for a token that may change something proves who they are."""

from dml.accounts.identities.reauthentication import reauthenticate
from dml.accounts.tokens import rules
from dml.accounts.tokens.schemas import TokenCreate
from dml.core.context import BeginFunction
from dml.edge.http import Parts


async def require_proof(server: Parts, begin: BeginFunction, body: TokenCreate) -> None:
    """Have it proven before the request's own transaction opens. A proof that is sent must be
    right, even where none is needed.
    """
    rules.require_proven(body.scopes, is_proven=body.proof is not None)
    if body.proof is not None:
        await reauthenticate(server, begin, body.proof)
