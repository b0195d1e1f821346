"""What happens to organisations."""

from dataclasses import dataclass
from typing import ClassVar

from dml.accounts.organisations.models import MemberRole
from dml.core.events import Event
from dml.core.ids import InvitationId, UserId


@dataclass(frozen=True)
class OrganisationEvent(Event, kind="organisation"):
    """Seen by whoever acts for the organisation, and by the user whom it is about."""

    organisation_id: UserId


@dataclass(frozen=True)
class OrganisationCreated(OrganisationEvent):
    """Somebody founded an organisation."""

    PERSONAL: ClassVar = frozenset({"name"})
    name: str


@dataclass(frozen=True)
class OrganisationRenamed(OrganisationEvent):
    """An owner gave it another name."""

    PERSONAL: ClassVar = frozenset({"name"})
    name: str


@dataclass(frozen=True)
class OrganisationInvitationSent(OrganisationEvent):
    """An owner invited somebody to act for it in this role."""

    invitation_id: InvitationId
    role: MemberRole


@dataclass(frozen=True)
class OrganisationInvitationRevoked(OrganisationEvent):
    """An owner called an invitation off."""

    invitation_id: InvitationId


@dataclass(frozen=True)
class OrganisationMemberAdded(OrganisationEvent):
    """A user acts for it from now on."""

    user_id: UserId
    role: MemberRole


@dataclass(frozen=True)
class OrganisationRoleChanged(OrganisationEvent):
    """An owner gave a member another role."""

    user_id: UserId
    before: MemberRole
    role: MemberRole


@dataclass(frozen=True)
class OrganisationMemberRemoved(OrganisationEvent):
    """A user does not act for it any more: they left, or an owner removed them."""

    user_id: UserId


class OrganisationClosed(OrganisationEvent):
    """An owner closed it: an id is left that names nobody."""
