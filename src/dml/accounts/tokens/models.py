"""The rows of personal access tokens."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import TokenId, UserId


class PersonalToken(Base):
    """What a program of a user signs in with. Only its digest is kept."""

    __tablename__ = "personal_tokens"
    __table_args__ = (Index(None, "user_id", "id"),)

    id: Mapped[TokenId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)  # To the hour.
