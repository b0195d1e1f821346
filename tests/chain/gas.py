"""What each call of the contracts costs: `python -m tests.chain.gas` writes contracts/GAS.md."""

from collections.abc import Iterator
from typing import Final

from eth_account import Account
from eth_typing import ChecksumAddress
from web3.contract.contract import ContractFunction

from tests.chain.anvil import Anvil
from tests.chain.builds import CONTRACTS
from tests.chain.deployed import USER, Deployed, deploy, deposit_with_permit, payee, put

TABLE: Final = CONTRACTS / "GAS.md"
BATCH: Final = 100
AMOUNT: Final = 12_345_678

HEAD: Final = """# What each call costs

Gas of a whole transaction on anvil (Prague), with the 21,000 of any transaction and its calldata;
for a batch of payouts also the share of each. A known recipient held tokens before, a new one did
not. Numbers of withdrawals are neighbours, unless scattered: then each costs a word of storage.
Made by `python -m tests.chain.gas`; a test holds it.

| call | gas | each |
| --- | ---: | ---: |
"""


def measured(anvil: Anvil) -> Iterator[tuple[str, int, int]]:
    """`(what, gas, calls in it)`, in the order of the table."""
    on = deploy(anvil)
    yield "deploy the vault", on.gas["Vault"], 1
    yield "deploy the development token", on.gas["DevToken"], 1
    yield from _deposits(on)
    yield from _payouts(on)
    yield from _orders(on)


def _deposits(on: Deployed) -> Iterator[tuple[str, int, int]]:
    deposit = on.vault.functions.deposit(500_000_000, USER)
    yield (
        "approve the vault",
        _gas(on, on.token.functions.approve(on.vault.address, 1), on.payer),
        1,
    )
    yield "deposit, the vault's first", _gas(on, deposit, on.alice), 1
    yield "deposit", _gas(on, deposit, on.alice), 1
    carol = Account.from_key("0x" + "51" * 32)
    on.give_ether(carol.address)
    on.send(on.token.functions.transfer(carol.address, 10**9), on.alice)
    yield "deposit with permit", deposit_with_permit(on, carol, 500_000_000)["gasUsed"], 1


def _payouts(on: Deployed) -> Iterator[tuple[str, int, int]]:
    known = [payee(on.web3, n) for n in range(BATCH)]
    new = [payee(on.web3, BATCH + n) for n in range(BATCH)]
    on.send(on.vault.functions.deposit(10**11, USER), on.alice)
    for person in known:
        on.send(on.token.functions.transfer(person, 1), on.alice)

    def batch(people: list[ChecksumAddress], first: int, step: int = 1) -> tuple[int, int]:
        payouts = [(first + n * step, person, AMOUNT) for n, person in enumerate(people)]
        return _gas(on, on.vault.functions.payOut(payouts), on.payer), len(people)

    batch(known[:1], 998)  # so that its word of numbers is no new one
    yield "pay out 1 to a known recipient", *batch(known[:1], 999)
    yield "pay out 1 to a new recipient", *batch([payee(on.web3, 999)], 1000)
    yield "pay out 10 to known recipients", *batch(known[:10], 1001)
    yield f"pay out {BATCH} to known recipients", *batch(known, 1011)
    yield f"pay out {BATCH} to new recipients", *batch(new, 1111)
    yield f"pay out {BATCH} to known recipients, scattered", *batch(known, 10**6, 1000)
    yield f"pay out {BATCH} that were paid before", *batch(known, 1011)
    vault = [on.vault.address] * BATCH
    yield f"pay out {BATCH} that are refused", *batch(vault, 2000)


def _orders(on: Deployed) -> Iterator[tuple[str, int, int]]:
    call = on.vault.functions
    yield "pause", _gas(on, call.pause(), on.guardian), 1
    yield "unpause", _gas(on, call.unpause(), on.owner), 1
    yield "propose a payout key", _gas(on, call.proposePayoutKey(on.alice), on.owner), 1
    yield "accept to be the payout key", _gas(on, call.acceptPayoutKey(), on.alice), 1
    yield "set the guardian", _gas(on, call.setGuardian(on.alice), on.owner), 1
    yield "set the daily limit", _gas(on, call.setDailyLimit(10**12), on.owner), 1
    token, _ = put(on.web3, "DevToken", on.owner, 1)
    on.send(token.functions.transfer(on.vault.address, 1), on.owner)
    yield "rescue a foreign token", _gas(on, call.rescue(token.address, on.owner, 1), on.owner), 1
    transfer = call.transferOwnership(on.alice)
    yield "propose an owner", _gas(on, transfer, on.owner), 1
    yield "accept to be the owner", _gas(on, call.acceptOwnership(), on.alice), 1


def table() -> str:
    """The whole file. Blocks are a second apart: a time that stays as it is would cost less."""
    with Anvil("--timestamp", "1800000000") as anvil:
        anvil.call("anvil_setBlockTimestampInterval", 1)
        lines = [_row(*row) for row in measured(anvil)]
    return HEAD + "\n".join(lines) + "\n"


def _row(what: str, gas: int, calls: int) -> str:
    return f"| {what} | {gas:,} | {f'{gas // calls:,} ' if calls > 1 else ''}|"


def _gas(on: Deployed, call: ContractFunction, sender: ChecksumAddress) -> int:
    return on.send(call, sender)["gasUsed"]


if __name__ == "__main__":
    TABLE.write_text(table())
