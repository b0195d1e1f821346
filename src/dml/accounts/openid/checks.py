"""How a proof by a fresh login at a provider is checked."""

from dml.accounts.identities.proofs import OpenidProof, checked_by
from dml.accounts.openid import service
from dml.core.context import BeginFunction
from dml.core.ids import UserId
from dml.edge.http import Parts


@checked_by(OpenidProof)
async def check_login(_: Parts, begin: BeginFunction, user_id: UserId, proof: OpenidProof) -> bool:
    """Whether the user signs in by this login, and the provider asked them anew. Good once."""
    async with begin() as ctx:
        return await service.is_proven(ctx, user_id, proof.code, proof.code_verifier)
