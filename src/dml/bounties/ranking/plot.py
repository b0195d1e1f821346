"""The best public score over time as shapes of an SVG: its line, and what the axes say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Final

SIZE: Final = 1_000  # Width and height of the drawing, which is stretched to fit the page.
_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    score: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid: how far along the axis, in percent, and its label."""

    percent: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    line: str  # An SVG path that steps from record to record.
    dots: list[tuple[float, float]]
    times: list[Tick]
    scores: list[Tick]  # From above.


def draw(points: Sequence[Point], *, start: datetime, end: datetime) -> Plot | None:
    """Draw records, oldest first, between two moments. None where there is none to draw."""
    if not points:
        return None
    start = min(start, points[0].at)
    end = max(end, points[-1].at, start + timedelta(minutes=1))
    ticks = nice_ticks(min(it.score for it in points), max(it.score for it in points))
    low, high = ticks[0], ticks[-1]

    def x(at: datetime) -> float:
        return round(SIZE * ((at - start) / (end - start)), 1)

    def y(score: float) -> float:
        return round(SIZE * (high - score) / (high - low), 1)

    dots = [(x(it.at), y(it.score)) for it in points]
    steps = "".join(f"H{at}V{score}" for at, score in dots[1:])
    middle = start + (end - start) / 2
    return Plot(
        line=f"M{dots[0][0]} {dots[0][1]}{steps}H{SIZE}",
        dots=dots,
        times=[
            Tick(percent, _moment(at, end - start))
            for percent, at in ((0, start), (50, middle), (100, end))
        ],
        scores=[Tick(round(y(it) / SIZE * 100, 2), f"{it:.6g}") for it in reversed(ticks)],
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers that enclose both, lowest first: at least two."""
    span = high - low or abs(high) * 0.1 or 1.0
    rough = span / _TICKS
    unit: float = 10.0 ** floor(log10(rough))
    step = next(unit * it for it in (1, 2, 2.5, 5, 10) if unit * it >= rough)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [it * step for it in range(first, max(last, first + 1) + 1)]


def _moment(at: datetime, span: timedelta) -> str:
    """Write a moment as finely as the whole span asks for."""
    if span < timedelta(minutes=10):
        return at.strftime("%H:%M:%S")
    return at.strftime("%-d %b %H:%M" if span < timedelta(days=2) else "%-d %b %Y")
