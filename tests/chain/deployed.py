"""A token and a vault deployed on anvil, and what a test does with them by web3."""

import uuid
from dataclasses import dataclass
from typing import Any, Final, cast

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.logs import DISCARD
from web3.types import RPCEndpoint, TxReceipt

from tests.chain.anvil import Anvil
from tests.chain.builds import build
from tests.chain.permits import sign_permit

DAILY: Final = 100_000 * 10**6
SUPPLY: Final = 10**6 * 10**6
DEADLINE: Final = 4_000_000_000  # fixed, so that a signature and its gas are the same each time
USER: Final = uuid.UUID("01990000-0000-7000-8000-0000000000ff").bytes


@dataclass(frozen=True)
class Deployed:
    """The contracts, and accounts that anvil signs for."""

    web3: Web3
    owner: ChecksumAddress
    payer: ChecksumAddress
    guardian: ChecksumAddress
    alice: ChecksumAddress
    token: Contract
    vault: Contract
    gas: dict[str, int]  # what deploying them took

    def send(self, call: ContractFunction, sender: ChecksumAddress) -> TxReceipt:
        """The receipt of a call that went through."""
        return send(self.web3, call, sender)

    def held(self, account: ChecksumAddress) -> int:
        return int(self.token.functions.balanceOf(account).call())

    def give_ether(self, account: ChecksumAddress) -> None:
        method = RPCEndpoint("anvil_setBalance")
        self.web3.provider.make_request(method, [account, hex(10**18)])

    def events(self, name: str, receipt: TxReceipt) -> list[dict[str, Any]]:
        event = self.vault.events[name]()
        return [dict(log["args"]) for log in event.process_receipt(receipt, errors=DISCARD)]


def send(
    web3: Web3, call: ContractFunction | ContractConstructor, sender: ChecksumAddress
) -> TxReceipt:
    # An estimate may fall short by what a refund gives back: a fifth more, as everywhere.
    gas = call.estimate_gas({"from": sender}) * 6 // 5
    transaction = call.transact({"from": sender, "gas": gas})
    receipt = web3.eth.wait_for_transaction_receipt(transaction, poll_latency=0.005)
    assert receipt["status"] == 1
    return receipt


def deploy(anvil: Anvil) -> Deployed:
    """Alice has half of all tokens, and the vault may take them."""
    web3 = connect(anvil)
    owner, payer, guardian, alice = list(web3.eth.accounts)[:4]
    token, token_gas = put(web3, "DevToken", owner, SUPPLY)
    vault, vault_gas = put(web3, "Vault", owner, token.address, owner, payer, guardian, DAILY)
    gas = {"DevToken": token_gas, "Vault": vault_gas}
    deployed = Deployed(web3, owner, payer, guardian, alice, token, vault, gas)
    deployed.send(token.functions.transfer(alice, SUPPLY // 2), owner)
    deployed.send(token.functions.approve(vault.address, 2**256 - 1), alice)
    return deployed


def put(web3: Web3, name: str, owner: ChecksumAddress, *arguments: object) -> tuple[Contract, int]:
    """A new contract, and the gas it took."""
    made = build(name)
    kind = web3.eth.contract(abi=made.abi, bytecode=made.bytecode)
    receipt = send(web3, kind.constructor(*arguments), owner)
    return at(web3, name, receipt["contractAddress"]), receipt["gasUsed"]


def deposit_with_permit(on: Deployed, signer: LocalAccount, amount: int) -> TxReceipt:
    """By an account that anvil does not know: it signs permission and transaction itself."""
    signed = sign_permit(
        signer,
        token=on.token.address,
        spender=on.vault.address,
        amount=amount,
        nonce=on.token.functions.nonces(signer.address).call(),
        deadline=DEADLINE,
        chain_id=on.web3.eth.chain_id,
    )
    v, r, s = signed
    call = on.vault.functions.depositWithPermit(
        amount, USER, DEADLINE, v, r.to_bytes(32, "big"), s.to_bytes(32, "big")
    )
    nonce = on.web3.eth.get_transaction_count(signer.address)
    built = call.build_transaction({"from": signer.address, "nonce": nonce})
    signed_call = signer.sign_transaction(cast(dict[str, Any], built))
    sent = on.web3.eth.send_raw_transaction(signed_call.raw_transaction)
    return on.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.005)


def connect(anvil: Anvil) -> Web3:
    return Web3(HTTPProvider(anvil.url))


def at(web3: Web3, name: str, address: ChecksumAddress | None) -> Contract:
    assert address
    contract: Contract = web3.eth.contract(address=address, abi=build(name).abi)
    return contract


def payee(web3: Web3, number: int) -> ChecksumAddress:
    """A wallet that nobody has: its address looks like any other."""
    return web3.to_checksum_address(web3.keccak(text=f"payee {number}")[-20:].hex())
