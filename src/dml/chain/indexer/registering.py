"""What a vault and its token say of themselves, once, when the settings name the vault."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from dml.chain.ethereum import checksummed
from dml.chain.models import Block, Vault
from dml.chain.node import contract
from dml.chain.node.contract import Garbled
from dml.chain.node.endpoints import Chosen, NoNode
from dml.chain.node.rpc import BlockHead, Node, NodeRefused
from dml.core.ids import VaultId, new_id
from dml.core.money import MicroTokens

WORDS_MAX: Final = 64  # Letters of a token's name that are kept.


@dataclass(frozen=True, slots=True)
class VaultDetails:
    """What never changes of a vault and its token, and the block before the first to be read."""

    chain_id: int
    token: str
    token_name: str
    token_symbol: str
    token_version: str | None
    decimals: int
    daily_limit: MicroTokens
    before: BlockHead


async def ask(chosen: Chosen, vault: str, start_block: int) -> VaultDetails:
    """Ask a node for all that is kept of a vault. NoNode where there is no vault of ours."""
    node = chosen.node
    if not await node.code(vault):
        raise NoNode(f"there is no contract at {vault} on this chain")
    (token,) = await _read(node, vault, "TOKEN()", "address")
    (scale,) = await _read(node, vault, "SCALE()", "uint256")
    token = checksummed(token)
    (decimals,) = await _read(node, token, "decimals()", "uint8")
    if not 6 <= decimals <= 18 or scale != 10 ** (decimals - 6):
        raise NoNode(f"the contract at {vault} is no vault for a token of {decimals} decimals")
    daily, _, _ = await _read(node, vault, "limit()", "uint64", "uint128", "uint64")
    before = min(max(start_block - 1, 0), chosen.final.number)
    block = await node.block(before)
    if block is None:
        raise Garbled(f"has no block {before}")
    return VaultDetails(
        chain_id=await node.chain_id(),
        token=token,
        token_name=await _words(node, token, "name()"),
        token_symbol=await _words(node, token, "symbol()"),
        token_version=await _version(node, token),
        decimals=decimals,
        daily_limit=MicroTokens(contract.bounded(daily)),
        before=block,
    )


async def keep(
    tx: AsyncSession, address: str, start_block: int, facts: VaultDetails, now: datetime
) -> VaultId:
    """Make a vault the current one; a new one begins to be read at its start block."""
    await tx.execute(update(Vault).where(Vault.is_current).values(is_current=False))
    same = (Vault.chain_id == facts.chain_id) & (Vault.address == address)
    vault = await tx.scalar(select(Vault).where(same).with_for_update())
    if vault is not None:
        vault.is_current, vault.daily_limit = True, facts.daily_limit
        return vault.id
    vault = Vault(
        id=VaultId(new_id()),
        chain_id=facts.chain_id,
        address=address,
        token=facts.token,
        token_name=facts.token_name,
        token_symbol=facts.token_symbol,
        token_version=facts.token_version,
        decimals=facts.decimals,
        is_current=True,
        registered_at=now,
        start_block=start_block,
        final_number=facts.before.number,
        final_hash=facts.before.hash,
        daily_limit=facts.daily_limit,
        # Books that are restored may lack all of this one, too.
        restored_at=await tx.scalar(select(func.max(Vault.restored_at))),
    )
    tx.add(vault)
    await tx.flush()
    tx.add(Block(vault_id=vault.id, number=facts.before.number, hash=facts.before.hash))
    return vault.id


async def _read(node: Node, address: str, signature: str, *kinds: str) -> tuple[Any, ...]:
    return contract.read(kinds, await node.call(address, contract.call(signature)))


async def _words(node: Node, token: str, signature: str) -> str:
    """Return a name that the token gives itself: a stranger's text, so only printable letters."""
    answer = await node.call(token, contract.call(signature))
    if len(answer) == 32:  # Some old tokens answer with 32 bytes.
        said = answer.rstrip(b"\0").decode(errors="replace")
    else:
        (said,) = contract.read(["string"], answer)
    return "".join(it for it in said if it.isprintable())[:WORDS_MAX]


async def _version(node: Node, token: str) -> str | None:
    """The version in a token's EIP-712 domain, for permits; None where it has none."""
    try:
        domain = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
        return str((await _read(node, token, "eip712Domain()", *domain))[2])
    except (NodeRefused, Garbled):
        pass  # Older than EIP-5267.
    try:
        return str((await _read(node, token, "version()", "string"))[0])
    except (NodeRefused, Garbled):
        return None
