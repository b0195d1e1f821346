"""The vault's encoding: calls to it, its logs, and its refusals.

The signatures are written here, so that no ABI file is needed; a test compares them with the built
contract. A log that can't be decoded is the node's fault: `Garbled`. What the vault promises:
docs/decisions/0015.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias
from uuid import UUID

from dml.chain import ethereum
from dml.chain.ethereum import checksummed, decode, encode
from dml.core.ids import UserId
from dml.core.money import MAX, MicroTokens

DEPOSIT: Final = "deposit(uint256,bytes16)"
DEPOSIT_WITH_PERMIT: Final = "depositWithPermit(uint256,bytes16,uint256,uint8,bytes32,bytes32)"
APPROVE: Final = "approve(address,uint256)"
PAY_OUT: Final = "payOut((uint64,address,uint64)[])"

DEPOSITED: Final = "Deposited(bytes16,address,uint64,uint64)"
PAID_OUT: Final = "PaidOut(uint64,address,uint64)"
PAYOUT_REFUSED: Final = "PayoutRefused(uint64,address,uint64,bytes)"


class Garbled(Exception):
    """An answer that no honest node gives."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log from a node, its numbers parsed and the form of its hashes checked."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Deposited:
    named: UUID
    sender: str
    ordinal: int
    amount: MicroTokens


@dataclass(frozen=True, slots=True)
class PaidOut:
    number: int
    recipient: str
    amount: MicroTokens


@dataclass(frozen=True, slots=True)
class PayoutRefused:
    number: int
    recipient: str
    amount: MicroTokens
    reason: bytes


@dataclass(frozen=True, slots=True)
class Payout:
    """One withdrawal of a batch."""

    number: int
    recipient: str
    amount: MicroTokens


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals since the deployment. `deposits` and `payouts` are counts."""

    deposits: int
    deposited: MicroTokens
    payouts: int
    paid_out: MicroTokens


Event: TypeAlias = Deposited | PaidOut | PayoutRefused


selector = cache(ethereum.selector)
topic = cache(ethereum.topic)


def topics() -> tuple[bytes, ...]:
    """Return the events that are asked for."""
    return topic(DEPOSITED), topic(PAID_OUT), topic(PAYOUT_REFUSED)


def call(signature: str, *arguments: object) -> bytes:
    """Encode a call: `call("paid(uint256)", 7)`."""
    return selector(signature) + encode(ethereum.arguments(signature), arguments)


def pay_out(payouts: Sequence[Payout]) -> bytes:
    return call(PAY_OUT, [(it.number, it.recipient, it.amount) for it in payouts])


def deposit(units: int, user_id: UserId) -> bytes:
    """`units` are the token's own: micro-tokens times the vault's scale."""
    return call(DEPOSIT, units, user_id.bytes)


def read(kinds: Sequence[str], answer: bytes) -> tuple[Any, ...]:
    """Decode what a call answered."""
    try:
        return decode(kinds, answer)
    except ValueError as error:
        raise Garbled(f"not {', '.join(kinds)}: 0x{answer[:64].hex()}") from error


def bounded(value: int) -> int:
    """Return a number that fits a BIGINT: the vault's have one bit more, so the maximum at most."""
    return min(value, MAX)


def read_totals(answer: bytes) -> Totals:
    """Decode what `totals()` answered."""
    deposits, deposited, payouts, paid_out = read(["uint64"] * 4, answer)
    return Totals(_bigint(deposits), _amount(deposited), _bigint(payouts), _amount(paid_out))


def read_event(log: Log) -> Event:
    """Read one of the three events that are asked for."""
    kind = log.topics[0] if log.topics else b""
    if kind == topic(DEPOSITED) and len(log.topics) == 3:
        ordinal, amount = read(["uint64", "uint64"], log.data)
        named = UUID(bytes=log.topics[1][:16])
        return Deposited(named, _address(log.topics[2]), _bigint(ordinal), _amount(amount))
    if kind == topic(PAID_OUT) and len(log.topics) == 3:
        (amount,) = read(["uint64"], log.data)
        return PaidOut(_number(log), _address(log.topics[2]), _amount(amount))
    if kind == topic(PAYOUT_REFUSED) and len(log.topics) == 3:
        amount, reason = read(["uint64", "bytes"], log.data)
        return PayoutRefused(_number(log), _address(log.topics[2]), _amount(amount), reason)
    raise Garbled(f"a log that was not asked for, in {log.tx_hash}")


def explain(reason: bytes) -> str:
    """Say why a payout or a call was refused. A text from the contract is not repeated."""
    for error, words in _REASONS.items():
        if reason[:4] == selector(error):
            return words
    return "the token or the wallet refused the transfer"


def will_pass(reason: bytes) -> bool:
    """Whether a payout refused for this reason is to be tried again automatically."""
    return reason[:4] == selector("DailyLimitReached(uint64)")


_REASONS: Final = {
    "BadRecipient(address)": "the vault cannot pay to this address",
    "NothingToPay()": "the amount was zero",
    "DailyLimitReached(uint64)": "the vault's daily limit was reached",
    "NotTransferred()": "the token did not transfer",
    "EnforcedPause()": "payouts are paused by the vault's guardian",
    "NotThePayoutKey(address)": "the signer is not the vault's payout key",
    "NotEnoughGas(uint64)": "the transaction had too little gas",
    "TokenTookMore(uint256,uint256)": "the token took more than it was told",
    "ERC20InsufficientBalance(address,uint256,uint256)": "the vault holds too few tokens",
}


def _number(log: Log) -> int:
    return _bigint(int.from_bytes(log.topics[1]))


def _address(topic: bytes) -> str:
    return checksummed(topic[12:])


def _bigint(value: int) -> int:
    """Check that a number fits a BIGINT. The vault's 64 bits are one more, and never reached."""
    if value > MAX:
        raise Garbled(f"{value} is more than can be")
    return value


def _amount(value: int) -> MicroTokens:
    return MicroTokens(_bigint(value))
