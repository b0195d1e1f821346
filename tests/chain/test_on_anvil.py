"""The contracts on a real chain, by web3, as the product will call them; and the chain itself."""

import re
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from eth_account import Account
from web3.exceptions import ContractCustomError

from tests.chain.anvil import Anvil
from tests.chain.builds import ROOT
from tests.chain.deployed import USER, Deployed, at, connect, deploy, deposit_with_permit, payee
from tests.chain.gas import TABLE, table
from tests.chain.model import error

PAYOUT_GAS_MAX = 20_000


def test_a_deposit_tells_the_user_s_id_and_the_micro_tokens(on: Deployed) -> None:
    receipt = on.send(on.vault.functions.deposit(12_500_000, USER), on.alice)
    (event,) = on.events("Deposited", receipt)
    assert event == {"userId": USER, "from": on.alice, "ordinal": 1, "amount": 12_500_000}
    assert on.held(on.vault.address) == 12_500_000
    assert on.vault.functions.totals().call() == [1, 12_500_000, 0, 0]


def test_a_wallet_deposits_with_one_signed_permission_and_no_approval(on: Deployed) -> None:
    carol = Account.create()
    on.give_ether(carol.address)
    on.send(on.token.functions.transfer(carol.address, 1_000_000), on.alice)
    receipt = deposit_with_permit(on, carol, 1_000_000)
    (event,) = on.events("Deposited", receipt)
    assert event == {"userId": USER, "from": carol.address, "ordinal": 1, "amount": 1_000_000}
    assert on.held(carol.address) == 0


def test_a_batch_sent_twice_pays_once(on: Deployed) -> None:
    on.send(on.vault.functions.deposit(1_000_000, USER), on.alice)
    batch = [(number, payee(on.web3, number), 1000) for number in range(250, 260)]
    first = on.send(on.vault.functions.payOut(batch), on.payer)
    again = on.send(on.vault.functions.payOut(batch), on.payer)
    assert [event["number"] for event in on.events("PaidOut", first)] == [*range(250, 260)]
    assert on.events("PaidOut", again) == []
    assert [event["number"] for event in on.events("PayoutSkipped", again)] == [*range(250, 260)]
    assert on.held(on.vault.address) == 990_000
    assert on.vault.functions.isPaid(259).call()
    assert not on.vault.functions.isPaid(260).call()


def test_a_refused_payout_says_why_and_the_rest_is_paid(on: Deployed) -> None:
    on.send(on.vault.functions.deposit(500, USER), on.alice)
    bob = payee(on.web3, 1)
    batch = [(1, on.vault.address, 5), (2, bob, 501), (3, bob, 500)]
    receipt = on.send(on.vault.functions.payOut(batch), on.payer)
    itself, too_much = on.events("PayoutRefused", receipt)
    assert itself["reason"] == error("BadRecipient(address)", int(on.vault.address, 16))
    assert too_much["reason"] == error(
        "ERC20InsufficientBalance(address,uint256,uint256)", int(on.vault.address, 16), 500, 501
    )
    assert [event["number"] for event in on.events("PaidOut", receipt)] == [3]


def test_what_is_reverted_has_a_name(on: Deployed) -> None:
    with pytest.raises(ContractCustomError) as refused:
        on.vault.functions.payOut([]).call({"from": on.alice})
    assert (
        str(refused.value.data) == "0x" + error("NotThePayoutKey(address)", int(on.alice, 16)).hex()
    )


def test_the_table_of_gas_is_current_and_a_payout_is_cheap() -> None:
    measured = table()
    assert measured == TABLE.read_text(), "run `python -m tests.chain.gas`"
    (each,) = re.findall(r"pay out 100 to known recipients \| [\d,]+ \| ([\d,]+)", measured)
    assert int(each.replace(",", "")) <= PAYOUT_GAS_MAX


def test_a_chain_goes_on_where_it_ended(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Anvil(state=state) as first:
        on = deploy(first)
        on.send(on.vault.functions.deposit(77, USER), on.alice)
        height = on.web3.eth.block_number
    with Anvil(state=state) as second:
        web3 = connect(second)
        assert web3.eth.block_number == height
        vault = at(web3, "Vault", on.vault.address)
        assert vault.functions.totals().call() == [1, 77, 0, 0]
        (log,) = vault.events.Deposited.get_logs(from_block=0)
        assert log["args"]["amount"] == 77


def test_a_state_is_carried_from_one_chain_to_another(anvil: Anvil, on: Deployed) -> None:
    on.send(on.vault.functions.deposit(78, USER), on.alice)
    with Anvil() as other:
        other.load(anvil.dump())
        vault = at(connect(other), "Vault", on.vault.address)
        assert vault.functions.totals().call() == [1, 78, 0, 0]


def test_a_chain_ends_with_its_test_however_that_ends() -> None:
    script = (
        "import time\nfrom tests.chain.anvil import Anvil\n"
        "with Anvil() as chain: print(chain.url, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert starter.stdout
    url = starter.stdout.readline().strip()
    ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert httpx2.post(url, json=ask).json()["result"] == hex(31337)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    for _ in range(200):
        try:
            httpx2.post(url, json=ask)
        except httpx2.TransportError:
            return
        time.sleep(0.01)
    pytest.fail("it still answers")
