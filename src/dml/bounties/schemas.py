"""Shapes of bounties on the wire. An `In` is what a client may send; an `Out` is what it gets."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from dml.algorithms.schemas import Tag
from dml.bounties.models import AttachmentKind, BountyState, Judging, Ties
from dml.bounties.rules import DISPUTE_SECONDS, DISPUTE_SECONDS_MAX, PRIZES_MAX
from dml.core.ids import AttachmentId, BountyId, UserId
from dml.core.money import MAX, AmountIn, AmountOut, MicroTokens
from dml.core.wire import TEXT_MAX, Body, Moment, Text, Unique, Wire, example
from dml.edge.paging import SortedPaging
from dml.edge.timeline import UpcomingActionOut
from dml.scoring.names import MetricName

TAGS_MAX: Final = 20
FEE_MAX: Final = MicroTokens(10**12)


def check_line(text: str) -> str:
    """Refuse line ends and other control characters: a name is shown in one line."""
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


def _check_positive(amount: MicroTokens) -> MicroTokens:
    if amount <= 0:
        raise ValueError("must be more than 0")
    return amount


def _check_fee(amount: MicroTokens) -> MicroTokens:
    if amount > FEE_MAX:
        raise ValueError("must be at most 1000000 tokens")
    return amount


def _check_prizes(prizes: list["PrizeIn"]) -> list["PrizeIn"]:
    if sorted(it.place for it in prizes) != list(range(1, len(prizes) + 1)):
        raise ValueError("must name each place from 1 on once")
    if sum(it.amount for it in prizes) > MAX:
        raise ValueError("are together more than can exist")
    return prizes


Line = Annotated[Text, AfterValidator(check_line)]
Seconds = Annotated[int, Field(ge=0, le=DISPUTE_SECONDS_MAX)]
TeamSize = Annotated[int, Field(ge=1, le=5)]
Fee = Annotated[AmountIn, AfterValidator(_check_fee)]


class PrizeIn(Body):
    place: int = Field(ge=1, le=PRIZES_MAX)
    amount: Annotated[AmountIn, AfterValidator(_check_positive)]


Prizes = Annotated[list[PrizeIn], AfterValidator(_check_prizes)]
Tags = Annotated[list[Tag], Unique]


class LimitsIn(Body):
    """How many submissions of one entrant are scored. Files that are refused do not count."""

    a_day: int = Field(5, ge=1, le=100)
    at_once: int = Field(3, ge=1, le=20)
    in_all: int = Field(100, ge=1, le=10_000)

    def columns(self) -> dict[str, Any]:
        return {f"submissions_{name}": getattr(self, name) for name in self.model_fields_set}


EXAMPLE: Final[dict[str, Any]] = {
    "name": "Who will cancel?",
    "organisation": "Example Telecom",
    "subtitle": "Find the customers who will leave next month.",
    "description": "We lose one customer in twenty each month, and would like to know whom.",
    "rules": "One account each. Models and code stay yours; we may use what wins.",
    "tags": ["churn", "tabular"],
    "judging": "metric",
    "metric": "roc_auc.v1",
    "prizes": [{"place": 1, "amount": "1000"}, {"place": 2, "amount": "500"}],
    "enrollment_fee": "0",
    "enrolls_at": "2030-01-01T00:00:00Z",
    "submits_at": "2030-01-15T00:00:00Z",
    "closes_at": "2030-03-01T00:00:00Z",
}


class BountyIn(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Line = Field(max_length=200)
    organisation: Line = Field(max_length=200)
    subtitle: Line = Field("", max_length=300)
    description: Text = Field(max_length=TEXT_MAX, description="Markdown.")
    data: Text = Field("", max_length=TEXT_MAX, description="Markdown: what the data is.")
    evaluation: Text = Field("", max_length=TEXT_MAX, description="Markdown: how it is judged.")
    rules: Text = Field(max_length=TEXT_MAX, description="What each entrant must accept.")
    tags: Tags = Field([], max_length=TAGS_MAX)
    judging: Judging = Field(description="By a metric on a hidden test set, or by yourself.")
    metric: MetricName | None = Field(None, description="With `judging: metric` only.")
    ties: Ties = Field(Ties.SHARE, description="Whether tied places pool their prizes.")
    prizes: Prizes = Field(min_length=1, max_length=PRIZES_MAX)
    prize_total: AmountIn | None = Field(None, description="If sent, the prizes must sum to it.")
    enrollment_fee: Fee = MicroTokens(0)
    team_size_max: TeamSize = 1
    limits: LimitsIn = LimitsIn()
    enrolls_at: Moment
    submits_at: Moment = Field(description="Submissions begin, and enrollment ends.")
    closes_at: Moment = Field(description="Submissions end.")
    judged_by: Moment | None = Field(
        None,
        description="Without winners by then it is tried once more, then cancelled. By default 2 "
        "days after `closes_at` for a metric, 14 days where it is judged by hand.",
    )
    dispute_seconds: Seconds = Field(
        DISPUTE_SECONDS, description="How long the order can be disputed before it is paid."
    )


class BountyEditIn(Body):
    """What is named is changed; nothing else is."""

    model_config = example(
        closes_at="2030-04-01T00:00:00Z", reason="Some of you asked for more time."
    )

    name: Line | None = Field(None, max_length=200)
    organisation: Line | None = Field(None, max_length=200)
    subtitle: Line | None = Field(None, max_length=300)
    description: Text | None = None
    data: Text | None = None
    evaluation: Text | None = None
    rules: Text | None = None
    tags: Tags | None = Field(None, max_length=TAGS_MAX)
    judging: Judging | None = None
    metric: MetricName | None = Field(None, description="`null` where it is judged by hand.")
    ties: Ties | None = None
    prizes: Prizes | None = Field(None, min_length=1, max_length=PRIZES_MAX)
    prize_total: AmountIn | None = None
    enrollment_fee: Fee | None = None
    team_size_max: TeamSize | None = None
    limits: LimitsIn | None = None
    enrolls_at: Moment | None = None
    submits_at: Moment | None = None
    closes_at: Moment | None = None
    judged_by: Moment | None = None
    dispute_seconds: Seconds | None = None
    reason: Text | None = Field(
        None, max_length=2_000, description="Shown to everybody; needed once enrollment is open."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _check_sent(cls, value: Any, info: Any) -> Any:
        if value is None and info.field_name != "metric":
            raise ValueError("must not be null: leave it out to keep it")
        return value

    def columns(self) -> dict[str, Any]:
        """What is to change, as columns hold it."""
        apart = {"prizes", "prize_total", "limits", "reason"}
        found = {name: getattr(self, name) for name in self.model_fields_set - apart}
        if self.prizes is not None:
            found["prizes"] = amounts(self.prizes)
        return found | (self.limits.columns() if self.limits else {})


class ReasonIn(Body):
    model_config = example(reason="The test set has an error, which we mend.")

    reason: Text = Field(max_length=2_000, description="Shown to everybody.")


class BountySort(StrEnum):
    CREATED = "created_at"
    CREATED_LAST = "-created_at"
    CLOSES = "closes_at"
    CLOSES_LAST = "-closes_at"
    POOL = "prize_pool"
    POOL_LARGEST = "-prize_pool"


class BountiesWanted(SortedPaging):
    state: BountyState | None = None
    tag: Tag | None = None
    prize_min: AmountIn | None = Field(None, description="The least that all prizes are together.")
    closes_before: Moment | None = None
    closes_after: Moment | None = Field(None, description="At this moment, or later.")
    mine: bool = Field(False, description="Your own, in every state.")
    entered: bool = Field(False, description="Those that you have entered.")
    q: Text | None = Field(
        None, max_length=200, description="Words, in the manner of a web search: `churn -phone`."
    )
    sort: BountySort = BountySort.CREATED_LAST


class PrizeOut(Wire):
    place: int
    amount: AmountOut


class LimitsOut(Wire):
    a_day: int
    at_once: int
    in_all: int


class CountsOut(Wire):
    entrants: int
    submissions: int = Field(description="That were scored, or handed in where nothing is scored.")


class EscrowOut(Wire):
    prizes: AmountOut = Field(description="What is held of the prizes.")
    fees: AmountOut = Field(description="What is held of the enrollment fees.")


class TestSetFactsOut(Wire):
    """What is told of the hidden test set, from the opening on."""

    rows: int
    public_rows: int = Field(description="Of them, those that the public board is scored on.")
    classes: list[str] | None
    features: list[str] | None = Field(description="What a submitted model gets, by name.")
    commitment: str = Field(description="SHA-256 of salt and file, in hexadecimal digits.")
    salt: str | None = Field(description="In hexadecimal digits, once the ranking is out.")


class BountyOut(Wire):
    id: BountyId
    owner_id: UserId
    state: BountyState
    name: str
    organisation: str
    subtitle: str
    description: str
    data: str
    evaluation: str
    rules: str
    rules_sha256: str
    tags: list[str]
    judging: Judging
    metric: str | None
    ties: Ties
    prizes: list[PrizeOut]
    prize_pool: AmountOut
    enrollment_fee: AmountOut
    team_size_max: int
    limits: LimitsOut
    enrolls_at: datetime
    submits_at: datetime
    closes_at: datetime
    judged_by: datetime
    dispute_seconds: int
    created_at: datetime
    funded_at: datetime | None
    disputes_until: datetime | None
    paused_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    counts: CountsOut
    escrow: EscrowOut
    test_set: TestSetFactsOut | None
    thumbnail_url: str | None
    cover_url: str | None
    next: list[UpcomingActionOut]


class ChangeOut(Wire):
    at: datetime
    reason: str | None
    changes: dict[str, Any] = Field(
        examples=[{"closes_at": {"before": "2030-03-01T00:00:00+00:00", "after": "…"}}]
    )


class ChangesOut(Wire):
    items: list[ChangeOut] = Field(description="All of them, oldest first: 100 at most.")


class AttachmentOut(Wire):
    id: AttachmentId
    bounty_id: BountyId
    kind: AttachmentKind
    name: str
    media_type: str
    sha256: str
    size: int = Field(description="In bytes.")
    url: str
    created_at: datetime


class AttachmentsOut(Wire):
    items: list[AttachmentOut] = Field(description="All of them, oldest first: 50 at most.")


def amounts(prizes: list[PrizeIn]) -> list[MicroTokens]:
    """The prizes by place, the first one first."""
    return [it.amount for it in sorted(prizes, key=lambda it: it.place)]
