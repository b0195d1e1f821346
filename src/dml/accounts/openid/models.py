"""Rows of sign-ins that are under way: ten minutes, then one."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base


class OpenidStart(Base):
    """A browser that was sent to a provider. Only the digest of its cookie is kept: the state, the
    nonce and the verifier follow from the cookie itself.
    """

    __tablename__ = "openid_starts"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    provider: Mapped[str]
    return_to: Mapped[str]
    code_challenge: Mapped[str]  # Of who began: who knows its verifier exchanges the code.
    is_fresh: Mapped[bool]  # Whether the provider was told to ask who it is again.
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OpenidLogin(Base):
    """Somebody who came back from a provider, until their code is exchanged."""

    __tablename__ = "openid_logins"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  # Of the code.
    subject: Mapped[str]  # Of the identity: the issuer, and who it is there.
    email: Mapped[str | None]  # Where the provider has verified it.
    code_challenge: Mapped[str]
    authenticated_at: Mapped[datetime | None]  # When they proved there who they are, if asked anew.
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
