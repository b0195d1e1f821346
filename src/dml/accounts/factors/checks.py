"""How proofs by a second factor are checked."""

from dml.accounts.factors import service
from dml.accounts.identities.proofs import RecoveryCodeProof, TotpProof, checked_by
from dml.accounts.recovery.choosing import post_of
from dml.core.context import BeginFunction
from dml.core.ids import UserId
from dml.edge.http import Parts


@checked_by(TotpProof, is_factor=True)
async def check_totp(
    server: Parts, begin: BeginFunction, user_id: UserId, proof: TotpProof
) -> bool:
    """Whether it is a code of the user's authenticator app. It is good once."""
    async with begin() as ctx:
        return await service.use_totp(ctx, server.factor_key, user_id, proof.code)


@checked_by(RecoveryCodeProof, is_factor=True)
async def check_recovery_code(
    server: Parts, begin: BeginFunction, user_id: UserId, proof: RecoveryCodeProof
) -> bool:
    """Whether it is a recovery code of the user's that was not used."""
    async with begin() as ctx:
        return await service.use_recovery_code(ctx, post_of(server), user_id, proof.code)
