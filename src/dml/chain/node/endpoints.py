"""Which node to use: one for a whole pass, and none that another node contradicts.

A node that fails rests, longer each time. Checks are never relaxed because few nodes are left: if
none passes, there is `NoNode`, and the caller tries again later.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dml.chain.node.contract import Garbled
from dml.chain.node.rpc import FAULTS, BlockHead, Node, Tag

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 4.0  # How long a node may take to report its head.
LAG_BLOCKS_MAX: Final = 20  # A node further behind the best one is not used.
REST_SECONDS_MIN: Final = 2.0
REST_SECONDS_MAX: Final = 60.0
REST_SECONDS_ALONE_MAX: Final = 5.0  # For the only node: there is no other to ask.
FORGIVEN_SECONDS: Final = 120.0  # After so long without one, a failure counts as the first.


class NoNode(Exception):
    """No node can be used now; `reason` says why, for operators."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FinalBlockChanged(NoNode):
    """A final block has another hash: the chain changed what was final, or a node lies."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A node, and its head and final block when it was chosen."""

    node: Node
    head: BlockHead
    final: BlockHead


@dataclass(slots=True)
class _Seat:
    node: Node
    failures: int = 0
    failed_at: float = field(default=float("-inf"))
    rests_until: float = field(default=float("-inf"))
    why: str = ""


class Endpoints:
    """The nodes of the settings. The first usable one is asked.

    A block is final by the node's `finalized` tag, or after so many confirmations. Without a
    `chain_id`, that of the first usable node is kept.
    """

    def __init__(
        self,
        urls: Sequence[str],
        client: "httpx2.AsyncClient",
        *,
        chain_id: int | None,
        confirmations: int | None,
        timeout_seconds: float = 10,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        assert urls
        self._seats = [_Seat(Node(it, client, timeout_seconds=timeout_seconds)) for it in urls]
        self._confirmations, self._look_seconds = confirmations, look_seconds
        self.chain_id = chain_id

    @property
    def nodes(self) -> list[Node]:
        return [it.node for it in self._seats]

    async def choose(self, *, at_least: int = 0, known: tuple[int, str] | None = None) -> Chosen:
        """Return the first node that is awake, on this chain and near its head.

        Its head is at block `at_least` or above, its block `known` has that hash (or
        FinalBlockChanged), and no other node has another final block. Else NoNode.
        """
        now = time.monotonic()
        awake = [it for it in self._seats if it.rests_until <= now]
        reasons = [f"{it.node.name}: {it.why}" for it in self._seats if it.rests_until > now]
        found = await asyncio.gather(*(self._look(it) for it in awake))
        views = {it.node: view for it, view in zip(awake, found, strict=True) if view}
        reasons += [f"{it.node.name}: {it.why}" for it in awake if it.node not in views]
        best = max((it.head.number for it in views.values()), default=0)
        for view in views.values():
            if view.head.number < max(at_least, best - LAG_BLOCKS_MAX):
                reasons.append(f"{view.node.name}: lags behind, at block {view.head.number}")
            elif await self._remembers(view, known):
                await self._agree(view, [it for it in views if it is not view.node])
                return view
            else:
                reasons.append(f"{view.node.name}: {self._seat(view.node).why}")
        raise NoNode("no node can be used: " + "; ".join(reasons))

    def failed(self, node: Node, why: str) -> None:
        """Let a node rest that failed during a pass, so that the next pass asks another."""
        seat, now = self._seat(node), time.monotonic()
        if now - seat.failed_at > FORGIVEN_SECONDS:
            seat.failures = 0
        most = REST_SECONDS_MAX if len(self._seats) > 1 else REST_SECONDS_ALONE_MAX
        rest = min(REST_SECONDS_MIN * 2**seat.failures, most)
        seat.failures = min(seat.failures + 1, 10)
        seat.failed_at, seat.rests_until, seat.why = now, now + rest, why
        log.warning("node %s rests for %.0f s: %s", node.name, rest, why)

    def _seat(self, node: Node) -> _Seat:
        return next(it for it in self._seats if it.node is node)

    async def _look(self, seat: _Seat) -> Chosen | None:
        """Return a node's head and final block. A wrong or failing one rests, and gives None."""
        node = seat.node
        try:
            async with asyncio.timeout(self._look_seconds):
                chain_id, head = await asyncio.gather(node.chain_id(), _block(node, "latest"))
                if chain_id != (self.chain_id or chain_id):
                    raise Garbled(f"is on chain {chain_id}, not {self.chain_id}")
                final = await self._final(node, head)
        except (*FAULTS, TimeoutError) as error:
            self.failed(node, str(error) or "is too slow")
            return None
        self.chain_id = chain_id
        return Chosen(node, head, final)

    async def _final(self, node: Node, head: BlockHead) -> BlockHead:
        if self._confirmations is not None:
            return await _block(node, max(0, head.number - self._confirmations))
        final = await _block(node, "finalized")
        if final.number > head.number:
            raise Garbled(f"its final block {final.number} is above its head {head.number}")
        return final

    async def _remembers(self, view: Chosen, known: tuple[int, str] | None) -> bool:
        """Whether a node has the block that was final before. FinalBlockChanged if another."""
        if known is None:
            return True
        number, expected_hash = known
        try:
            async with asyncio.timeout(self._look_seconds):
                block = await _block(view.node, number)
        except (*FAULTS, TimeoutError) as error:
            self.failed(view.node, str(error) or "is too slow")
            return False
        if block.hash != expected_hash:
            raise FinalBlockChanged(
                f"block {number} was final as {expected_hash}, and {view.node.name} has "
                f"{block.hash} there"
            )
        return True

    async def _agree(self, view: Chosen, others: Sequence[Node]) -> None:
        """Require that the other nodes have the same final block. NoNode if one has another."""
        found = await asyncio.gather(*(self._hash_at(it, view.final.number) for it in others))
        for node, there in zip(others, found, strict=True):
            if there not in (None, view.final.hash):
                raise NoNode(
                    f"the nodes disagree about block {view.final.number}: {view.node.name} has "
                    f"{view.final.hash}, {node.name} has {there}"
                )

    async def _hash_at(self, node: Node, number: int) -> str | None:
        """A node's hash of a block; None where it has none yet, or does not answer."""
        try:
            async with asyncio.timeout(self._look_seconds):
                block = await node.block(number)
        except (*FAULTS, TimeoutError) as error:
            self.failed(node, str(error) or "is too slow")
            return None
        return block.hash if block else None


async def _block(node: Node, which: int | Tag) -> BlockHead:
    """Return a block that every node has to have."""
    block = await node.block(which)
    if block is None:
        raise Garbled(f"has no block {which}")
    return block
