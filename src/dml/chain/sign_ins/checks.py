"""How a proof by a wallet's signature is checked."""

from dml.accounts.identities.proofs import WalletProof, checked_by
from dml.accounts.identities.rules import ProofUnchecked
from dml.chain.node.api_node import ChainAway, endpoints_of
from dml.chain.rules import NotConnected
from dml.chain.sign_ins import service
from dml.chain.wallets import signed_messages, signing
from dml.core.context import BeginFunction
from dml.core.errors import Invalid
from dml.core.ids import UserId
from dml.edge.http import Parts


@checked_by(WalletProof)
async def check_wallet(
    server: Parts, begin: BeginFunction, user_id: UserId, proof: WalletProof
) -> bool:
    """Whether a wallet by which the user signs in has signed the message. It is good once."""
    signature = bytes.fromhex(proof.signature[2:])
    try:
        message = signed_messages.read(proof.message)
        async with begin() as ctx:
            await service.require_provable(ctx, user_id, message)
        endpoints = endpoints_of(server)
        await signing.require_signed(endpoints, message.address, proof.message, signature)
        async with begin() as ctx:
            await service.use_proof(ctx, user_id, message)
    except Invalid:
        return False
    except (ChainAway, NotConnected) as error:
        raise ProofUnchecked(retry_after_seconds=1) from error
    return True
