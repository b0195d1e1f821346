"""Who may sign in by a wallet. Pure."""

from datetime import datetime

from dml.chain.wallets.rules import BadChallenge
from dml.core.errors import Conflict, Forbidden
from dml.core.ids import UserId


class UnknownWallet(Forbidden):
    code = "chain.unknown_wallet"
    reason = "No account has this wallet as a way to sign in, and none is opened by one here."
    remedy = "Sign in as you did before, and add the wallet there; or open an account by mail."


class WalletIsAWayIn(Conflict):
    code = "chain.wallet_is_a_way_in"
    reason = "This wallet signs in to an account already."
    remedy = "Revoke it there first, or add another wallet."
    is_yours: bool


def subject_of(chain_id: int, address: str) -> str:
    """Name a wallet among the ways to sign in (CAIP-10): a contract is its owner's on one chain."""
    return f"eip155:{chain_id}:{address}"


def require_good(expires_at: datetime | None, now: datetime) -> datetime:
    """Refuse a nonce that is none of ours, or has expired. Return when it will."""
    if expires_at is None or expires_at <= now:
        raise BadChallenge
    return expires_at


def require_door(*, is_known: bool, opens: bool) -> None:
    """Refuse a wallet that nobody has, where it opens no account."""
    if not (is_known or opens):
        raise UnknownWallet


def require_nobodys(holder: UserId | None, user_id: UserId) -> None:
    if holder is not None:
        raise WalletIsAWayIn(is_yours=holder == user_id)
