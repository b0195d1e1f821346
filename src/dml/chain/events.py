"""What happens between the marketplace and the chain."""

from dataclasses import dataclass
from typing import ClassVar

from dml.accounts.events import UserEvent
from dml.chain.models import Withdrawal
from dml.core.events import Event, user
from dml.core.ids import BatchId, DepositId, VaultId, WalletId, WithdrawalId
from dml.core.money import AmountOut


def seen_by(withdrawal: Withdrawal) -> list[str]:
    """Say who follows a withdrawal."""
    return [user(withdrawal.user_id)]


@dataclass(frozen=True)
class WalletEvent(Event, kind="wallet"):
    """Seen by the wallet's user."""

    PERSONAL: ClassVar = frozenset({"address"})
    wallet_id: WalletId
    address: str


class WalletLinked(WalletEvent, heard=True):
    """A user proved that a wallet is theirs: withdrawals can be paid to it."""


class WalletChosen(WalletEvent, heard=True):
    """A user made it their primary wallet: the one that is meant where none is named."""


class WalletUnlinked(WalletEvent, heard=True):
    """A user unlinked a wallet. Withdrawals under way go on."""


@dataclass(frozen=True)
class DepositEvent(Event, kind="deposit"):
    """Seen by the user whom the deposit names."""

    deposit_id: DepositId
    amount: AmountOut


class DepositSeen(DepositEvent):
    """A deposit is in a block, and is pending until that is final."""


class DepositOrphaned(DepositEvent):
    """A reorganisation of the chain removed the block that held the deposit."""


class DepositCredited(DepositEvent):
    """The deposit is final, and in its user's balance."""


class DepositUnclaimed(DepositEvent):
    """The deposit is final, and names no user: an admin can assign it."""


class DepositAssigned(DepositEvent):
    """An admin credited a user with a deposit that named nobody."""


class DepositTakenBack(DepositEvent):
    """The operator accepted another history of the chain, which lacks this deposit."""


@dataclass(frozen=True)
class WithdrawalEvent(Event, kind="withdrawal"):
    """Seen by the user who withdraws."""

    withdrawal_id: WithdrawalId
    amount: AmountOut


class WithdrawalRequested(WithdrawalEvent, heard=True):
    """A user asked for a withdrawal: amount and fee are set aside."""


class WithdrawalApprovedByTheFirst(WithdrawalEvent):
    """The first of two admins approved it."""


class WithdrawalApproved(WithdrawalEvent):
    """It was reviewed, and may go."""


class WithdrawalRefused(WithdrawalEvent):
    """An admin refused it: amount and fee went back."""


class WithdrawalCancelled(WithdrawalEvent):
    """It was called off before it was sent: amount and fee went back."""


class WithdrawalAuthorised(WithdrawalEvent):
    """It is in a batch that is about to be sent, and can't be cancelled any more."""


class WithdrawalBatchedAgain(WithdrawalEvent):
    """It is in another batch that is about to be sent."""


class WithdrawalPutOff(WithdrawalEvent):
    """Its batch did not pay it: it waits for another."""


class WithdrawalRenumbered(WithdrawalEvent):
    """The vault had paid something else by its number: it has a new one."""


class WithdrawalPaid(WithdrawalEvent):
    """The vault paid it, in a block that is final."""


class WithdrawalReversed(WithdrawalEvent):
    """The vault will never pay it: amount and fee went back."""


@dataclass(frozen=True)
class VaultEvent(Event, kind="vault"):
    """Seen by admins."""

    vault_id: VaultId


class VaultHalted(VaultEvent):
    """The chain is not read any further: it contradicts what was settled."""


class VaultResumed(VaultEvent):
    """The chain is read again."""


class VaultDiffers(VaultEvent):
    """Vault and books differ, so nothing is paid out."""


class VaultAgreesAgain(VaultEvent):
    """Vault and books agree again."""


class VaultHistoryAccepted(VaultEvent):
    """The operator accepted another history of the chain."""


class VaultPayoutBooked(VaultEvent):
    """The operator booked a payout that no withdrawal explains."""


@dataclass(frozen=True)
class UserPayoutBooked(UserEvent):
    """The operator booked a payout of the vault against the user's balance."""

    amount: AmountOut


@dataclass(frozen=True)
class BatchEvent(Event, kind="batch"):
    """Seen by admins."""

    batch_id: BatchId


class BatchGivenUp(BatchEvent):
    """The operator closed a batch whose keys are retired."""


@dataclass(frozen=True)
class AddressEvent(Event, kind="address"):
    """Seen by admins."""

    address: str


class AddressDenied(AddressEvent):
    """Nothing is paid to this address."""


class AddressAllowed(AddressEvent):
    """It is off the deny list."""
