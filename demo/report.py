"""What is shown in the end: counts beside the truth, the months, who earned what, the books."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.markup import escape
from rich.table import Table

from demo.clock import Clock
from demo.contest_outcome import Contest
from demo.outcome import Outcome
from demo.place import PICTURE
from demo.screen import Screen, bar
from demo.story import Story


def as_json(
    story: Story,
    clock: Clock,
    cpu_seconds: Mapping[str, float],
    faults: Sequence[str],
) -> dict[str, Any]:
    """The same for programs. Amounts are decimal strings."""
    it = story.outcome
    answer, money = it.answer, it.money
    return {
        "ok": not faults,
        "faults": list(faults),
        "devices": it.devices,
        "accepted": answer.accepted,
        "photos": it.truth.photos,
        "items": answer.items,
        "totals": dict(answer.labels),
        "truth": dict(sorted(it.truth.labels.items())),
        "error_percent": float(it.error_percent),
        "uncertain": answer.uncertain,
        "undated": answer.undated,
        "months": {month: dict(labels) for month, labels in answer.months.items()},
        "earned": {
            "device_owners": tokens(money.device_owners),
            "developer": tokens(money.developer),
            "platform": tokens(money.platform),
        },
        "paid": tokens(money.credited - money.customer),
        "ledger_sum": tokens(money.books["sum"]),
        "escrow_left": tokens(money.books["escrows"]),
        "bounty": story.contest.as_json(),
        "chain": story.on_chain.as_json(),
        "picture": str(PICTURE),
        "seconds": clock.seconds,
        "cpu_seconds": dict(cpu_seconds),
        "timings": clock.parts,
    }


def show(screen: Screen, story: Story, clock: Clock, faults: Sequence[str]) -> None:
    """The same for people."""
    it, contest, on_chain = story.outcome, story.contest, story.on_chain
    console = screen.console
    console.print()
    console.print(_labels(it))
    answer = it.answer
    console.print(
        f"\n{answer.items} items on {it.devices} devices, {answer.uncertain} uncertain, "
        f"{answer.undated} undated; the counts are {it.error_percent} % off the truth.\n"
    )
    console.print(_months(it))
    console.print()
    console.print(_earnings(it))
    books = it.money.books
    console.print(
        f"\nThe books: sum {tokens(books['sum'])}, in escrow {tokens(books['escrows'])}, "
        f"in wallets {tokens(books['wallets'])}, the platform's {tokens(books['revenue'])}, "
        f"from outside {tokens(-books['chain'])}."
    )
    console.print(f"As a picture: {PICTURE}\n", markup=False)
    console.print(_contest(contest))
    checked = "all hold" if contest.verified else "NOT all hold"
    console.print(
        f"\nThe bounty: {contest.entrants} entrants, {tokens(contest.paid)} tokens of prizes paid; "
        f"{contest.checks} checks by public data alone: {checked}. Who only guessed gained "
        f"{contest.random_gain:+.3f} on the public board; copies found: {contest.copies_flagged}.\n"
    )
    console.print(
        f"The chain: {tokens(on_chain.deposited)} tokens paid in, {tokens(on_chain.withdrawn)} "
        f"paid out to {len(on_chain.owners)} wallets. The vault holds {tokens(on_chain.vault)}; "
        f"the books say {tokens(-on_chain.ledger_chain)}. Waited for it: {on_chain.seconds} s.\n"
    )
    for fault in faults:
        console.print(f"[bold red]Not as it must be:[/] {escape(fault)}")
    parts = ", ".join(f"{name} {seconds}" for name, seconds in clock.parts.items())
    screen.say(f"Done. [dim]Some parts at the same time: {parts}[/]")


def tokens(amount: Decimal) -> str:
    """Whole tokens without trailing zeros, and never in scientific notation."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for n, column in enumerate(columns):
        table.add_column(column, justify="right" if n else "left")
    return table


def _labels(it: Outcome) -> Table:
    table = _table("What is on people's photos", "label", "counted", "truth", "error")
    for label, count in sorted(it.truth.labels.items()):
        counted = it.answer.labels.get(label, 0)
        table.add_row(label, str(counted), str(count), f"{counted - count:+d}")
    return table


def _months(it: Outcome) -> Table:
    table = Table(title="When they were taken", title_justify="left", title_style="bold", box=None)
    table.add_column("month")
    table.add_column("counted", justify="right")
    table.add_column("truth", justify="right")
    table.add_column("")
    most = max(it.truth.months.values())
    for month, count in sorted(it.truth.months.items()):
        counted = sum(it.answer.months.get(month, {}).values())
        table.add_row(month, str(counted), str(count), bar(counted, most))
    return table


def _contest(it: Contest) -> Table:
    table = _table(
        "Is it malignant? The final board", "place", "entrant", "score", "tied", "first", "prize"
    )
    for row in it.board:
        tied = "" if row["tied_from"] == row["tied_to"] else f"{row['tied_from']}–{row['tied_to']}"
        chance = row["chance_of_first"]
        first = "" if chance is None else f"{chance:.0%}"
        prize = tokens(Decimal(row["prize"] or 0))
        table.add_row(str(row["rank"]), row["name"], f"{row['score']:.4f}", tied, first, prize)
    return table


def _earnings(it: Outcome) -> Table:
    table = _table("Who earned what", "role", "for each device", "tokens")
    price, money = it.price, it.money
    rows = (
        ("device owners", price.reward, money.device_owners),
        ("developer", price.device_fee, money.developer),
        ("platform", price.platform_fee, money.platform),
    )
    for role, each, earned in rows:
        table.add_row(role, tokens(each), tokens(earned))
    table.add_section()
    table.add_row("the customer paid", tokens(price.whole), tokens(money.credited - money.customer))
    return table
