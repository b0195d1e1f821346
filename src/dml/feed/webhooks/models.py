"""Rows of webhooks, of what is sent to them, and of how far the event log was read for them."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import DeliveryId, LeaseId, UserId, WebhookId
from dml.feed.webhooks.states import DeliveryState, WebhookState


class Webhook(Base):
    """A URL that is called with events. Secrets are sealed: only workers can open them."""

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint(
            "(previous_secret IS NULL) = (previous_secret_until IS NULL)", "previous_secret_ends"
        ),
        Index(None, "user_id", "id", postgresql_where="deleted_at IS NULL"),
    )

    id: Mapped[WebhookId] = mapped_column(primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    url: Mapped[str]
    types: Mapped[list[str]]  # Names, or kinds with a star (`job.*`). Empty: all there are.
    state: Mapped[WebhookState]
    created_at: Mapped[datetime]
    after_number: Mapped[int] = mapped_column(BigInteger)  # Events beyond it are sent.
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    previous_secret_until: Mapped[datetime | None] = mapped_column(default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def paused(self) -> bool:
        return self.state is WebhookState.PAUSED


class WebhookDelivery(Base):
    """An event on its way to a webhook, and how the last attempt went."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "webhook_deliveries_once_idx",
            "webhook_id",
            "number",
            unique=True,
            postgresql_where="NOT is_replay",
        ),
        Index(
            "webhook_deliveries_waiting_idx",
            "webhook_id",
            "subject",
            "number",
            "id",
            postgresql_where="state = 'waiting'",
        ),
        Index(None, "webhook_id", "id"),
        Index(None, "created_at"),
    )

    id: Mapped[DeliveryId] = mapped_column(primary_key=True)
    webhook_id: Mapped[WebhookId] = mapped_column(ForeignKey("webhooks.id"))
    number: Mapped[int] = mapped_column(BigInteger)  # The event's, in the log.
    event_at: Mapped[datetime]
    type: Mapped[str]
    subject: Mapped[str]
    is_replay: Mapped[bool]
    state: Mapped[DeliveryState]
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    attempted_at: Mapped[datetime | None] = mapped_column(default=None)
    next_attempt_at: Mapped[datetime | None] = mapped_column(default=None)
    status: Mapped[int | None] = mapped_column(default=None)  # Of HTTP.
    latency_ms: Mapped[int | None] = mapped_column(default=None)
    answer: Mapped[str | None] = mapped_column(default=None)  # The first kilobyte.
    error: Mapped[str | None] = mapped_column(default=None)


class WebhookQueue(Base):
    """Deliveries of one webhook about one thing wait in it, and are sent one after the other.

    It is there while any waits. Whoever takes it, adds to it or ends it locks its row.
    """

    __tablename__ = "webhook_queues"
    __table_args__ = (Index(None, "webhook_id", "due_at", postgresql_where="due_at IS NOT NULL"),)

    webhook_id: Mapped[WebhookId] = mapped_column(ForeignKey("webhooks.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    # When it is next taken; until then a worker has it, if it has a lease. None: its webhook is
    # not active.
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    lease_id: Mapped[LeaseId | None] = mapped_column(default=None)


class WebhookFanout(Base):
    """The one row that says up to which number of the event log deliveries were written."""

    __tablename__ = "webhook_fanout"
    __table_args__ = (CheckConstraint("id = 1", "one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
