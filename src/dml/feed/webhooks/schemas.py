"""The shapes of webhooks on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from dml.core.event_feed import Log
from dml.core.ids import DeliveryId, WebhookId
from dml.core.wire import Body, Moment, Text, Unique, Wire, example
from dml.edge.paging import Page, Paging
from dml.feed.schemas import PositionIn, read_types
from dml.feed.webhooks.models import Webhook, WebhookDelivery
from dml.feed.webhooks.service import Replayed
from dml.feed.webhooks.states import DeliveryState, WebhookState

URL_MAX: Final = 2_000
TYPES_MAX: Final = 100
_URL: Final = "https://example.org/dml"
TYPES: Final = (
    "Only events of these types, such as `job.completed`, or all of one kind, `job.*`. Empty: all "
    "that you may see."
)


def _check_type(name: str) -> str:
    read_types(name)
    return name


TypeIn = Annotated[Text, AfterValidator(_check_type)]
TypesIn = Annotated[list[TypeIn], Unique]


class WebhookCreate(Body):
    model_config = example(url=_URL, types=["job.*", "withdrawal.paid"])

    url: Text = Field(
        max_length=URL_MAX, description="What to call, by POST: an `https` URL, on the internet."
    )
    types: TypesIn = Field(default_factory=list, max_length=TYPES_MAX, description=TYPES)


class WebhookUpdate(Body):
    model_config = example(paused=True)

    url: Text = Field("", max_length=URL_MAX, description="What to call from now on.")
    types: TypesIn = Field(default_factory=list, max_length=TYPES_MAX, description=TYPES)
    paused: bool = Field(
        False,
        description="Whether events wait instead of being sent. `false` makes a disabled webhook "
        "active again, too.",
    )


class WebhookReplay(Body):
    model_config = example(since="2027-01-31T12:00:00Z")

    delivery_id: DeliveryId | None = Field(None, description="The event of this delivery.")
    after: PositionIn | None = Field(
        None, description="Or all events after this position: an event's id, or `position`."
    )
    since: Moment | None = Field(None, description="Or all that happened at this time or later.")

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if [self.delivery_id, self.after, self.since].count(None) != 2:
            raise ValueError("must have one of `delivery_id`, `after` and `since`")
        return self


class WebhookOut(Wire):
    """A URL that is called with events."""

    id: WebhookId
    url: str = Field(description="What is called, by POST.", examples=[_URL])
    types: list[str] = Field(description=TYPES, examples=[["job.*"]])
    state: WebhookState = Field(description="Whether events are sent.")
    created_at: datetime = Field(description="When it was created.")
    previous_secret_until: datetime | None = Field(
        description="Until when the secret before this one signs, too; `null` if none does."
    )


class WebhookWithSecretOut(WebhookOut):
    """A webhook with its secret, which is shown this once."""

    secret: str | None = Field(
        description="What each call is signed with (HMAC-SHA256, Standard Webhooks). `null` where "
        "an `Idempotency-Key` repeats the answer: if you lost it, rotate it.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class WebhookDeliveryOut(Wire):
    """An event that is sent to a webhook, and how its last attempt went."""

    id: DeliveryId
    event_id: str = Field(description="The event's id, which each attempt has as `webhook-id`.")
    type: str = Field(description="The event's type.", examples=["job.completed"])
    state: DeliveryState = Field(description="Whether the URL took it.")
    is_replay: bool = Field(description="Whether you asked for it once more.")
    created_at: datetime = Field(description="When it was written, to be sent.")
    attempts: int = Field(description="How often it was tried.")
    attempted_at: datetime | None = Field(description="When it was tried last.")
    next_attempt_at: datetime | None = Field(
        description="Not before this is it tried again, and not before those about the same thing."
    )
    status: int | None = Field(description="The status of the last answer (HTTP).", examples=[204])
    latency_ms: int | None = Field(description="How many milliseconds the last answer took.")
    answer: str | None = Field(description="The first kilobyte of the last answer.")
    error: str | None = Field(description="Why there was no answer.")


class DeliveriesPaging(Paging):
    state: DeliveryState | None = Field(None, description="Only deliveries in this state.")


class WebhookReplayedOut(Wire):
    """What is sent once more."""

    deliveries: int = Field(description="How many deliveries were written, to be sent.")
    position: str = Field(description="Up to where: for `after`, where there is more.")
    has_more: bool = Field(description="Whether there may be more events, after `position`.")


def with_secret(made: tuple[Webhook, str]) -> WebhookWithSecretOut:
    webhook, secret = made
    shown = WebhookOut.model_validate(webhook)
    return WebhookWithSecretOut(**dict(shown), secret=secret)


def deliveries_page(
    paging: DeliveriesPaging, log: Log, rows: Sequence[WebhookDelivery]
) -> Page[WebhookDeliveryOut]:
    return paging.page(WebhookDeliveryOut, [delivery_out(log, it) for it in rows])


def delivery_out(log: Log, row: WebhookDelivery) -> WebhookDeliveryOut:
    names = WebhookDeliveryOut.model_fields.keys() - {"event_id"}
    fields = {name: getattr(row, name) for name in names}
    return WebhookDeliveryOut(**fields, event_id=log.position(row.number).write())


def replay_out(log: Log, done: Replayed) -> WebhookReplayedOut:
    return WebhookReplayedOut(
        deliveries=done.deliveries,
        position=log.position(done.number).write(),
        has_more=done.has_more,
    )
