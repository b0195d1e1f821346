"""The local chain: whoever is killed, what was final is there after."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from dml.core.settings import Settings
from dml.entrypoints.embedded import chain, free_ports, locks
from dml.entrypoints.supervisor import up
from dml.entrypoints.supervisor.plan import Chain
from tests import folders
from tests.entrypoints.up.chains import LocalChain
from tests.entrypoints.up.marketplace import Marketplace

SOMEBODY = "0x" + "5b" * 20
WRITE_ENVIRONMENT = """
import json, os, time
path = os.environ["DML_HOME"] + "/given"
open(path + ".new", "w").write(json.dumps(dict(os.environ)))
os.rename(path + ".new", path)
time.sleep(1000)
"""


@pytest.fixture
def local_chain(open_folder: Path) -> Iterator[LocalChain]:
    it = LocalChain(open_folder / "home")
    yield it
    it.clean_up()


@pytest.fixture(scope="module")
def open_chain() -> Iterator[LocalChain]:
    """One for the tests that change nothing."""
    folder = folders.make("dml-test-")
    it = LocalChain(folder / "home")
    it.start()
    yield it
    it.clean_up()
    shutil.rmtree(folder)


def test_what_was_final_outlives_every_kill(local_chain: LocalChain) -> None:
    process = local_chain.start()
    facts = local_chain.facts
    for n, victim in enumerate(("anvil", "its owner"), 1):
        local_chain.pay(SOMEBODY, 5)
        paid_in = local_chain.block("latest")
        local_chain.until_final(paid_in[0])
        final = local_chain.block("finalized")

        os.kill(local_chain.anvil_pid() if victim == "anvil" else process.pid, signal.SIGKILL)
        assert process.wait(10) != 0
        local_chain.until(lambda: not locks.is_held(local_chain.lock))  # Both are gone.

        process = local_chain.start()
        assert local_chain.facts == facts
        assert local_chain.block(hex(final[0])) == final
        assert local_chain.held(SOMEBODY) == 5 * n
        # And what it said then can be asked again, once the chain goes on.
        local_chain.until_final(final[0] + 1)
        assert local_chain.held(SOMEBODY, "finalized") == 5 * n


def test_it_makes_no_block_while_nobody_sends_anything(local_chain: LocalChain) -> None:
    local_chain.start()
    paid = local_chain.ask("eth_getTransactionReceipt", local_chain.pay(SOMEBODY, 1))
    sent = int(paid["blockNumber"], 16)
    local_chain.until(lambda: local_chain.block("finalized")[0] == sent)
    written = (local_chain.home / "chain.state").stat().st_mtime_ns
    head = local_chain.block("latest")
    with pytest.raises(AssertionError):
        local_chain.until(lambda: local_chain.block("latest") != head, seconds=0.7)
    assert (local_chain.home / "chain.state").stat().st_mtime_ns == written


def test_it_takes_another_port_where_somebody_has_its_own(local_chain: LocalChain) -> None:
    process = local_chain.start()
    before = local_chain.facts
    process.terminate()
    assert process.wait(10) == 0
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", before.port))
        squatter.listen()
        local_chain.start()
        after = local_chain.facts
    assert after.port != before.port
    assert (after.vault, after.payer) == (before.vault, before.payer)


def test_no_connection_gets_its_port_while_it_is_away(local_chain: LocalChain) -> None:
    local_chain.start()
    first, last = free_ports.outgoing()
    assert not first <= local_chain.facts.port <= last


def test_only_what_reads_or_was_signed_is_passed_on(local_chain: LocalChain) -> None:
    local_chain.start()
    faucet = local_chain.facts.faucet.address
    before = local_chain.block("latest")
    for method, *params in (
        ("anvil_setBalance", SOMEBODY, "0x1"),
        ("anvil_reset",),
        ("anvil_impersonateAccount", faucet),
        ("anvil_dumpState",),
        ("evm_mine",),
        ("evm_snapshot",),
        ("hardhat_setCode", SOMEBODY, "0x00"),
        ("eth_sendTransaction", {"from": faucet, "to": SOMEBODY, "value": "0x1"}),
        ("eth_accounts",),
        ("eth_sign", faucet, "0x00"),
        ("eth_newFilter", {}),
        ("debug_traceTransaction", "0x00"),
        ("txpool_content",),
        ("ETH_CALL",),
        ("eth_call ",),
    ):
        with pytest.raises(AssertionError, match="not for who comes from outside"):
            local_chain.ask(method, *params)
    assert local_chain.block("latest") == before
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    mint = call | {"method": "anvil_setBalance", "params": [SOMEBODY, "0x1"]}
    url = local_chain.facts.url
    assert httpx2.post(url, json=[call, call]).json()[1]["result"] == hex(chain.CHAIN_ID)
    for wrong in ([call, mint], [], [call] * 101, [[mint]], "x", None, 1, {"method": ["eth_call"]}):
        assert "error" in httpx2.post(url, json=wrong).json(), wrong
    twice = '{"id":1,"jsonrpc":"2.0","method":"anvil_reset","params":[],"method":"eth_chainId"}'
    headers = {"content-type": "application/json"}
    assert httpx2.post(url, content=twice, headers=headers).json()["result"] == "0x7a69"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": "99999999999999"}, 413),
        ({"Content-Length": "-1"}, 411),
    ],
)
def test_a_web_page_is_not_answered(
    open_chain: LocalChain, headers: dict[str, str], status: int
) -> None:
    url = httpx2.URL(open_chain.facts.url)
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
    usual = {
        "Host": f"127.0.0.1:{url.port}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=10)
    connection.putrequest("POST", "/", skip_host=True)
    for name, value in (usual | headers).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    assert answer.status == status
    assert not [it for it in answer.headers if it.lower().startswith("access-control")]
    connection.close()


def test_a_browser_that_asks_first_is_refused(open_chain: LocalChain) -> None:
    for verb in ("OPTIONS", "GET", "HEAD", "PUT", "TRACE"):
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = httpx2.request(verb, open_chain.facts.url, headers=asked)
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers


def test_anvil_itself_is_nowhere_that_a_page_knows_and_not_root(open_chain: LocalChain) -> None:
    command = Path(f"/proc/{open_chain.anvil_pid()}/cmdline").read_text().split("\0")
    host, port = command[command.index("--host") + 1], command[command.index("--port") + 1]
    assert "--no-cors" in command
    assert host.startswith("127.")
    assert host.split(".")[1:] != ["0", "0", "1"]
    for usual in ("127.0.0.1", "0.0.0.0", "localhost"):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((usual, int(port)), timeout=5)
    status = Path(f"/proc/{open_chain.anvil_pid()}/status").read_text()
    (uids,) = [line for line in status.splitlines() if line.startswith("Uid:")]
    assert "0" not in uids.split()


def test_its_file_of_keys_is_for_its_owner_alone(local_chain: LocalChain) -> None:
    local_chain.start()
    assert chain.facts_file(local_chain.home).stat().st_mode & 0o777 == 0o600
    assert (local_chain.home / "chain.state").stat().st_mode & 0o777 == 0o600


# One of several threads may be seen to be gone before its parent can learn how it ended.
TOLD: Final = r"Local chain (died|was killed \(SIGKILL\)); it was started again"


def test_up_keeps_chain_and_its_reader_alive_and_gives_the_key_to_the_reader_alone(
    marketplace: Marketplace,
) -> None:
    marketplace.variables |= {"DML_LOCAL_CHAIN": "true", "DML_PAYOUT_KEY": "a key of another chain"}
    marketplace.commands |= {"chain": WRITE_ENVIRONMENT}
    marketplace.up()
    given_file = marketplace.home / "given"
    marketplace.until(given_file.exists)
    facts = chain.load(marketplace.home)
    assert facts is not None
    reader, api = json.loads(given_file.read_text()), marketplace.environment()
    for given in (reader, api):
        assert given["DML_CHAIN_URL"] == facts.url
        assert (given["DML_CHAIN_ID"], given["DML_CHAIN_VAULT"]) == ("31337", facts.vault)
        assert given["DML_CHAIN_POLL_SECONDS"] == "0.5"
    assert reader["DML_PAYOUT_KEY"] == facts.payer.key
    assert "DML_PAYOUT_KEY" not in api

    names = ("local-chain", "chain-1")
    before = {it: marketplace.process(it) for it in (*names, "api-1", "worker-1")}
    marketplace.kill(*names)
    for name in names:
        marketplace.until_another(name, [before[name]])
    marketplace.until(lambda: re.search(TOLD, marketplace.logs()) is not None)
    assert marketplace.process("api-1") == before["api-1"]
    marketplace.until(LocalChain(marketplace.home).is_there)
    marketplace.down()
    assert not locks.is_held(marketplace.plan.lock("local-chain"))
    assert not locks.is_held(marketplace.plan.lock("chain-1"))


def test_a_chain_without_a_vault_is_refused_before_anything_starts(
    new_marketplace: Marketplace,
) -> None:
    new_marketplace.variables |= {"DML_CHAIN_URL": "http://127.0.0.1:1"}
    assert "DML_CHAIN_VAULT" in new_marketplace.fail()
    assert not new_marketplace.home.exists()


def test_without_its_program_the_marketplace_comes_up_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert up.make_plan(Settings(home=tmp_path)).chain is Chain.MISSING
    assert up.make_plan(Settings(home=tmp_path, local_chain=False)).chain is Chain.NONE
