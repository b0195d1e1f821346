"""Telling whether a wallet signed a message: by its key, or by asking its contract.

What a contract does is its own: it may revert, answer anything, or use up all the gas. That is a
signature which is not good, and no fault of the node (docs/decisions/0052).
"""

from typing import Final

from dml.chain import addresses
from dml.chain.node import api_node
from dml.chain.node.endpoints import Endpoints
from dml.chain.node.rpc import Node, NodeRefused
from dml.chain.states import WalletKind
from dml.chain.wallets import counterfactual, rules, signed_messages
from dml.chain.wallets.counterfactual import Counterfactual

# By which a node refuses whatever it is asked: not understood, or too much for now. By -32603,
# internal errors, anvil tells what a contract did wrong.
_NODE_S_OWN: Final = range(-32602, -32599), range(-32005, -32000), range(400, 600)


def is_by_key(address: str, message: str, signature: bytes) -> bool:
    """Whether the key of this address made the signature: nobody needs to be asked then."""
    return signed_messages.signer_of(signed_messages.digest(message), signature) == address


async def require_signed(
    endpoints: Endpoints | None, address: str, message: str, signature: bytes
) -> WalletKind:
    """Refuse a signature that is not this wallet's. No transaction may be open meanwhile."""
    assert address != addresses.ZERO  # Checked before: a broken signature must not match it.
    if is_by_key(address, message, signature):
        return WalletKind.KEY
    digest = signed_messages.digest(message)
    if endpoints is None:
        raise rules.WrongSignature(because=_why_not(digest, signature))
    wrapped = None
    if counterfactual.is_wrapped(signature):
        wrapped = counterfactual.unwrap(signature)
        if wrapped is None:
            raise rules.WrongSignature(because="it ends as EIP-6492 has it, and cannot be read")

    async def is_its_own(node: Node) -> bool:
        return await _is_its_own(node, address, digest, wrapped or signature)

    if not await api_node.ask(endpoints, is_its_own):
        raise rules.WrongSignature(because=_why_not(digest, signature))
    return WalletKind.CONTRACT


async def _is_its_own(
    node: Node, address: str, digest: bytes, signature: bytes | Counterfactual
) -> bool:
    try:
        if isinstance(signature, Counterfactual):
            asked = counterfactual.question(address, digest, signature)
            answer = await node.try_out(asked, sender=counterfactual.ASKER)
        else:
            answer = await node.call(address, signed_messages.question(digest, signature))
    except NodeRefused as error:
        if not error.is_reverted:
            await _require_node_well(node, address, error)
        return False
    return signed_messages.says_yes(answer)


async def _require_node_well(node: Node, address: str, error: NodeRefused) -> None:
    """Raise where the node is what failed: it says so, or cannot even read the address."""
    if any(error.code in it for it in _NODE_S_OWN):
        raise error
    await node.code(address)


def _why_not(digest: bytes, signature: bytes) -> str:
    if counterfactual.is_wrapped(signature):
        return "what it makes (EIP-6492) is not at this address, or does not call it its own"
    signer = signed_messages.signer_of(digest, signature)
    if signer is None:
        return "no contract at this address calls it its own, and no key made it"
    return f"it is of {signer}, and no contract at this address calls it its own"
