"""Rows of exports."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import ExportId, UserId

KEPT: Final = timedelta(days=7)


class DataExportState(StrEnum):
    """How far an export is. `preparing`: its file is being made. `ready`: it can be downloaded.
    `failed`: no file could be made, by no fault of the user's.
    """

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


class DataExport(Base):
    """A file with all that is kept of a user, once it is made."""

    __tablename__ = "data_exports"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "data_exports_one_at_a_time_idx",
            "user_id",
            unique=True,
            postgresql_where="ready_at IS NULL AND failed_at IS NULL",
        ),
        Index(None, "created_at"),
        CheckConstraint("(ready_at IS NULL) = (sha256 IS NULL)", "ready_has_a_file"),
        CheckConstraint("(ready_at IS NULL) = (size IS NULL)", "ready_has_a_size"),
        CheckConstraint("ready_at IS NULL OR failed_at IS NULL", "one_end"),
    )

    id: Mapped[ExportId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None] = mapped_column(default=None)
    failed_at: Mapped[datetime | None] = mapped_column(default=None)
    sha256: Mapped[str | None] = mapped_column(default=None)
    size: Mapped[int | None] = mapped_column(BigInteger, default=None)

    @property
    def expires_at(self) -> datetime:
        """When its row goes, and its file with it."""
        return self.created_at + KEPT

    @property
    def state(self) -> DataExportState:
        if self.failed_at is not None:
            return DataExportState.FAILED
        return DataExportState.PREPARING if self.ready_at is None else DataExportState.READY
