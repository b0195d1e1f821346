"""A job's answer as a person looks at it: bars in a terminal, a line in a log, a picture."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from dml.client.http import one_line

CSV_BYTES_MAX: Final = 256 << 20
BAR_WIDTH: Final = 40
LABELS_SHOWN: Final = 30
_WIDE, _ROW, _LEFT, _RIGHT = 640, 22, 150, 70  # Of the picture, in pixels.


def line(answer: Mapping[str, Any]) -> str:
    """How far an answer is, in a line."""
    counted = "nothing shown yet" if answer["items"] is None else f"{answer['items']} items"
    best = ", ".join(f"{one_line(label)} {count}" for label, count in _top(answer)[:5] if count)
    done = f"{answer['devices_shown']} of at most {answer['max_devices']} results"
    return f"{answer['state']}: {done}, {counted}" + (f": {best}" if best else "")


def shown(ordered: Mapping[str, Any], answer: Mapping[str, Any]) -> Group:
    """The answer by label as bars, with what it has cost and what comes next."""
    top = _top(answer)
    others = [(f"({name})", answer[name]) for name in ("uncertain", "other") if answer[name]]
    most = max((count for _, count in (*top, *others)), default=0)
    rows = Table(box=None, pad_edge=False, show_header=False)
    for label, count in top[:LABELS_SHOWN]:
        rows.add_row(one_line(label), str(count), _sure(answer, label), _bar(count, most))
    if len(top) > LABELS_SHOWN:
        rows.add_row(f"and {len(top) - LABELS_SHOWN} more labels", "", "", "")
    for label, count in others:
        rows.add_row(label, str(count), "", _bar(count, most))
    parts: list[Text | Table] = [
        Text(one_line(str(ordered["title"])), style="bold"),
        Text(line(answer)),
        rows,
    ]
    if answer["next_step"] is not None:
        parts.append(Text(one_line(str(answer["next_step"]["reason"])), style="dim"))
    return Group(*parts)


def picture(ordered: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """The answer by label as an SVG."""
    rows = [*_top(answer)[:LABELS_SHOWN]]
    rows += [(f"({it})", answer[it]) for it in ("uncertain", "other") if answer[it]]
    most = max((count for _, count in rows), default=1) or 1
    height = 60 + _ROW * max(1, len(rows))
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDE}" height="{height}" fill="white"/>',
        f'<text x="10" y="22" font-size="16">{escape(one_line(str(ordered["title"])))}</text>',
        f'<text x="10" y="40" fill="#555">{escape(line({**answer, "labels": None}))}</text>',
    ]
    for number, (label, count) in enumerate(rows):
        y = 52 + number * _ROW
        width = (_WIDE - _LEFT - _RIGHT) * count / most
        drawn += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">'
            f"{escape(one_line(label)[:20])}</text>",
            f'<rect x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="{_ROW - 6}" '
            'fill="#2a78d6"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 14}">{count}</text>',
        ]
        drawn += _whisker(answer, label, y, most)
    return "\n".join([*drawn, "</svg>", ""])


def _whisker(answer: Mapping[str, Any], label: str, y: int, most: int) -> list[str]:
    """How sure a count is, as a line across the end of its bar."""
    sure = (answer.get("intervals") or {}).get("labels", {}).get(label)
    if sure is None:
        return []
    low, high = ((_WIDE - _LEFT - _RIGHT) * min(sure[it], most) / most for it in ("low", "high"))
    return [
        f'<line x1="{_LEFT + low:.1f}" x2="{_LEFT + high:.1f}" y1="{y + 10}" y2="{y + 10}" '
        'stroke="#222" stroke-width="2"/>'
    ]


def _top(answer: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The labels by how many items have them; none before the first step."""
    counts: Mapping[str, int] = answer["labels"] or {}
    return sorted(counts.items(), key=lambda it: (-it[1], it[0]))


def _sure(answer: Mapping[str, Any], label: str) -> str:
    """Between which counts the truth lies, 95 times of 100; nothing where it is what is told."""
    sure = answer.get("intervals")
    return f"{sure['labels'][label]['low']}–{sure['labels'][label]['high']}" if sure else ""


def _bar(count: int, most: int) -> str:
    return "█" * round(BAR_WIDTH * count / most) if most else ""
