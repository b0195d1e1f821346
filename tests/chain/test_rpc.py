"""A node's answers: what is right is read, and nothing else gets through."""

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings, strategies as st

from dml.chain.node import rpc
from dml.chain.node.contract import Garbled, topics
from dml.chain.node.rpc import Node, NodeAway, NodeRefused
from tests.chain.ledgered import Ledgered

HASH, OTHER = "0x" + "ab" * 32, "0x" + "cd" * 32
VAULT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
BLOCK = {"number": "0x5", "hash": HASH, "parentHash": OTHER, "timestamp": "0x1"}
LOG = {
    "address": VAULT.lower(),
    "topics": ["0x" + topics()[0].hex()],
    "data": "0x",
    "blockNumber": "0x5",
    "blockHash": HASH,
    "transactionHash": OTHER,
    "logIndex": "0x0",
}
RECEIPT = {
    "transactionHash": HASH,
    "blockNumber": "0x5",
    "blockHash": OTHER,
    "status": "0x1",
    "gasUsed": "0x5208",
}
NONSENSE: list[Any] = [None, True, 5, 5.5, "", "5", "0x", "0xg", "-0x1", "0x" + "f" * 65, [], {}]


class Parrot:
    """A server that answers the same to everything."""

    def __init__(self) -> None:
        self.body, self.status = b"", 200
        parrot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(parrot.status)
                self.end_headers()
                self.wfile.write(parrot.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://user:secret@127.0.0.1:{self.server.server_port}/key"

    def says(self, result: Any) -> None:
        self.status, self.body = 200, json.dumps({"id": 1, "result": result}).encode()


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    made = Parrot()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


async def ask(parrot: Parrot, question: str, *arguments: Any, **named: Any) -> Any:
    async with httpx2.AsyncClient() as client:
        return await getattr(Node(parrot.url, client), question)(*arguments, **named)


async def test_what_is_right_is_read(parrot: Parrot) -> None:
    parrot.says(BLOCK)
    assert await ask(parrot, "block", 5) == rpc.BlockHead(5, HASH, OTHER, 1, 0)
    parrot.says(BLOCK | {"baseFeePerGas": "0x7"})
    assert (await ask(parrot, "block", "latest")).base_fee == 7
    parrot.says(None)
    assert await ask(parrot, "block", 5) is None
    parrot.says([LOG | {"logIndex": "0x1"}, LOG])
    logs = await ask(parrot, "logs", VAULT, topics(), first=5, last=5)
    assert [(it.address, it.log_index, it.block_number) for it in logs] == [
        (VAULT, 0, 5),
        (VAULT, 1, 5),
    ]
    parrot.says(RECEIPT)
    assert await ask(parrot, "receipt", HASH) == rpc.Receipt(HASH, 5, OTHER, True, 21_000)


@pytest.mark.parametrize("field", BLOCK)
async def test_a_block_with_a_field_that_is_no_such_thing_is_garbled(
    parrot: Parrot, field: str
) -> None:
    for it in NONSENSE:
        parrot.says(BLOCK | {field: it})
        with pytest.raises(Garbled):
            await ask(parrot, "block", 5)
    parrot.says({key: it for key, it in BLOCK.items() if key != field})
    with pytest.raises(Garbled):
        await ask(parrot, "block", 5)


@pytest.mark.parametrize("field", LOG)
async def test_a_log_with_a_field_that_is_no_such_thing_is_garbled(
    parrot: Parrot, field: str
) -> None:
    fine = {"data": ["0x"]}.get(field, [])
    for it in [it for it in NONSENSE if it not in fine]:
        parrot.says([LOG | {field: it}])
        with pytest.raises(Garbled):
            await ask(parrot, "logs", VAULT, topics(), first=5, last=5)


@pytest.mark.parametrize(
    "strange",
    [
        {"address": "0x" + "11" * 20},
        {"blockNumber": "0x6"},
        {"blockNumber": "0x4"},
        {"topics": [HASH]},
        {"topics": []},
        {"topics": [HASH] * 5},
        {"logIndex": "0x80000000"},
        {"blockNumber": "0x8000000000000000"},
    ],
)
async def test_a_log_that_was_not_asked_for_is_garbled(
    parrot: Parrot, strange: dict[str, Any]
) -> None:
    parrot.says([LOG | strange])
    with pytest.raises(Garbled):
        await ask(parrot, "logs", VAULT, topics(), first=5, last=5)


async def test_logs_of_another_block_or_twice_are_garbled(parrot: Parrot) -> None:
    parrot.says([LOG])
    assert await ask(parrot, "logs", VAULT, topics(), block_hash=HASH)
    with pytest.raises(Garbled):
        await ask(parrot, "logs", VAULT, topics(), block_hash=OTHER)
    parrot.says([LOG, LOG])
    with pytest.raises(Garbled, match="twice"):
        await ask(parrot, "logs", VAULT, topics(), block_hash=HASH)


async def test_another_block_or_receipt_than_was_asked_for_is_garbled(parrot: Parrot) -> None:
    parrot.says(BLOCK)
    with pytest.raises(Garbled, match="block 5 in the place of 6"):
        await ask(parrot, "block", 6)
    parrot.says(RECEIPT)
    with pytest.raises(Garbled, match="in the place of"):
        await ask(parrot, "receipt", OTHER)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"null",
        b"{}",
        b'{"id": 1}',
        b'{"error": "no"}',
        b'{"result": "0x1", "error": "no"}',
        b"[" * 50_000,
        b'{"result": "\xff"}',
    ],
)
async def test_what_is_no_answer_is_garbled(parrot: Parrot, body: bytes) -> None:
    parrot.status, parrot.body = 200, body
    with pytest.raises(Garbled):
        await ask(parrot, "chain_id")


@pytest.mark.parametrize("status", [404, 429, 502])
async def test_an_error_of_http_is_a_node_away_and_tells_no_secret(
    parrot: Parrot, status: int
) -> None:
    parrot.status, parrot.body = status, b"<html>secret</html>"
    with pytest.raises(NodeAway) as away:
        await ask(parrot, "chain_id")
    assert str(away.value) == f"HTTP {status}"


async def test_an_error_of_json_rpc_is_a_refusal_whatever_its_status(parrot: Parrot) -> None:
    for status in (200, 400, 500):
        parrot.status = status
        parrot.body = b'{"error": {"code": 3, "message": "reverted", "data": "0x1234"}}'
        with pytest.raises(NodeRefused) as refused:
            await ask(parrot, "call", VAULT, b"")
        assert (refused.value.data, refused.value.is_reverted) == (b"\x12\x34", True)
    parrot.body = b'{"error": {"code": "x", "message": 7, "data": [1]}}'
    with pytest.raises(NodeRefused) as refused:
        await ask(parrot, "call", VAULT, b"")
    assert (refused.value.code, refused.value.data, refused.value.is_reverted) == (0, b"", False)


async def test_an_answer_without_an_end_is_given_up(
    parrot: Parrot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "ANSWER_BYTES_MAX", 1_000)
    parrot.status, parrot.body = 200, b" " * 1_001
    with pytest.raises(NodeAway, match="too long"):
        await ask(parrot, "chain_id")


async def test_no_error_of_a_connection_tells_what_is_secret_in_the_url() -> None:
    async with httpx2.AsyncClient() as client:
        for url in ("http://user:secret@127.0.0.1:1/key", "secret", "ftp://secret/"):
            with pytest.raises(NodeAway) as away:
                await Node(url, client).chain_id()
            assert "secret" not in str(away.value)
            assert "key" not in str(away.value)


def test_a_node_s_name_leaves_out_what_is_secret(parrot: Parrot) -> None:
    node = Node(parrot.url, httpx2.AsyncClient())
    assert node.name == f"127.0.0.1:{parrot.server.server_port}"
    assert Node("https://x.example/v2/key", httpx2.AsyncClient()).name == "x.example:https"


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=70),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*BLOCK, *LOG]), inner, max_size=8)
        ),
        max_leaves=12,
    )
)
def test_nothing_but_garbled_is_raised_of_any_json(found: Any) -> None:
    for read in (
        lambda it: rpc._block(it, 5),
        rpc._log,
        lambda it: rpc._receipt(it, HASH),
        rpc.quantity,
        rpc.read_data,
    ):
        with contextlib.suppress(Garbled):
            read(found)


async def test_a_real_node_answers_each_question(ledgered: Ledgered) -> None:
    node = Node(ledgered.anvil.url, ledgered.client)
    on = ledgered.on
    assert await node.chain_id() == 31337
    assert await node.nonce(on.owner, "latest") > 0
    assert await node.coins(on.owner) > 0
    assert await node.tip() >= 0
    assert await node.estimate_gas(on.alice, on.owner, b"") >= 21_000
    assert await node.receipt(HASH) is None
    raw = ledgered.signed_deposit(await ledgered.user())
    await node.send(bytes.fromhex(raw[2:]))
    with pytest.raises(NodeRefused):
        await node.send(b"\x00")
