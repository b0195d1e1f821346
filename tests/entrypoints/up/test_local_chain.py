"""The local chain: whoever is killed, what was final is there after."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dml.core.settings import Settings
from dml.entrypoints import up, up_plan
from dml.entrypoints.embedded import chain, locks
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
    local_chain.pay(SOMEBODY, 1)
    sent = local_chain.block("latest")[0]
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


def test_its_file_of_keys_is_for_its_owner_alone(local_chain: LocalChain) -> None:
    local_chain.start()
    assert chain.facts_file(local_chain.home).stat().st_mode & 0o777 == 0o600
    assert (local_chain.home / "chain.state").stat().st_mode & 0o777 == 0o600


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
    assert "Local chain was killed (SIGKILL); it was started again." in marketplace.logs()
    assert marketplace.process("api-1") == before["api-1"]
    marketplace.until(LocalChain(marketplace.home).is_there)
    marketplace.down()
    assert not locks.is_held(marketplace.plan.lock("local-chain"))
    assert not locks.is_held(marketplace.plan.lock("chain-1"))


def test_a_chain_without_a_vault_is_refused_before_anything_starts(
    marketplace: Marketplace,
) -> None:
    marketplace.variables |= {"DML_CHAIN_URL": "http://127.0.0.1:1"}
    assert "DML_CHAIN_VAULT" in marketplace.fail()
    assert not marketplace.home.exists()


def test_without_its_program_the_marketplace_comes_up_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert up.make_plan(Settings(home=tmp_path)).chain is up_plan.Chain.MISSING
    assert up.make_plan(Settings(home=tmp_path, local_chain=False)).chain is up_plan.Chain.NONE
