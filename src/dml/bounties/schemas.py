"""Shapes of bounties on the wire. An `Out` is what a client gets; the others are what it sends."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from dml.accounts.schemas import PublicName
from dml.algorithms.schemas import Tag
from dml.bounties.models import BountyState, Judging, Ties
from dml.bounties.rules import DISPUTE_SECONDS, DISPUTE_SECONDS_MAX, PRIZES_MAX
from dml.core.ids import BountyId, UserId
from dml.core.money import MAX, AmountIn, AmountOut, MicroTokens
from dml.core.wire import TEXT_MAX, Body, Moment, Prose, Text, Unique, Wire, example
from dml.edge.paging import SortedPaging
from dml.edge.timeline import UpcomingActionOut
from dml.scoring.names import MetricName

ENTRANT_NUMBER: Final = "Entrants are numbered from 1 on, in the order in which they enrolled."
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


def _check_prizes(prizes: list["PrizeCreate"]) -> list["PrizeCreate"]:
    if sorted(it.place for it in prizes) != list(range(1, len(prizes) + 1)):
        raise ValueError("must name each place from 1 on once")
    if sum(it.amount for it in prizes) > MAX:
        raise ValueError("are together more than can exist")
    return prizes


Line = Annotated[Text, AfterValidator(check_line)]
Seconds = Annotated[int, Field(ge=0, le=DISPUTE_SECONDS_MAX)]
TeamSize = Annotated[int, Field(ge=1, le=5)]
Fee = Annotated[AmountIn, AfterValidator(_check_fee)]


class PrizeCreate(Body):
    """The prize of a place."""

    place: int = Field(ge=1, le=PRIZES_MAX, description="1 is the first place.")
    amount: Annotated[AmountIn, AfterValidator(_check_positive)] = Field(description="In tokens.")


Prizes = Annotated[list[PrizeCreate], AfterValidator(_check_prizes)]
Tags = Annotated[list[Tag], Unique]


class SubmissionLimitsUpdate(Body):
    """How many submissions of one entrant are scored. Files that the check refuses do not count."""

    per_day: int = Field(5, ge=1, le=100, description="On one day of UTC.")
    concurrent: int = Field(3, ge=1, le=20, description="Under way at the same time.")
    total: int = Field(100, ge=1, le=10_000, description="In the whole bounty.")

    def columns(self) -> dict[str, Any]:
        return {f"submissions_{name}": getattr(self, name) for name in self.model_fields_set}


DESCRIPTION: Final = "What is asked for, and why. Markdown."
DATA: Final = "What the data is. Markdown."
EVALUATION: Final = "How submissions are judged. Markdown."
RULES: Final = "What each entrant must accept. Markdown."
JUDGING: Final = "How winners are found."
METRIC: Final = "The metric, with its version, where `judging` is `metric`; otherwise left out."
TIES: Final = "What becomes of the prizes of tied places."
PRIZE_TOTAL: Final = "A check: if it is sent, the prizes must sum to it. In tokens."
ENROLLMENT_FEE: Final = "What an entrant pays to enroll, in tokens: at most 1000000."
TEAM_SIZE_MAX: Final = "How many people one entrant may be, with the captain."
ENROLLS_AT: Final = "When enrollment opens."
SUBMITS_AT: Final = "When submissions begin, and enrollment ends."
CLOSES_AT: Final = "When submissions end."
JUDGED_BY: Final = (
    "By when winners must be found. If none are by then, it is put off once, by a day for a metric "
    "and by 7 days where it is judged by hand; after that the bounty is cancelled."
)
DISPUTED: Final = "How many seconds the order of the winners can be disputed before it is paid."

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


class BountyCreate(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Line = Field(max_length=200, description="What it is called, in one line.")
    organisation: Line = Field(max_length=200, description="Who offers the prizes, in one line.")
    subtitle: Line = Field("", max_length=300, description="What is to be done, in one line.")
    description: Prose = Field(max_length=TEXT_MAX, description=DESCRIPTION)
    data: Prose = Field("", max_length=TEXT_MAX, description=DATA)
    evaluation: Prose = Field("", max_length=TEXT_MAX, description=EVALUATION)
    rules: Prose = Field(max_length=TEXT_MAX, description=RULES)
    tags: Tags = Field([], max_length=TAGS_MAX, description="Words to find it by.")
    judging: Judging = Field(description=JUDGING)
    metric: MetricName | None = Field(None, description=METRIC)
    ties: Ties = Field(Ties.SHARE, description=TIES)
    prizes: Prizes = Field(
        min_length=1, max_length=PRIZES_MAX, description="For each place from 1 on, in any order."
    )
    prize_total: AmountIn | None = Field(None, description=PRIZE_TOTAL)
    enrollment_fee: Fee = Field(
        MicroTokens(0), description=ENROLLMENT_FEE, json_schema_extra={"default": "0"}
    )
    team_size_max: TeamSize = Field(1, description=TEAM_SIZE_MAX)
    limits: SubmissionLimitsUpdate = Field(
        SubmissionLimitsUpdate(), description="How many submissions of one entrant are scored."
    )
    enrolls_at: Moment = Field(description=ENROLLS_AT)
    submits_at: Moment = Field(description=SUBMITS_AT)
    closes_at: Moment = Field(description=CLOSES_AT)
    judged_by: Moment | None = Field(
        None,
        description=f"{JUDGED_BY} Without it: 2 days after `closes_at` for a metric, 14 days where "
        "it is judged by hand.",
    )
    dispute_seconds: Seconds = Field(DISPUTE_SECONDS, description=DISPUTED)


class BountyUpdate(Body):
    """What is to change: a field that is not sent stays as it is."""

    model_config = example(
        closes_at="2030-04-01T00:00:00Z", reason="Some of you asked for more time."
    )

    name: Line | None = Field(None, max_length=200, description="What it is called, in one line.")
    organisation: Line | None = Field(
        None, max_length=200, description="Who offers the prizes, in one line."
    )
    subtitle: Line | None = Field(
        None, max_length=300, description="What is to be done, in one line."
    )
    description: Prose | None = Field(None, description=DESCRIPTION)
    data: Prose | None = Field(None, description=DATA)
    evaluation: Prose | None = Field(None, description=EVALUATION)
    rules: Prose | None = Field(None, description=RULES)
    tags: Tags | None = Field(None, max_length=TAGS_MAX, description="Words to find it by.")
    judging: Judging | None = Field(None, description=JUDGING)
    metric: MetricName | None = Field(
        None, description="The metric, with its version; `null` where it is judged by hand."
    )
    ties: Ties | None = Field(None, description=TIES)
    prizes: Prizes | None = Field(
        None,
        min_length=1,
        max_length=PRIZES_MAX,
        description="All prizes anew: one for each place from 1 on, in any order.",
    )
    prize_total: AmountIn | None = Field(None, description=PRIZE_TOTAL)
    enrollment_fee: Fee | None = Field(None, description=ENROLLMENT_FEE)
    team_size_max: TeamSize | None = Field(None, description=TEAM_SIZE_MAX)
    limits: SubmissionLimitsUpdate | None = Field(
        None, description="Those of the limits that are to change."
    )
    enrolls_at: Moment | None = Field(None, description=ENROLLS_AT)
    submits_at: Moment | None = Field(None, description=SUBMITS_AT)
    closes_at: Moment | None = Field(None, description=CLOSES_AT)
    judged_by: Moment | None = Field(None, description=JUDGED_BY)
    dispute_seconds: Seconds | None = Field(None, description=DISPUTED)
    reason: Prose | None = Field(
        None,
        max_length=2_000,
        description="Why, shown to everybody. Needed once enrollment is open.",
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


Reason = Annotated[Prose, Field(max_length=2_000, description="Shown to everybody.")]


class BountyPause(Body):
    """Why a bounty is paused."""

    model_config = example(reason="The test set has an error, which we mend.")

    reason: Reason


class BountyCancellation(Body):
    """Why a bounty is cancelled."""

    model_config = example(reason="The data may no longer be used.")

    reason: Reason


class BountySort(StrEnum):
    """By what a list is sorted: the smallest or earliest first, with `-` the largest or latest."""

    CREATED = "created_at"
    CREATED_LAST = "-created_at"
    CLOSES = "closes_at"
    CLOSES_LAST = "-closes_at"
    POOL = "prize_pool"
    POOL_LARGEST = "-prize_pool"


class BountiesQuery(SortedPaging):
    state: BountyState | None = Field(None, description="Only bounties in this state.")
    tag: Tag | None = Field(None, description="Only bounties with this tag.")
    prize_min: AmountIn | None = Field(
        None, description="Only bounties whose prizes sum to this or more, in tokens."
    )
    closes_before: Moment | None = Field(
        None, description="Only bounties whose submissions end before this moment."
    )
    closes_after: Moment | None = Field(
        None, description="Only bounties whose submissions end at this moment or later."
    )
    mine: bool = Field(False, description="Only your own, in every state.")
    entered: bool = Field(False, description="Only those that you have entered.")
    q: Text | None = Field(
        None,
        max_length=200,
        description="Only bounties with these words in name, organisation, subtitle or "
        "description, as in a web search: `churn -phone`.",
    )
    sort: BountySort = Field(BountySort.CREATED_LAST, description="What to sort by.")


class PrizeOut(Wire):
    """The prize of a place."""

    place: int = Field(description="1 is the first place.")
    amount: AmountOut = Field(description="In tokens.")


class SubmissionLimitsOut(Wire):
    """How many submissions of one entrant are scored. Files that the check refuses do not count."""

    per_day: int = Field(description="On one day of UTC.")
    concurrent: int = Field(description="Under way at the same time.")
    total: int = Field(description="In the whole bounty.")


class BountyCountsOut(Wire):
    """How many took part so far."""

    entrants: int = Field(description="Without those who withdrew.")
    submissions: int = Field(
        description="Those that were scored; where it is judged by hand, those that were sent."
    )


class BountyEscrowOut(Wire):
    """What is held in escrow at this moment."""

    prizes: AmountOut = Field(description="Of the prizes, in tokens.")
    fees: AmountOut = Field(description="Of the enrollment fees, in tokens.")


class TestSetSummaryOut(Wire):
    """What everybody is told of the hidden test set once enrollment is open."""

    rows: int = Field(description="How many rows it has.")
    public_rows: int = Field(
        description="How many of them public scores are computed on; the others are kept for the "
        "final ranking."
    )
    classes: list[str] | None = Field(
        description="The classes to predict, in their order; `null` where numbers are predicted."
    )
    features: list[str] | None = Field(
        description="The columns that a submitted model gets; `null` where no models are taken."
    )
    commitment: str = Field(
        description="SHA-256 of the `salt`'s 32 bytes followed by the file, in hexadecimal digits: "
        "with the evidence of the ranking it proves that the test set was never changed."
    )
    salt: str | None = Field(
        description="32 bytes in hexadecimal digits; `null` until the ranking is out."
    )


class BountySummaryOut(Wire):
    """A contest with prizes, and how far it is, as lists show it: without its long texts."""

    id: BountyId
    owner_id: UserId = Field(description="The user who offers the prizes.")
    owner_name: PublicName
    state: BountyState
    name: str = Field(description="What it is called, in one line.")
    organisation: str = Field(description="Who offers the prizes, in one line.")
    subtitle: str = Field(description="What is to be done, in one line.")
    tags: list[str] = Field(description="Words to find it by.")
    judging: Judging = Field(description=JUDGING)
    metric: str | None = Field(
        description="The metric, with its version; `null` where it is judged by hand.",
        examples=["roc_auc.v1"],
    )
    ties: Ties = Field(description=TIES)
    prizes: list[PrizeOut] = Field(description="By place, the first one first.")
    prize_pool: AmountOut = Field(description="The sum of the prizes, in tokens.")
    enrollment_fee: AmountOut = Field(description="What an entrant pays to enroll, in tokens.")
    team_size_max: int = Field(description=TEAM_SIZE_MAX)
    limits: SubmissionLimitsOut
    enrolls_at: datetime = Field(description=ENROLLS_AT)
    submits_at: datetime = Field(description=SUBMITS_AT)
    closes_at: datetime = Field(description=CLOSES_AT)
    judged_by: datetime = Field(description=JUDGED_BY)
    dispute_seconds: int = Field(description=DISPUTED)
    created_at: datetime
    funded_at: datetime | None = Field(
        description="When its prizes were put into escrow; `null`: not yet."
    )
    disputes_until: datetime | None = Field(
        description="When the time for disputes ends, once winners are found."
    )
    paused_at: datetime | None = Field(description="Since when it is paused; `null`: it is not.")
    ended_at: datetime | None = Field(description="When it was finished or cancelled.")
    end_reason: str | None = Field(description="Why it was cancelled.")
    counts: BountyCountsOut
    escrow: BountyEscrowOut
    thumbnail_url: str | None = Field(description="Its small image: a path of this API.")
    cover_url: str | None = Field(description="Its large image: a path of this API.")
    next: list[UpcomingActionOut] = Field(description="What comes next. Empty where nothing does.")


class BountyOut(BountySummaryOut):
    """A contest with prizes, and how far it is."""

    description: str = Field(description=DESCRIPTION)
    data: str = Field(description=DATA)
    evaluation: str = Field(description=EVALUATION)
    rules: str = Field(description=RULES)
    rules_sha256: str = Field(description="SHA-256 of `rules` in UTF-8, to send when you enroll.")
    test_set: TestSetSummaryOut | None = Field(
        description="`null` where it is judged by hand, where none passed its check, and for "
        "others than its owner and moderators until enrollment opens."
    )


class BountyChangeOut(Wire):
    """One update of a bounty."""

    at: datetime = Field(description="When it was made.")
    reason: str | None = Field(description="Why, in the owner's words.")
    changes: dict[str, Any] = Field(
        description="By the name of the field, its value `before` and `after`.",
        examples=[{"closes_at": {"before": "2030-03-01T00:00:00+00:00", "after": "…"}}],
    )


class BountyChangeListOut(Wire):
    """All updates of a bounty since it was funded."""

    items: list[BountyChangeOut] = Field(description="Oldest first: 100 at most.")


def amounts(prizes: list[PrizeCreate]) -> list[MicroTokens]:
    """The prizes by place, the first one first."""
    return [it.amount for it in sorted(prizes, key=lambda it: it.place)]
