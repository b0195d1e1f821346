"""The states that the rows can be in."""

from enum import StrEnum


class DepositState(StrEnum):
    """`seen`: in a block that is not final; `credited`: final, and in the user's balance;
    `unclaimed`: final, and naming no user; `orphaned`: its block was dropped, and it may come again
    in another one.
    """

    SEEN = "seen"
    CREDITED = "credited"
    UNCLAIMED = "unclaimed"
    ORPHANED = "orphaned"


class WithdrawalState(StrEnum):
    """`requested`: waits for a review or a batch; `authorised`: in a batch, and can no longer be
    cancelled; `paid`: in a final block; `reversed`: could not be paid, so its tokens returned;
    `cancelled`: by its user or by an admin, so its tokens returned.
    """

    REQUESTED = "requested"
    AUTHORISED = "authorised"
    PAID = "paid"
    REVERSED = "reversed"
    CANCELLED = "cancelled"


class ChallengePurpose(StrEnum):
    """What a signed message is for: to `link` the wallet, so that tokens can be paid to it; to add
    it as a way to `sign_in`; or as a `proof` of who you are, with something that asks for one.
    """

    LINK = "link"
    SIGN_IN = "sign_in"
    PROOF = "proof"


class WalletKind(StrEnum):
    """How a wallet signs: with a key of its own (EIP-191), or as a contract (EIP-1271)."""

    KEY = "key"
    CONTRACT = "contract"
