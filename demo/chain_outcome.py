"""What came in from the chain and went out to it, and what must be true of that. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from demo.outcome import NOTHING, unequal


@dataclass(frozen=True)
class Withdrawn:
    """What one owner had here, and what was in an own wallet on the chain after."""

    earned: Decimal
    arrived: Decimal
    left: Decimal  # Of it, in here.


@dataclass(frozen=True)
class OnChain:
    """The chain and the books in the end."""

    seconds: float  # How long somebody waited for the chain.
    deposited: Decimal
    owners: Sequence[Withdrawn]
    vault: Decimal  # Read from the chain.
    ledger_chain: Decimal  # Read from the books.
    complaints: Sequence[str]  # Of `dml doctor`.

    @property
    def withdrawn(self) -> Decimal:
        """What arrived, read from the chain."""
        return sum((it.arrived for it in self.owners), NOTHING)

    def as_json(self) -> dict[str, Any]:
        """The same for programs. Amounts are decimal strings, in tokens."""
        return {
            "seconds": self.seconds,
            "deposited": _plain(self.deposited),
            "withdrawn": _plain(self.withdrawn),
            "vault": _plain(self.vault),
            "ledger_chain": _plain(self.ledger_chain),
        }


def faults(it: OnChain) -> Iterator[str]:
    """What is not as it must be."""
    yield from unequal("the vault holds", it.vault, "the books say", -it.ledger_chain)
    inside = it.deposited - it.withdrawn
    yield from unequal("the vault holds", it.vault, "deposited less withdrawn", inside)
    for n, owner in enumerate(it.owners, 1):
        yield from unequal(f"owner {n}'s wallet", owner.arrived, "what was earned", owner.earned)
        yield from unequal(f"what owner {n} has left", owner.left, "zero", NOTHING)
    if it.withdrawn == NOTHING:
        yield "nothing was withdrawn"
    yield from (f"the doctor complains: {complaint}" for complaint in it.complaints)


def _plain(amount: Decimal) -> str:
    """Whole tokens without trailing zeros, and never in scientific notation."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
