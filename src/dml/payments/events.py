"""What happens to credits, tokens that an admin brings in by hand; to debit limits, and to what
members put into organisations.
"""

from dataclasses import dataclass

from dml.accounts.events import UserEvent
from dml.accounts.organisations.events import OrganisationEvent
from dml.core.events import Event
from dml.core.ids import CreditId, UserId
from dml.core.money import AmountOut


@dataclass(frozen=True)
class CreditEvent(Event, kind="credit"):
    """Seen by the user who is credited, once they are; before that, by admins alone."""

    credit_id: CreditId
    user_id: UserId
    amount: AmountOut


class CreditRequested(CreditEvent):
    """An admin asked for a credit."""


class CreditRefused(CreditEvent):
    """An admin called off a credit that waited for a second one."""


class CreditCredited(CreditEvent):
    """The credit is in its user's balance."""


class CreditReversed(CreditEvent):
    """A credit was taken back, whole or in part: the amount says how much."""


@dataclass(frozen=True)
class UserDebitLimitSet(UserEvent):
    """The user limited what jobs and bounties may take from their balance in 30 days; `null` means
    no limit.
    """

    limit: AmountOut | None


@dataclass(frozen=True)
class OrganisationContributed(OrganisationEvent):
    """A member put in tokens of their own."""

    user_id: UserId
    amount: AmountOut


@dataclass(frozen=True)
class OrganisationDistributed(OrganisationEvent):
    """An owner took tokens out, into their own balance."""

    user_id: UserId
    amount: AmountOut
