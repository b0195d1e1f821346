"""The states that the rows can be in."""

from enum import StrEnum


class DepositState(StrEnum):
    SEEN = "seen"
    CREDITED = "credited"
    UNCLAIMED = "unclaimed"
    ORPHANED = "orphaned"


class WithdrawalState(StrEnum):
    REQUESTED = "requested"
    AUTHORISED = "authorised"
    PAID = "paid"
    REVERSED = "reversed"
    CANCELLED = "cancelled"


class WalletKind(StrEnum):
    """How a wallet signs: by a key of its own (EIP-191), or as a contract (EIP-1271)."""

    KEY = "key"
    CONTRACT = "contract"
