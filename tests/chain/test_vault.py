"""The vault's rules that a random walk does not reach, in an EVM in this process."""

import uuid
from dataclasses import dataclass

import pytest
from eth_account import Account

from tests.chain.builds import build, selector
from tests.chain.evm import CHAIN_ID, Evm, Reverted, Value, encode, word
from tests.chain.model import error
from tests.chain.permits import sign_permit

OWNER, GUARD, KEY, ALICE, BOB = range(0xA001, 0xA006)
DAY = 86_400
NOW = 1_000_000_000
DAILY = 1000
USER = int.from_bytes(uuid.UUID("01990000-0000-7000-8000-0000000000ff").bytes, "big") << 128
PAY_OUT = "payOut((uint64,address,uint64)[])"


@dataclass
class Chain:
    evm: Evm
    token: int
    vault: int

    def order(self, sender: int, signature: str, *values: Value) -> list[tuple[object, ...]]:
        self.evm.call(sender, self.vault, encode(signature, *values))
        return self.evm.logs(self.vault)

    def available(self) -> int:
        return self.evm.number(self.vault, "available()")


def chain(token: str = "DevToken", *, decimals: int = 6, bytecode: bytes | None = None) -> Chain:
    """Alice has a million of the token's units and has deposited half of them."""
    evm = Evm(NOW)
    supply = 10**6 * 10 ** (decimals - 6)
    values = (supply,) if token == "DevToken" else (supply, decimals)
    address = evm.deploy(build(token).bytecode, *values, sender=ALICE)
    code = bytecode or build("Vault").bytecode
    vault = evm.deploy(code, address, OWNER, KEY, GUARD, DAILY, sender=OWNER)
    made = Chain(evm, address, vault)
    evm.call(ALICE, address, encode("approve(address,uint256)", vault, supply))
    made.order(ALICE, "deposit(uint256,bytes16)", supply // 2, USER)
    return made


def check_too_little_gas(bytecode: bytes) -> None:
    """Whatever the gas, a payout is made, or nothing is: it is never refused for want of gas."""
    said = set()
    for gas in (*range(60_000, 300_000, 8000), 290_000):
        made = chain("testing/OddToken", bytecode=bytecode)
        data = encode(PAY_OUT, [(7, BOB, 5)])
        try:
            made.evm.call(KEY, made.vault, data, gas)
        except Reverted as reverted:
            assert gas < 290_000
            said.add(reverted.data)
        else:
            assert gas > 250_000
            assert made.evm.logs(made.vault) == [("PaidOut", 7, BOB, 5)]
    assert said == {error("NotEnoughGas(uint64)", 7)}


def test_too_little_gas_is_no_refusal() -> None:
    check_too_little_gas(build("Vault").bytecode)


def test_a_deposit_names_the_user_and_counts_on() -> None:
    made = chain()
    assert made.order(ALICE, "deposit(uint256,bytes16)", 3, USER) == [
        ("Deposited", USER, ALICE, 2, 3)
    ]


@pytest.mark.parametrize("decimals", [6, 7, 12, 18])
def test_amounts_are_micro_tokens_whatever_the_token_s_decimals(decimals: int) -> None:
    made = chain("testing/OddToken", decimals=decimals)
    scale = 10 ** (decimals - 6)
    assert made.evm.number(made.vault, "SCALE()") == scale
    assert made.order(ALICE, "deposit(uint256,bytes16)", scale, USER) == [
        ("Deposited", USER, ALICE, 2, 1)
    ]
    assert made.order(KEY, PAY_OUT, [(1, BOB, 2)]) == [("PaidOut", 1, BOB, 2)]
    assert made.evm.number(made.token, "balanceOf(address)", BOB) == 2 * scale


def test_what_is_no_whole_micro_token_says_what_is() -> None:
    made = chain("testing/OddToken", decimals=7)
    with pytest.raises(Reverted) as refused:
        made.order(ALICE, "deposit(uint256,bytes16)", 15, USER)
    assert refused.value.data == error("NoWholeMicroTokens(uint256,uint256)", 15, 10)


@pytest.mark.parametrize("decimals", [0, 5, 19, 255])
def test_a_token_of_other_decimals_gets_no_vault(decimals: int) -> None:
    evm = Evm(NOW)
    token = evm.deploy(build("testing/OddToken").bytecode, 1, decimals, sender=ALICE)
    with pytest.raises(Reverted) as refused:
        evm.deploy(build("Vault").bytecode, token, OWNER, KEY, GUARD, DAILY, sender=OWNER)
    assert refused.value.data == error("UnsupportedDecimals(uint8)", decimals)


def test_a_vault_without_an_owner_is_not_made() -> None:
    evm = Evm(NOW)
    token = evm.deploy(build("DevToken").bytecode, 1, sender=ALICE)
    with pytest.raises(Reverted) as refused:
        evm.deploy(build("Vault").bytecode, token, 0, KEY, GUARD, DAILY, sender=OWNER)
    assert refused.value.name == "OwnableInvalidOwner"


def test_a_deposit_by_permit_needs_no_approval_and_survives_who_uses_the_permit_first() -> None:
    made, signer = chain(), Account.from_key("0x" + "51" * 32)
    carol = int(signer.address, 16)
    made.evm.call(ALICE, made.token, encode("transfer(address,uint256)", carol, 100))
    permits = []
    for nonce, amount in enumerate((30, 50)):
        signed = sign_permit(
            signer,
            token=f"0x{made.token:040x}",
            spender=f"0x{made.vault:040x}",
            amount=amount,
            nonce=nonce,
            deadline=NOW + 60,
            chain_id=CHAIN_ID,
        )
        permits.append((amount, *signed))
    signature = "depositWithPermit(uint256,bytes16,uint256,uint8,bytes32,bytes32)"
    (amount, *signed_first), (_, *signed_then) = permits
    logs = made.order(carol, signature, amount, USER, NOW + 60, *signed_first)
    assert logs == [("Deposited", USER, carol, 2, 30)]

    permit = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
    used = encode(permit, carol, made.vault, 50, NOW + 60, *signed_then)
    made.evm.call(BOB, made.token, used)
    logs = made.order(carol, signature, 50, USER, NOW + 60, *signed_then)
    assert logs == [("Deposited", USER, carol, 3, 50)]
    with pytest.raises(Reverted) as refused:
        made.order(carol, signature, 20, USER, NOW + 60, *signed_then)
    assert refused.value.data[:4] == selector("ERC20InsufficientAllowance(address,uint256,uint256)")


def test_a_batch_sent_twice_pays_once() -> None:
    made = chain()
    batch = [(1, BOB, 10), (2, BOB, 20)]
    assert [log[0] for log in made.order(KEY, PAY_OUT, batch)] == ["PaidOut", "PaidOut"]
    assert made.order(KEY, PAY_OUT, batch) == [("PayoutSkipped", 1), ("PayoutSkipped", 2)]
    assert made.order(KEY, PAY_OUT, [(2, ALICE, 7), (3, BOB, 1)]) == [
        ("PayoutSkipped", 2),
        ("PaidOut", 3, BOB, 1),
    ]
    assert made.evm.number(made.token, "balanceOf(address)", BOB) == 31
    assert made.evm.number(made.vault, "paid(uint256)", 0) == 0b1110


def test_who_can_not_be_paid_stops_no_other_and_may_be_tried_again() -> None:
    made = chain("testing/OddToken")
    made.evm.call(ALICE, made.token, encode("setBlocked(address,bool)", BOB, 1))
    blocked = error("Blocked(address,bytes)", BOB, 64, 0)
    assert made.order(KEY, PAY_OUT, [(1, BOB, 5), (2, GUARD, 6)]) == [
        ("PayoutRefused", 1, BOB, 5, blocked),
        ("PaidOut", 2, GUARD, 6),
    ]
    made.evm.call(ALICE, made.token, encode("setBlocked(address,bool)", BOB, 0))
    assert made.order(KEY, PAY_OUT, [(1, BOB, 5)]) == [("PaidOut", 1, BOB, 5)]


def test_the_daily_limit_refills_with_time() -> None:
    made = chain()
    made.order(KEY, PAY_OUT, [(1, BOB, DAILY)])
    said = error("DailyLimitReached(uint64)", 0)
    assert made.order(KEY, PAY_OUT, [(2, BOB, 1)]) == [("PayoutRefused", 2, BOB, 1, said)]
    made.evm.at(NOW + DAY // 4)
    assert made.available() == DAILY // 4
    made.evm.at(NOW + 7 * DAY)
    assert made.available() == DAILY


def test_a_refill_loses_nothing_however_often_it_is_looked_at() -> None:
    """A tenth of a micro-token comes back each 8.64 s; nothing is rounded away by 100 payouts."""
    made = chain()
    made.order(OWNER, "setDailyLimit(uint64)", 100)
    made.order(KEY, PAY_OUT, [(0, BOB, 100)])
    for second in range(1, 1729):
        made.evm.at(NOW + second)
        made.order(KEY, PAY_OUT, [(second, BOB, 0)])
    assert made.available() == 2


def test_what_is_here_already_can_still_be_paid_after_a_new_vault_is_chosen() -> None:
    """Moving to another vault is a payout to it, within a limit that the owner raises."""
    made = chain()
    made.order(OWNER, "setDailyLimit(uint64)", 500_000)
    made.evm.at(NOW + DAY)
    assert made.order(KEY, PAY_OUT, [(9, BOB, 500_000)]) == [("PaidOut", 9, BOB, 500_000)]


def test_a_pause_stops_payouts_and_neither_deposits_nor_a_new_key() -> None:
    made = chain()
    made.order(GUARD, "pause()")
    with pytest.raises(Reverted, match="EnforcedPause"):
        made.order(KEY, PAY_OUT, [(1, BOB, 1)])
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        made.order(GUARD, "unpause()")
    assert made.order(ALICE, "deposit(uint256,bytes16)", 1, USER)
    made.order(OWNER, "proposePayoutKey(address)", BOB)
    assert made.order(BOB, "acceptPayoutKey()") == [("PayoutKeyChanged", KEY, BOB)]
    made.order(OWNER, "unpause()")
    with pytest.raises(Reverted) as refused:
        made.order(KEY, PAY_OUT, [(1, BOB, 1)])
    assert refused.value.data == error("NotThePayoutKey(address)", KEY)
    assert made.order(BOB, PAY_OUT, [(1, BOB, 1)]) == [("PaidOut", 1, BOB, 1)]


def test_an_amount_of_more_than_64_bits_is_no_payout() -> None:
    made = chain()
    for payout in ((1, BOB, 2**64), (2**64, BOB, 1), (1, 2**160, 1)):
        with pytest.raises(Reverted):
            made.order(KEY, PAY_OUT, [payout])


def test_ether_is_not_taken() -> None:
    made = chain()
    with pytest.raises(Reverted):
        made.evm.call(ALICE, made.vault, b"")


def test_the_development_token_can_not_be_made_more_of() -> None:
    functions = {entry["name"] for entry in build("DevToken").abi if entry["type"] == "function"}
    assert {"permit", "nonces", "DOMAIN_SEPARATOR"} < functions
    assert not {"mint", "owner"} & functions
    made = chain()
    assert made.evm.call(1, made.token, encode("totalSupply()")) == word(10**6)
