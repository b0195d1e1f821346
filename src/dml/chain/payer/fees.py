"""Fees for gas (EIP-1559). Pure. All amounts are wei for a unit of gas."""

from dataclasses import dataclass
from typing import Final

GWEI: Final = 10**9
TIP_MIN: Final = GWEI // 10  # For chains whose nodes suggest 0, and then mine nothing at 0.
SPARE_GAS: Final = 250_000  # The vault starts no payout with less left; unused gas is paid back.
TRANSACTION_GAS_MAX: Final = 2**24  # Of one transaction (EIP-7825).


@dataclass(frozen=True, slots=True)
class Fees:
    """The maximum to be paid, and the part of it that goes to the block's proposer at most."""

    max_fee: int
    priority_fee: int


def at_market(base_fee: int, tip: int, cap: int) -> Fees | None:
    """Offer enough for several full blocks in a row. None if the base fee is above the cap."""
    if base_fee >= cap:
        return None
    tip = max(tip, TIP_MIN)
    max_fee = min(2 * base_fee + tip, cap)
    return Fees(max_fee, min(tip, max_fee))


def raised(before: Fees, market: Fees, cap: int) -> Fees | None:
    """Offer a quarter more than before, and at least the market's. None if that exceeds the cap.

    Nodes accept a replacement only if both fees are an eighth higher.
    """
    if _up(before.max_fee, 9, 8) > cap:
        return None
    max_fee = min(max(_up(before.max_fee, 5, 4), market.max_fee), cap)
    priority_fee = max(_up(before.priority_fee, 5, 4), market.priority_fee)
    return Fees(max_fee, min(priority_fee, max_fee))


def gas_limit(estimate: int) -> int:
    """Return a fifth more than was estimated, plus what the vault requires to be left."""
    least = estimate + SPARE_GAS
    return max(least, min(estimate * 6 // 5 + SPARE_GAS, TRANSACTION_GAS_MAX))


def _up(value: int, numerator: int, denominator: int) -> int:
    return -(-value * numerator // denominator)
