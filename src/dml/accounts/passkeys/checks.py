"""How a proof by a passkey is checked."""

from dml.accounts.identities.proofs import PasskeyProof, checked_by
from dml.accounts.passkeys import proving, service
from dml.accounts.passkeys.rules import ChallengeOver, Purpose, UnknownPasskey
from dml.accounts.recovery.choosing import post_of
from dml.core.context import BeginFunction
from dml.core.errors import Invalid
from dml.core.ids import UserId
from dml.edge.http import Parts


@checked_by(PasskeyProof, is_factor=True)
async def check_passkey(
    server: Parts, begin: BeginFunction, user_id: UserId, proof: PasskeyProof
) -> bool:
    """Whether a passkey by which the user signs in has signed a challenge for this. It is good
    once.
    """
    sent = proof.credential
    try:
        used = await proving.check_signed(server, begin, sent, Purpose.PROOF, user_id)
        async with begin() as ctx:
            await service.use(ctx, post_of(server), used)
    except (Invalid, ChallengeOver, UnknownPasskey):
        return False
    return True
