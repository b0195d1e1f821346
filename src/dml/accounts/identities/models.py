"""Rows of identities."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import IdentityId, UserId


class IdentityKind(StrEnum):
    """By what somebody signs in: an e-mail address and `password`, a `wallet`'s signature, an
    `openid` provider, or a `passkey`.
    """

    PASSWORD = "password"
    WALLET = "wallet"
    OPENID = "openid"
    PASSKEY = "passkey"


class Identity(Base):
    """A way to sign in, of one user."""

    __tablename__ = "identities"
    __table_args__ = (
        UniqueConstraint("kind", "subject", name="identities_kind_key"),
        Index(None, "user_id", "id"),
        CheckConstraint("kind <> 'password' OR subject = user_id::text", "password_is_its_users"),
        CheckConstraint("kind <> 'password' OR secret IS NOT NULL", "password_has_a_hash"),
    )

    id: Mapped[IdentityId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[IdentityKind]
    # Who it is: of a password its user's id, as the address to sign in with may change.
    subject: Mapped[str]
    created_at: Mapped[datetime]
    secret: Mapped[str | None] = mapped_column(default=None)  # Of a password, its hash.

    @property
    def by(self) -> str | None:
        """What people know it by: a wallet's address, or the issuer of who is known elsewhere."""
        return self.issuer or self.address

    @property
    def issuer(self) -> str | None:
        """Of an account elsewhere, who knows it: what comes first in `<issuer> <subject there>`."""
        return self.subject.partition(" ")[0] if self.kind is IdentityKind.OPENID else None

    @property
    def address(self) -> str | None:
        """Of a wallet, its address: what comes last in `eip155:<chain>:<address>` (CAIP-10)."""
        return self.subject.rpartition(":")[2] if self.kind is IdentityKind.WALLET else None
