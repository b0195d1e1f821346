"""Rows of passkeys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import IdentityId, UserId


class Passkey(Base):
    """What is known of a passkey beside its identity, whose subject is the id of the credential.

    Whoever takes the identity takes this with it.
    """

    __tablename__ = "passkeys"
    __table_args__ = (CheckConstraint("sign_count >= 0", "count_not_negative"),)

    id: Mapped[IdentityId] = mapped_column(
        ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    relying_party: Mapped[str]  # The domain that it was made for: it signs for no other.
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # A COSE key (RFC 9052).
    sign_count: Mapped[int] = mapped_column(BigInteger)  # 0 for ever, where nobody counts.
    transports: Mapped[list[str]]
    aaguid: Mapped[UUID]  # Which kind of authenticator it says that it is. All zeros: it does not.
    can_be_backed_up: Mapped[bool]  # Whether it may be on several devices.
    is_backed_up: Mapped[bool]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)


class UsedPasskeyChallenge(Base):
    """A challenge that was used, until it would have expired: it is good once."""

    __tablename__ = "used_passkey_challenges"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
