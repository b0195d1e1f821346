"""The rows: texts that were accepted, and by whom."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import UserId


class DeveloperAgreement(Base):
    """A text that somebody has accepted. Its words never change: they are what its digest is of."""

    __tablename__ = "developer_agreements"
    __table_args__ = (CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", "sha256_hexadecimal"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]  # When it was accepted first.


class AgreementAcceptance(Base):
    """That a user accepted a text."""

    __tablename__ = "agreement_acceptances"

    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("developer_agreements.sha256"), primary_key=True)
    accepted_at: Mapped[datetime]
