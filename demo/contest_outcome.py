"""What came out of the bounty, and what must be true of that. Pure: no network, no clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from demo.outcome import NOTHING, unequal

GUESSER: Final = "coin"
COPIER: Final = "copycat"
CHANCE: Final = 0.5  # The area under the ROC curve of somebody who knows nothing.
GUESSER_GAIN_MAX: Final = 0.25  # One guess in 110 rows is off by 0.06, as one standard deviation.


@dataclass(frozen=True)
class Contest:
    """The final board, and what everybody has in the end."""

    seconds: float
    board: Sequence[Mapping[str, Any]]
    state: str
    pool: Decimal
    fee: Decimal
    earned: Mapping[str, Decimal]  # By entrant: what each has, who began with the fee alone.
    owner_spent: Decimal
    escrow_left: Decimal
    verified: bool
    checks: int
    random_gain: float
    copies_flagged: int
    url: str

    @property
    def entrants(self) -> int:
        return len(self.earned)

    @property
    def paid(self) -> Decimal:
        return sum(self.earned.values(), NOTHING)

    def as_json(self) -> dict[str, Any]:
        """The same for programs. Amounts are decimal strings."""
        return {
            "page": self.url,
            "seconds": self.seconds,
            "entrants": self.entrants,
            "paid": f"{self.paid.normalize():f}",
            "escrow_left": f"{self.escrow_left.normalize():f}",
            "verified": self.verified,
            "random_gain": round(self.random_gain, 5),
            "copies_flagged": self.copies_flagged,
        }


def faults(it: Contest) -> Iterator[str]:
    """What is not as it must be."""
    prizes = {row["name"]: Decimal(row["prize"] or 0) for row in it.board}
    if it.state != "finished":
        yield f"the bounty is {it.state}, not finished"
    yield from unequal("what entrants earned", it.paid, "the prizes", sum(prizes.values(), NOTHING))
    for name, earned in it.earned.items():
        yield from unequal(f"what {name} earned", earned, "the prize", prizes.get(name, NOTHING))
    fees = it.fee * it.entrants
    yield from unequal("what the owner spent", it.owner_spent, "prizes less fees", it.paid - fees)
    yield from unequal("what is left in escrow", it.escrow_left, "zero", NOTHING)
    if it.paid > it.pool or it.paid == NOTHING:
        yield f"{it.paid} tokens were paid of {it.pool}"
    if COPIER in prizes:
        yield "who copied is still on the board"
    if it.copies_flagged != 1:
        yield f"{it.copies_flagged} pairs of entrants were shown to moderators, and not one"
    if it.random_gain > GUESSER_GAIN_MAX:
        yield f"who only guessed gained {it.random_gain}"
    if not it.verified:
        yield "the verifier does not agree"
