"""What happens to accounts."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from dml.core.context import Role
from dml.core.events import Event
from dml.core.ids import ExportId, IdentityId, SessionId, TokenId, UserId


@dataclass(frozen=True)
class UserEvent(Event, kind="user"):
    """Seen by the user alone."""

    user_id: UserId


@dataclass(frozen=True)
class UserRegistered(UserEvent):
    """An account was opened."""

    role: Role


@dataclass(frozen=True)
class UserRoleChanged(UserEvent):
    """An admin gave the user another role."""

    before: Role
    role: Role


@dataclass(frozen=True)
class UserIdentityAdded(UserEvent, heard=True):
    """The user has another way to sign in, which is of this method.
    `by` is a wallet's address, or that of a provider; of a password there is none.
    """

    PERSONAL: ClassVar = frozenset({"by"})
    method: str
    by: str | None


@dataclass(frozen=True)
class UserIdentityRevoked(UserEvent, heard=True):
    """The user gave up a way to sign in, which was of this method.
    `by` is a wallet's address, or that of a provider; of a password there is none.
    """

    PERSONAL: ClassVar = frozenset({"by"})
    method: str
    by: str | None


@dataclass(frozen=True)
class UserFactorAdded(UserEvent):
    """The user confirmed a second factor, of this method: signing in asks for it from now on."""

    method: str


@dataclass(frozen=True)
class UserFactorRemoved(UserEvent):
    """The second factor was removed, with its recovery codes."""

    method: str


@dataclass(frozen=True)
class UserRecoveryCodeUsed(UserEvent):
    """A recovery code stood in for the second factor. So many are left."""

    left: int


class UserRecoveryCodesRenewed(UserEvent):
    """The user made new recovery codes, and the old ones are void."""


@dataclass(frozen=True)
class UserPasskeyUsed(UserEvent):
    """The user signed in by this passkey (`sign_in`), or proved by it who they are (`proof`)."""

    passkey_id: IdentityId
    purpose: str


@dataclass(frozen=True)
class UserPasskeyCounterFell(UserEvent):
    """This passkey had counted more uses before, so it may have been copied: it was refused."""

    passkey_id: IdentityId


class UserSuspended(UserEvent, heard=True):
    """An admin keeps the user out, for the reason that is given: every session ended."""


class UserRestored(UserEvent):
    """An admin let a suspended user in again."""


@dataclass(frozen=True)
class UserAgreementAccepted(UserEvent):
    """The user accepted this version of the developer agreement."""

    version: str


class UserPhotoChanged(UserEvent):
    """The user shows another photo, or the first one."""


class UserPhotoRemoved(UserEvent):
    """The user shows no photo any more."""


class UserPasswordChanged(UserEvent):
    """The user changed the password, and every other session ended."""


class UserPasswordRecovered(UserEvent):
    """The user chose another password by a mailed link, and every session ended."""


class UserEmailVerified(UserEvent):
    """The user proved by a mailed link that the account's address is theirs."""


class UserEmailChanged(UserEvent):
    """The account has another address, which the user proved by a mailed link."""


class UserPasswordReset(UserEvent):
    """The operator gave the account another password, and every session ended."""


class UserErased(UserEvent):
    """The user erased their account: an id is left that names nobody. Seen by admins alone."""


@dataclass(frozen=True)
class ExportEvent(Event, kind="export"):
    """Seen by the user whose data it is."""

    export_id: ExportId


class ExportRequested(ExportEvent):
    """The user asked for a file with all that is kept of them."""


class ExportReady(ExportEvent):
    """The file is ready, and can be downloaded for a week."""


class ExportFailed(ExportEvent):
    """The file could not be made. It does not count: ask again."""


@dataclass(frozen=True)
class SessionEvent(Event, kind="session"):
    """Seen by the user who signed in."""

    session_id: SessionId


@dataclass(frozen=True)
class SessionCreated(SessionEvent, heard=True):
    """The user signed in, on this device and network as far as either is known. A network is new
    from which they did not sign in within 90 days, a device is new that no session had which is
    still kept.
    """

    PRIVATE: ClassVar = frozenset({"is_first"})
    PERSONAL: ClassVar = frozenset({"device", "network"})
    device: str | None
    network: str | None
    is_new_device: bool
    is_new_network: bool
    is_first: bool  # Of an account that was opened a moment ago: of that nobody is mailed.


class SessionEnded(SessionEvent):
    """The session ended before its time: nobody refreshes it any more, and its access tokens stop
    working. The reason says why.
    """


@dataclass(frozen=True)
class TokenEvent(Event, kind="token"):
    """Seen by the user whose personal access token it is."""

    PERSONAL: ClassVar = frozenset({"name"})
    token_id: TokenId
    name: str


@dataclass(frozen=True)
class TokenCreated(TokenEvent, heard=True):
    """The user made a personal access token, which may do what its scopes name."""

    scopes: list[str]
    expires_at: datetime


class TokenRevoked(TokenEvent):
    """The token stopped working before its time. The reason says why."""
