"""What came out of it all, and what must be true of that. Pure: no network, no clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

Counts = Mapping[str, int]
ERROR_PERCENT_MAX: Final = Decimal(10)
TOLD_MIN: Final = Decimal("0.95")  # What four owners or fewer had of the rest is told to nobody.
NOTHING: Final = Decimal(0)


@dataclass(frozen=True)
class Truth:
    """What only this demo can know, as it made up the photos."""

    photos: int
    labels: Counts
    months: Counts
    undated: int


@dataclass(frozen=True)
class Answer:
    """What the customer got."""

    state: str
    accepted: int  # Results that were counted and paid.
    shown: int  # How many of them the counts hold.
    items: int
    labels: Counts
    uncertain: int
    months: Mapping[str, Counts]
    undated: int
    other_months: Counts  # Items whose month, or whose label, too few owners had.
    other: int

    @classmethod
    def read(cls, results: Mapping[str, Any]) -> "Answer":
        """Read `/v1/jobs/{id}/results`, where counts are `null` while too few took part."""
        return cls(
            state=results["state"],
            accepted=results["devices_done"],
            shown=results["devices_shown"],
            items=results["items"] or 0,
            labels=results["labels"] or {},
            uncertain=results["uncertain"] or 0,
            months={it["month"]: it["labels"] for it in results["months"] or []},
            undated=results["undated"] or 0,
            other_months=results["other_months"] or {},
            other=results["other"] or 0,
        )


@dataclass(frozen=True)
class Price:
    """What each result costs, fixed when the job was created."""

    reward: Decimal
    device_fee: Decimal
    platform_fee: Decimal

    @property
    def whole(self) -> Decimal:
        return self.reward + self.device_fee + self.platform_fee


@dataclass(frozen=True)
class Money:
    """What everybody has in the end, and the books. Before, the customer alone had something."""

    credited: Decimal
    customer: Decimal
    owners: Sequence[Decimal]
    developer: Decimal
    books: Mapping[str, Decimal]  # sum, chain, wallets, escrows, revenue

    @property
    def device_owners(self) -> Decimal:
        return sum(self.owners, NOTHING)

    @property
    def platform(self) -> Decimal:
        return self.books["revenue"]


@dataclass(frozen=True)
class Outcome:
    """Everything that is shown and checked."""

    devices: int
    truth: Truth
    answer: Answer
    price: Price
    money: Money

    @property
    def error_percent(self) -> Decimal:
        """How far the counts are from the truth: the sum of all differences, in photos of 100.

        Without photos whose label is kept back, for too few people had it: that is no mistake.
        """
        differences = sum(
            abs(self.answer.labels.get(label, 0) - count)
            for label, count in self.truth.labels.items()
        )
        told = sum(self.answer.labels.values()) + self.answer.uncertain
        kept_back = max(0, self.truth.photos - told)
        wrong = max(0, differences - kept_back)
        return (Decimal(100 * wrong) / self.truth.photos).quantize(Decimal("0.01"))


def faults(it: Outcome) -> list[str]:
    """What is not as it must be."""
    return [*_faults_of_counts(it), *_faults_of_payments(it), *_faults_of_books(it.money)]


def _faults_of_counts(it: Outcome) -> Iterator[str]:
    answer = it.answer
    labelled = sum(answer.labels.values())
    dated = sum(sum(counts.values()) for counts in answer.months.values())
    if answer.state != "completed":
        yield f"the job is {answer.state}, not completed"
    yield from unequal("accepted results", answer.accepted, "devices", it.devices)
    yield from unequal("results in the counts", answer.shown, "devices", it.devices)
    if not it.truth.photos * TOLD_MIN <= answer.items <= it.truth.photos:
        yield f"items: {answer.items} are told of {it.truth.photos} photos"
    told = labelled + answer.uncertain + answer.other
    yield from unequal("labels + uncertain", told, "items", answer.items)
    elsewhere = sum(answer.other_months.values())
    yield from unequal("months + undated", dated + answer.undated + elsewhere, "labels", labelled)
    if unknown := answer.labels.keys() - it.truth.labels.keys():
        yield f"labels that the model does not have: {', '.join(sorted(unknown))}"
    if unknown := answer.months.keys() - it.truth.months.keys():
        yield f"months without any photo: {', '.join(sorted(unknown))}"
    if answer.undated > it.truth.undated:
        yield f"{answer.undated} undated items, but {it.truth.undated} undated photos"
    if it.error_percent > ERROR_PERCENT_MAX:
        yield f"the error is {it.error_percent} %, more than {ERROR_PERCENT_MAX} %"


def _faults_of_payments(it: Outcome) -> Iterator[str]:
    money, price, n = it.money, it.price, it.devices
    for owner, earned in enumerate(money.owners, 1):
        yield from unequal(f"what owner {owner} earned", earned, "the reward", price.reward)
    pairs = (
        ("what the owners earned", money.device_owners, "reward × devices", price.reward * n),
        ("what the developer earned", money.developer, "fee × devices", price.device_fee * n),
        ("what the platform earned", money.platform, "fee × devices", price.platform_fee * n),
        (
            "what the customer paid",
            money.credited - money.customer,
            "price × devices",
            price.whole * n,
        ),
    )
    for pair in pairs:
        yield from unequal(*pair)


def _faults_of_books(money: Money) -> Iterator[str]:
    books = money.books
    wallets = money.customer + money.device_owners + money.developer
    parts = sum((books[name] for name in ("chain", "wallets", "escrows", "revenue")), NOTHING)
    yield from unequal("the sum of the ledger", books["sum"], "zero", NOTHING)
    yield from unequal("the sum of its accounts", parts, "zero", NOTHING)
    yield from unequal("what is left in escrow", books["escrows"], "zero", NOTHING)
    yield from unequal("the chain", books["chain"], "what was credited, negated", -money.credited)
    yield from unequal("all wallets", books["wallets"], "those of the cast", wallets)


def unequal(what: str, found: Decimal | int, wanted: str, value: Decimal | int) -> Iterator[str]:
    """Say in words that two amounts are not the same, where they are not."""
    if found != value:
        yield f"{what}: {found}, but {wanted}: {value}"
