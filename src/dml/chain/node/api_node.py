"""The node as the API asks it: one question for one request, outside any transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

from fastapi import Depends, Request

from dml.chain.node.endpoints import Endpoints, NoNode
from dml.chain.node.rpc import FAULTS, Node
from dml.core.errors import Unavailable
from dml.edge.http import Parts

SECONDS_MAX: Final = 8
AnswerT = TypeVar("AnswerT")
log = logging.getLogger(__name__)


class ChainAway(Unavailable):
    code = "chain.away"
    reason = "No node of the chain answers now."
    remedy = "Send the very same request again in a moment."


async def ask(
    endpoints: Endpoints | None, question: Callable[[Node], Awaitable[AnswerT]]
) -> AnswerT:
    """Ask a node. ChainAway if none gives a valid answer in time."""
    if endpoints is None:
        raise ChainAway
    try:
        async with asyncio.timeout(SECONDS_MAX):
            chosen = await endpoints.choose()
            return await question(chosen.node)
    except (NoNode, *FAULTS, TimeoutError) as error:
        log.warning("a question to the chain has no answer: %s", error)
        raise ChainAway from error


def endpoints_of(server: Parts) -> Endpoints | None:
    """Return the nodes that this server may ask, for who has no route to ask by."""
    return cast("Endpoints | None", cast(Any, server).chain())


async def _endpoints(request: Request) -> Endpoints | None:
    return cast("Endpoints | None", request.app.state.chain())


Chain: TypeAlias = Annotated[Endpoints | None, Depends(_endpoints)]
