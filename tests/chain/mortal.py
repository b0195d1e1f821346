"""A payer whose process dies before its write of this number: a commit, or what it sends."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from dml.chain.node.endpoints import Endpoints
from dml.chain.payer.paying import Payer
from tests.chain.ledgered import CHAIN_ID, CONFIRMATIONS
from tests.chain.payers import Paying


class Died(BaseException):
    """The process is gone: nothing may handle this."""


@dataclass
class Life:
    """A process that dies before its write of this number, counted from 1."""

    last: int
    writes: int = 0

    def write(self) -> None:
        self.writes += 1
        if self.writes >= self.last:
            raise Died

    @asynccontextmanager
    async def payer(self, paying: Paying, **terms: Any) -> AsyncIterator[Payer]:
        async with httpx2.AsyncClient(transport=MortalTransport(self)) as client:
            nodes = Endpoints(
                [paying.it.anvil.url], client, chain_id=CHAIN_ID, confirmations=CONFIRMATIONS
            )
            sessions = MortalSessions(paying.it.sessions, self)
            yield paying.payer(sessions=sessions, nodes=nodes, **terms)


class MortalSessions:
    def __init__(self, real: Any, life: Life) -> None:
        self._real, self._life = real, life

    def __call__(self) -> Any:
        return self._real()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self._real.begin() as tx:
            yield tx
            self._life.write()


class MortalTransport(httpx2.AsyncHTTPTransport):
    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if json.loads(request.content)["method"] == "eth_sendRawTransaction":
            self._life.write()
        return await super().handle_async_request(request)
