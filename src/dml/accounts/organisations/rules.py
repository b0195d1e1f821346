"""Who may do what for an organisation, and how many there may be of what. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from dml.accounts.models import User
from dml.accounts.organisations.models import LINGERS, Invitation, MemberRole, Membership
from dml.accounts.privacy.rules import ErasureBlocker
from dml.core.errors import Conflict, Forbidden, Gone, NotFound, TooMany

OWNED_MAX: Final = 10  # Organisations that one user owns.
JOINED_MAX: Final = 50  # That one user acts for.
MEMBERS_MAX: Final = 100  # Of one organisation.
INVITATIONS_MAX: Final = 50  # Of one organisation, that are open.
INVITATIONS_AN_HOUR: Final = 20  # By one user, or of one organisation.
LASTS: Final = timedelta(days=7)
KEPT: Final = timedelta(days=30)  # After an invitation has expired.


class OrganisationNotFound(NotFound):
    code = "accounts.organisation_not_found"
    reason = "You act for no such organisation."
    remedy = "List yours (`GET /v1/organisations`)."


class OwnersOnly(Forbidden):
    code = "accounts.owners_only"
    reason = "Only an owner of the organisation may do this."
    remedy = "Ask one: `GET /v1/organisations/{organisation_id}/members` names them."


class LastOwner(Conflict):
    code = "accounts.last_owner"
    reason = "This is the only owner, and an organisation needs one."
    remedy = "Make another member an owner first, or close the organisation."


class MemberNotFound(NotFound):
    code = "accounts.member_not_found"
    reason = "The organisation has no such member."
    remedy = "List them (`GET /v1/organisations/{organisation_id}/members`)."


class InvitationNotFound(NotFound):
    code = "accounts.invitation_not_found"
    reason = "The organisation has no such open invitation."
    remedy = "List them (`GET /v1/organisations/{organisation_id}/invitations`)."


class InvitationUnknown(NotFound):
    code = "accounts.invitation_unknown"
    reason = "This is no code of an invitation."
    remedy = "Copy it from the mail as it is, or ask for another invitation."


class InvitationEnded(Gone):
    code = "accounts.invitation_ended"
    reason = "This invitation was accepted or revoked, or a newer one was mailed."
    remedy = "Use the newest mail, or ask for another invitation."


class InvitationExpired(Gone):
    code = "accounts.invitation_expired"
    reason = f"This invitation is older than {LASTS.days} days."
    remedy = "Ask for another one."


class InvitationForAnother(Forbidden):
    code = "accounts.invitation_for_another"
    reason = "This invitation was mailed to an address that is not proven to be yours."
    remedy = (
        "Sign in to the account with that address, or open one with it. If it is yours, prove the "
        "address: `POST /v1/users/me/email-verifications`."
    )


class AlreadyMember(Conflict):
    code = "accounts.already_member"
    reason = "You act for this organisation already."
    remedy = "There is nothing left to do. An owner can give you another role."


class TooManyOrganisations(Conflict):
    code = "accounts.too_many_organisations"
    reason = f"A user owns {OWNED_MAX} organisations at most, and acts for {JOINED_MAX}."
    remedy = "Leave or close one first."


class TooManyMembers(Conflict):
    code = "accounts.too_many_members"
    reason = f"An organisation has {MEMBERS_MAX} members at most."
    remedy = "An owner can remove one first."


class TooManyInvitations(TooMany):
    code = "accounts.too_many_invitations"
    reason = f"An organisation has {INVITATIONS_MAX} open invitations at most, and mails are few."
    remedy = "Revoke some, or wait an hour."


class OrganisationSuspended(Conflict):
    code = "accounts.organisation_suspended"
    reason = "An admin suspended this organisation: nothing moves."
    remedy = "Write to whoever runs this marketplace."


class ClosingBlocked(Conflict):
    code = "accounts.closing_blocked"
    reason = "The organisation cannot be closed yet."
    remedy = "Do for it what each of `blockers` says, then ask again. An owner takes tokens out."
    blockers: Sequence[ErasureBlocker]


class JoiningBlocked(Conflict):
    code = "accounts.joining_blocked"
    reason = "You take part in something that this organisation decides about."
    remedy = "Withdraw from its bounties first, or accept when they are over."


def is_interested(membership: Membership, now: datetime) -> bool:
    """Whether what is the organisation's still is this user's, too: they act for it, or did within
    30 days.
    """
    return membership.left_at is None or membership.left_at > now - LINGERS


# The same, of a row of `memberships` that a statement calls `m`.
IS_INTERESTED: Final = f"(m.left_at IS NULL OR m.left_at > now() - interval '{LINGERS.days} days')"


def require_member(organisation: User | None, membership: Membership | None) -> User:
    """Refuse who does not act for it: to them it is not there."""
    if organisation is None or organisation.erased_at is not None:
        raise OrganisationNotFound
    if membership is None or membership.left_at is not None:
        raise OrganisationNotFound
    return organisation


def require_not_suspended(organisation: User) -> None:
    if organisation.suspended_at is not None:
        raise OrganisationSuspended


def require_owner(membership: Membership) -> None:
    if membership.role is not MemberRole.OWNER:
        raise OwnersOnly


def require_present(membership: Membership | None) -> Membership:
    if membership is None or membership.left_at is not None:
        raise MemberNotFound
    return membership


def require_another_owner(owners: int, membership: Membership) -> None:
    """Refuse to lose the last one of them."""
    if membership.role is MemberRole.OWNER and owners <= 1:
        raise LastOwner


def require_room(*, owned: int, joined: int) -> None:
    if owned >= OWNED_MAX or joined >= JOINED_MAX:
        raise TooManyOrganisations


def require_place(members: int) -> None:
    if members >= MEMBERS_MAX:
        raise TooManyMembers


def require_few_invitations(*, still_open: int, lately: int, to_address: int, most: int) -> None:
    """Refuse more than an organisation, or a mailbox, may have."""
    if still_open >= INVITATIONS_MAX or lately >= INVITATIONS_AN_HOUR or to_address >= most:
        raise TooManyInvitations(retry_after_seconds=3_600)


def require_open(invitation: Invitation | None, now: datetime) -> Invitation:
    if invitation is None:
        raise InvitationUnknown
    if invitation.ended_at is not None:
        raise InvitationEnded
    if invitation.expires_at <= now:
        raise InvitationExpired
    return invitation


def require_addressee(invitation: Invitation, user: User) -> None:
    """Refuse whoever got hold of a code that was mailed to somebody else."""
    if user.email != invitation.email or user.email_verified_at is None:
        raise InvitationForAnother


def require_new(membership: Membership | None) -> None:
    if membership is not None and membership.left_at is None:
        raise AlreadyMember
