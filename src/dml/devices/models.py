"""The rows. Columns and constraints only; what may happen to them is in rules.py."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import DeviceId, UserId


class Platform(StrEnum):
    """The operating system of a device."""

    ANDROID = "android"
    IOS = "ios"
    LINUX = "linux"
    MACOS = "macos"
    WINDOWS = "windows"
    OTHER = "other"


class Device(Base):
    __tablename__ = "devices"
    __table_args__ = (
        CheckConstraint("country ~ '^[A-Z]{2}$'", "country_alpha_2"),
        CheckConstraint("octet_length(public_key) = 32", "ed25519_key"),
        CheckConstraint("speed > 0", "speed_positive"),
        Index(None, "owner_id", "id"),
    )

    id: Mapped[DeviceId] = mapped_column(primary_key=True)
    owner_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    public_key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str]
    platform: Mapped[Platform]
    memory_mib: Mapped[int | None]
    speed: Mapped[int | None]  # Million multiplications a second of one core, as it measured.
    country: Mapped[str | None]
    kinds: Mapped[list[str]]  # The kinds of data that it has.
    permitted_kinds: Mapped[list[str] | None]  # What its owner narrows that to; None: no less.
    created_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=1)
    last_seen_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def reference(self) -> str:
        """What the audit log calls this device."""
        return f"device:{self.id}"


class PairingCode(Base):
    """What an owner types into a new device. Only its digest is kept."""

    __tablename__ = "pairing_codes"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    owner_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    device_id: Mapped[DeviceId | None] = mapped_column(default=None)  # Which device used it.


class Nonce(Base):
    """A nonce that a device signed to prove who it is, which it does once."""

    __tablename__ = "device_nonces"
    __table_args__ = (Index(None, "device_id", "expires_at"),)

    nonce: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[DeviceId] = mapped_column(ForeignKey("devices.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OwnerLimits(Base):
    """What an owner refuses, on all devices: jobs, developers, labels and countries; what may learn
    more of them than `max_epsilon`; and, unless they agreed, exact answers.
    """

    __tablename__ = "owner_limits"

    owner_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(default=1)
    refused_jobs: Mapped[list[UUID]] = mapped_column(default_factory=list)
    refused_developers: Mapped[list[UUID]] = mapped_column(default_factory=list)
    refused_labels: Mapped[list[str]] = mapped_column(default_factory=list)
    allows_exact: Mapped[bool] = mapped_column(default=False, server_default="false")
    refused_countries: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default_factory=list, server_default="{}"
    )
    max_epsilon: Mapped[float | None] = mapped_column(default=None)  # Of one job.
