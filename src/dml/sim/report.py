"""Shows the result: tables, and pictures in characters and as SVG.

The SVG is written by hand: a plotting library is a hundred megabytes, and this is a page.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from rich.console import Console
from rich.table import Table

from dml.core.money import render
from dml.sim.answers import LabelTold
from dml.sim.figures import LOST
from dml.sim.outcome import VERBS, SimulationResult, faults

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_WIDTH: Final = 64
_ROWS: Final = 6


def show(console: Console, it: SimulationResult) -> None:
    """Print the tables, the picture, and what is wrong."""
    console.print()
    console.print(_requests(it))
    console.print()
    for line in picture(it.pairs_by_second, "pairs a second"):
        console.print(line, markup=False)
    console.print()
    console.print(_figures(it))
    console.print()
    if it.labels:
        console.print(_labels(it))
        console.print()
    for fault in faults(it):
        console.print(f"[red]✗[/] {fault}")


def _requests(it: SimulationResult) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for name in ("request", "answered", "refused", "lost", "p50 ms", "p99 ms"):
        table.add_column(name, justify="left" if name == "request" else "right")
    for verb in VERBS:
        if verb not in it.run.verbs:
            continue
        figures = it.run.verbs[verb]
        lost = figures.statuses[LOST]
        p50, p99 = figures.quantiles(0.5, 0.99)
        table.add_row(
            verb,
            f"{figures.succeeded:,}",
            f"{figures.refused - lost:,}",
            f"{lost:,}",
            f"{1e3 * p50:,.1f}",
            f"{1e3 * p99:,.1f}",
        )
    return table


def _labels(it: SimulationResult) -> Table:
    exact = it.epsilon is None
    title = "exact" if exact else f"with noise, epsilon {it.epsilon:g}"
    table = Table(
        title=f"The first job's answer, {title}",
        title_justify="left",
        title_style="",
        box=None,
        padding=(0, 2),
        pad_edge=False,
    )
    table.add_column("label")
    names = ("truth", "answer") if exact else ("truth", "answer", "95 % interval", "holds it")
    for name in names:
        table.add_column(name, justify="right")
    for told in it.labels:
        table.add_row(*_row(told))
    return table


def _row(it: LabelTold) -> Iterator[str]:
    yield it.label
    yield "not known" if it.truth is None else f"{it.truth:,}"
    yield f"{it.value:,}"
    if it.interval is not None:
        yield "{:,} to {:,}".format(*it.interval)
        yield "" if it.is_covered is None else "yes" if it.is_covered else "no"


def _figures(it: SimulationResult) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=False, show_header=False)
    for name, value in _lines(it):
        table.add_row(name, value)
    return table


def _lines(it: SimulationResult) -> Iterator[tuple[str, str]]:
    run, pay = it.run, it.pay
    yield (
        "pairs of claim and result",
        f"{it.pairs:,} in {run.wall_seconds:,.1f} s: {it.pairs_a_second:,.0f} a second, "
        f"{it.peak_pairs_a_second:,} at best",
    )
    yield (
        "the simulator's own processor time",
        f"{run.cpu_seconds:,.1f} s: {run.cpu_microseconds_a_request:,.0f} µs a request",
    )
    yield "accepted → counted and paid", "p50 {:.2f} s, p99 {:.2f} s".format(*it.folded_age)
    yield "accepted → visible", "p50 {:.2f} s, p99 {:.2f} s".format(*it.visible_age)
    for part, seconds in it.time_to.items():
        reached = "not reached" if seconds is None else f"after {seconds:,.1f} s"
        yield f"{part} % of the first job's answer", reached
    if it.error_percent is not None:
        yield "its error against the truth", f"{it.error_percent:.2f} % of the items"
    held = [told.is_covered for told in it.labels if told.is_covered is not None]
    if held:
        yield (
            "intervals that hold the truth",
            f"{sum(held)} of {len(held)}; each does in 95 of 100 cases",
        )
    if it.events:
        events = ", ".join(f"{what} {count:,}" for what, count in sorted(it.events.items()))
        yield "devices also", events
    yield (
        "paid to owners",
        f"{render(pay.rewarded)} tokens for {it.folded:,} results, {it.waiting:,} wait",
    )
    yield (
        "the books",
        f"sum {render(pay.books.sum)}; wallets {render(pay.books.wallets)}, escrows "
        f"{render(pay.books.escrows)}, platform {render(pay.books.revenue)}",
    )


def picture(values: Sequence[int], name: str, width: int = _WIDTH) -> list[str]:
    """Draw columns of block characters, to an eighth of one."""
    columns = _squeeze(values, width)
    most = max(columns, default=0) or 1
    heights = [round(8 * _ROWS * it / most) for it in columns]
    lines = []
    for row in range(_ROWS - 1, -1, -1):
        drawn = "".join(_EIGHTHS[max(0, min(8, height - 8 * row))] for height in heights)
        label = f"{most:,.0f}" if row == _ROWS - 1 else "0" if row == 0 else ""
        lines.append(f"{label:>8} │{drawn}")
    return [f"{'':9} {name}, over {len(values)} s", *lines]


def _squeeze(values: Sequence[int], width: int) -> list[float]:
    """Average neighbours, so that there are no more than `width` columns."""
    if len(values) <= width:
        return [float(it) for it in values]
    edges = [round(n * len(values) / width) for n in range(width + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges) if b > a]


def svg(it: SimulationResult) -> str:
    """Draw pairs a second, and the growth of the first job's answer, beside each other."""
    rates = [(float(second), float(count)) for second, count in enumerate(it.pairs_by_second)]
    done = [(max(0.0, at), float(count)) for at, count, _ in it.growth]
    shown = [(max(0.0, at), float(count)) for at, _, count in it.growth]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 320" '
        'font-family="sans-serif" font-size="12">\n<rect width="900" height="320" fill="white"/>\n'
        + _chart(0, "pairs of claim and result a second", [(rates, "#1565c0")])
        + _chart(450, "results counted (grey) and shown", [(done, "#999"), (shown, "#2e7d32")])
        + "</svg>\n"
    )


def _chart(
    left: int, title: str, curves: Sequence[tuple[Sequence[tuple[float, float]], str]]
) -> str:
    points = [point for curve, _ in curves for point in curve]
    far = max((x for x, _ in points), default=0) or 1
    high = max((y for _, y in points), default=0) or 1
    drawn = [
        f'<text x="{left + 60}" y="24" font-size="14">{title}</text>',
        f'<path d="M{left + 60} 40V280H{left + 430}" fill="none" stroke="black"/>',
        f'<text x="{left + 54}" y="46" text-anchor="end">{high:,.0f}</text>',
        f'<text x="{left + 54}" y="284" text-anchor="end">0</text>',
        f'<text x="{left + 430}" y="298" text-anchor="end">{far:,.0f} s</text>',
    ]
    for curve, colour in curves:
        way = " ".join(
            f"{left + 60 + 370 * x / far:.1f},{280 - 240 * y / high:.1f}" for x, y in curve
        )
        drawn.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return "\n".join(drawn) + "\n"
