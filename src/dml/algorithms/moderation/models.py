"""The rows: how versions answer fixed pictures, and which of them answer alike."""

from typing import Any, Final

from sqlalchemy import ARRAY, REAL, CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import UserId, VersionId

_GONE_WITH: Final = "CASCADE"  # A draft is deleted with its versions, by the release before, too.


class VersionProbes(Base):
    """How a version answers the fixed pictures of a set, as its check saw it."""

    __tablename__ = "version_probes"
    __table_args__ = (Index(None, "probe_set", "label_count", "version_id"),)

    version_id: Mapped[VersionId] = mapped_column(
        ForeignKey("algorithm_versions.id", ondelete=_GONE_WITH), primary_key=True
    )
    developer_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    probe_set: Mapped[int]
    label_count: Mapped[int]
    # Of each picture the place of the most probable label, as two bytes, and its confidence, as a
    # float of two bytes; little-endian.
    answers: Mapped[bytes] = mapped_column(LargeBinary)
    confidences: Mapped[bytes] = mapped_column(LargeBinary)
    # Of each picture the rank of its confidence among all, from 0 to 1; NULL where time ran out
    # before the last one. By it the nearest are found.
    ranks: Mapped[list[float] | None] = mapped_column(ARRAY(REAL))
    samples: Mapped[list[dict[str, Any]]]


class VersionTwin(Base):
    """That a version answers as one of another developer's does, as its check saw it."""

    __tablename__ = "version_twins"
    __table_args__ = (
        CheckConstraint("agreeing BETWEEN 0 AND probes", "agreeing"),
        Index(None, "twin_id"),
    )

    version_id: Mapped[VersionId] = mapped_column(
        ForeignKey("algorithm_versions.id", ondelete=_GONE_WITH), primary_key=True
    )
    twin_id: Mapped[VersionId] = mapped_column(
        ForeignKey("algorithm_versions.id", ondelete=_GONE_WITH), primary_key=True
    )
    probes: Mapped[int]
    agreeing: Mapped[int]
    confidence_difference: Mapped[float]
