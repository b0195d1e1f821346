"""When a wallet may be linked, and which signed messages are refused. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from dml.chain import addresses
from dml.chain.models import Vault, Wallet, WalletChallenge
from dml.chain.states import ChallengePurpose
from dml.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from dml.core.ids import UserId

WALLETS_MAX: Final = 20
CHALLENGES_MAX: Final = 50  # That are not expired yet.
CHALLENGE_LIFE: Final = timedelta(minutes=10)
CLOCKS_DIFFER: Final = timedelta(minutes=5)  # A wallet may write its own clock's time.


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed EIP-4361 message."""

    scheme: str | None
    domain: str
    address: str
    statement: str | None
    uri: str
    version: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime | None
    not_before: datetime | None
    request_id: str | None
    resources: tuple[str, ...]


class UnreadableMessage(Invalid):
    code = "chain.unreadable_message"
    pointer = "/message"
    reason = "This is not a message in the form of EIP-4361."
    remedy = "Sign the `message` of a new challenge as it is, to the letter, and send both."
    because: str


class WrongMessage(Invalid):
    code = "chain.wrong_message"
    pointer = "/message"
    reason = "The message was not signed for this marketplace, this chain or this moment."
    remedy = "Get a new challenge and sign its `message`; `wrong` names what does not fit."
    wrong: Sequence[str]


class BadChallenge(Invalid):
    code = "chain.bad_challenge"
    pointer = "/message"
    reason = "The nonce was used, has expired, is unknown, or was given for another purpose."
    remedy = "Get a new challenge and sign its `message`."


class WrongSignature(Invalid):
    code = "chain.wrong_signature"
    pointer = "/signature"
    reason = "The signature is not that of this address over this message."
    remedy = (
        "Sign with the wallet of that very address. A contract must be on this chain (EIP-1271), "
        "or its signature say how it is made (EIP-6492)."
    )
    because: str


class TooManyChallenges(TooMany):
    code = "chain.too_many_challenges"
    reason = "You have too many open challenges."
    remedy = "Sign one of them, or wait until they have expired."
    limit: int


class TooManyWallets(Conflict):
    code = "chain.too_many_wallets"
    reason = "You have linked as many wallets as one may."
    remedy = "Unlink one that you no longer need."
    limit: int


class WalletTaken(Conflict):
    code = "chain.wallet_taken"
    reason = "Another user has linked this wallet."
    remedy = "Unlink it there first, or link another."


class WalletLinkedAlready(Conflict):
    code = "chain.wallet_linked_already"
    reason = "You have linked this wallet already."
    remedy = "Look it up in the list of your wallets."


class WalletNotFound(NotFound):
    code = "chain.wallet_not_found"
    reason = "There is no such wallet of yours."
    remedy = "Look it up in the list of your wallets, or link it."


class NobodysAddress(Invalid):
    code = "chain.nobodys_address"
    reason = "This is the zero address, the vault or its token: nobody can be paid there."
    remedy = "Choose an address that a wallet of yours holds."
    address: str


class AddressDenied(Forbidden):
    code = "chain.address_denied"
    reason = "Nothing is paid to this address."
    remedy = "Choose another wallet, or ask the operator why."
    address: str


def require_somebodys(address: str, vaults: Collection[Vault]) -> None:
    """Refuse addresses that nobody controls: tokens paid to them would be lost."""
    if address in {
        addresses.ZERO,
        *(contract for it in vaults for contract in (it.address, it.token)),
    }:
        raise NobodysAddress(address=address)


def require_meant(message: Message, *, origin: str, chain_id: int, now: datetime) -> None:
    """Refuse a message that was signed for another site, chain or time."""
    ours, named = urlsplit(origin), urlsplit(message.uri)
    wrong = {
        "scheme": message.scheme not in (None, ours.scheme),
        "domain": message.domain != ours.netloc,
        "uri": (named.scheme, named.netloc) != (ours.scheme, ours.netloc),
        "version": message.version != "1",
        "chain_id": message.chain_id != chain_id,
        "issued_at": not now - CHALLENGE_LIFE < message.issued_at <= now + CLOCKS_DIFFER,
        "expiration_time": message.expires_at is not None and message.expires_at <= now,
        "not_before": message.not_before is not None and now < message.not_before,
    }
    if any(wrong.values()):
        raise WrongMessage(wrong=[name for name, is_wrong in wrong.items() if is_wrong])


def require_open(
    challenge: WalletChallenge | None, user_id: UserId, purpose: ChallengePurpose, now: datetime
) -> None:
    """Refuse a nonce that is not this user's, or not for this, was used, or has expired."""
    if challenge is None or challenge.user_id != user_id or challenge.purpose != purpose:
        raise BadChallenge
    if challenge.used_at is not None or challenge.expires_at <= now:
        raise BadChallenge


def primary_of(wallets: Sequence[Wallet]) -> Wallet | None:
    """Return which of a user's linked wallets is meant where none is named: the one that was chosen
    last, else the one that was linked first.
    """
    chosen = [(it.chosen_at, it) for it in wallets if it.chosen_at is not None]
    if chosen:
        return max(chosen, key=lambda it: it[0])[1]
    return min(wallets, key=lambda it: it.id, default=None)


def require_few_challenges(count: int) -> None:
    if count >= CHALLENGES_MAX:
        seconds = int(CHALLENGE_LIFE.total_seconds())
        raise TooManyChallenges(limit=CHALLENGES_MAX, retry_after_seconds=seconds)


def require_few_wallets(count: int) -> None:
    if count >= WALLETS_MAX:
        raise TooManyWallets(limit=WALLETS_MAX)


def require_free(holder: UserId | None, user_id: UserId) -> None:
    """Refuse an address that is linked already, by whomever."""
    if holder == user_id:
        raise WalletLinkedAlready
    if holder is not None:
        raise WalletTaken
