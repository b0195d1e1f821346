"""What is offered for gas (EIP-1559). Pure. All amounts are wei for a unit of gas."""

from dataclasses import dataclass
from typing import Final

GWEI: Final = 10**9
TIP_MIN: Final = GWEI // 10  # Some nodes suggest nothing, and are then given nothing.
SPARE_GAS: Final = 250_000  # The vault begins no payout with less; what is not used comes back.
TRANSACTION_GAS_MAX: Final = 2**24  # Of any one transaction (EIP-7825).


@dataclass(frozen=True, slots=True)
class Fees:
    """The most that is paid, and what of it the block's maker gets at most."""

    max_fee: int
    priority_fee: int


def at_market(base_fee: int, tip: int, cap: int) -> Fees | None:
    """Offer enough for some full blocks to come. None where the base fee is above the cap."""
    if base_fee >= cap:
        return None
    tip = max(tip, TIP_MIN)
    max_fee = min(2 * base_fee + tip, cap)
    return Fees(max_fee, min(tip, max_fee))


def raised(before: Fees, market: Fees, cap: int) -> Fees | None:
    """Offer a quarter more than before, and no less than the market. None: the cap is too low.

    Nodes take a replacement for an eighth more of both.
    """
    if _up(before.max_fee, 9, 8) > cap:
        return None
    max_fee = min(max(_up(before.max_fee, 5, 4), market.max_fee), cap)
    priority_fee = max(_up(before.priority_fee, 5, 4), market.priority_fee)
    return Fees(max_fee, min(priority_fee, max_fee))


def gas_limit(estimate: int) -> int:
    """Give a fifth more than was estimated, and what the vault wants left over."""
    least = estimate + SPARE_GAS
    return max(least, min(estimate * 6 // 5 + SPARE_GAS, TRANSACTION_GAS_MAX))


def _up(value: int, numerator: int, denominator: int) -> int:
    return -(-value * numerator // denominator)
