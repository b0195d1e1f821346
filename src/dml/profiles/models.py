"""Rows of profiles, and of what came of them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import ProfileId, UserId


class ProfileKind(StrEnum):
    """`cpu`: which code runs, as py-spy samples it a hundred times a second; `memory`: which code
    allocates what is not freed again at once, as memray traces it.
    """

    CPU = "cpu"
    MEMORY = "memory"


class ProfileState(StrEnum):
    """`requested`: the process hears of it within seconds; `running`: it is profiled, and its files
    are made; `finished`: they are there; `failed`: there are none, and `failure` says why.
    """

    REQUESTED = "requested"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class ProfileFailure(StrEnum):
    """`process_ended`: it was told to end meanwhile; `no_answer`: it said no more, as it was killed
    or hangs; `not_installed`: py-spy or memray is missing there; `not_permitted`: its container or
    system forbids to look into a process; `too_large`: its files would be; `tool_failed`: its log
    says why.
    """

    PROCESS_ENDED = "process_ended"
    NO_ANSWER = "no_answer"
    NOT_INSTALLED = "not_installed"
    NOT_PERMITTED = "not_permitted"
    TOO_LARGE = "too_large"
    TOOL_FAILED = "tool_failed"


class ProfileFormat(StrEnum):
    """`flame_graph`: HTML; `speedscope`: JSON, which speedscope and others read."""

    FLAME_GRAPH = "flame_graph"
    SPEEDSCOPE = "speedscope"


class Profile(Base):
    __tablename__ = "profiles"
    __table_args__ = (
        CheckConstraint("seconds BETWEEN 1 AND 60", "seconds"),
        CheckConstraint("(state IN ('requested', 'running')) = (ended_at IS NULL)", "ended_at"),
        CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", "failure"),
        # There is no second one that is not over.
        Index(
            "profiles_one_at_a_time_idx",
            text("((ended_at IS NULL))"),
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[ProfileId] = mapped_column(primary_key=True)
    process: Mapped[str]
    kind: Mapped[ProfileKind]
    seconds: Mapped[int]
    state: Mapped[ProfileState]
    requested_by: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"))
    requested_at: Mapped[datetime]
    ends_by: Mapped[datetime]  # Whoever has not told by then what came of it, tells in vain.
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    failure: Mapped[ProfileFailure | None] = mapped_column(default=None)


class ProfileFile(Base):
    """What came of a profile, in one format: a few hundred kilobytes, compressed."""

    __tablename__ = "profile_files"
    __table_args__ = (CheckConstraint("octet_length(gzipped) <= 8388608", "size"),)

    profile_id: Mapped[ProfileId] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True
    )
    format: Mapped[ProfileFormat] = mapped_column(primary_key=True)
    gzipped: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]  # Of what it is when it is not compressed.
