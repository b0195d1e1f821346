"""A node in front of another one, that tells the truth or what a test makes of it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import httpx2

Tell: TypeAlias = Callable[[str, list[Any], Any], Any]  # Of the method, its parameters, the result.


class Says(Exception):
    """Raised by `tell`: the node answers these bytes."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__(body)
        self.body, self.status = body, status


def refuse(message: str, code: int = -32000) -> Says:
    """An error of JSON-RPC."""
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}
    return Says(json.dumps(error).encode())


def honest(_method: str, _params: list[Any], result: Any) -> Any:
    return result


class WrongNode:
    """`tell` says what becomes of an answer; `seconds` is how long each takes."""

    def __init__(self, behind: str, client: httpx2.AsyncClient) -> None:
        self._behind, self._client = behind, client
        self.tell: Tell = honest
        self.seconds = 0.0
        self.asked = Counter[str]()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = head.decode().lower().split("\r\n")
                (size,) = (it.split(":")[1] for it in fields if it.startswith("content-length:"))
                status, body = await self._answer(await reader.readexactly(int(size)))
                writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The one who asked has gone.
        finally:
            writer.close()

    async def _answer(self, body: bytes) -> tuple[int, bytes]:
        asked = json.loads(body)
        self.asked[asked["method"]] += 1
        await asyncio.sleep(self.seconds)
        answer = (await self._client.post(self._behind, content=body, headers=_JSON)).json()
        if "result" in answer:
            try:
                result = self.tell(asked["method"], asked["params"], answer["result"])
            except Says as says:
                return says.status, says.body
            answer["result"] = result
        return 200, json.dumps(answer).encode()


_JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def wrong_node(behind: str, client: httpx2.AsyncClient) -> AsyncIterator[WrongNode]:
    node = WrongNode(behind, client)
    server = await asyncio.start_server(node.serve, "127.0.0.1", 0)
    node.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield node
    finally:
        server.close()
