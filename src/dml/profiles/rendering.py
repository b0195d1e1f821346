"""Makes of what was measured a flame graph in HTML and a file for speedscope. A program of its own:

    python -m dml.profiles.rendering (cpu | memory) RAW FOLDER

`RAW` is what py-spy or memray wrote; `FOLDER` gets `flame_graph` and `speedscope`. It imports
nothing of ours, so that it starts at once, beside a process that has work to do.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

PART_MIN: Final = 0.0005  # Of all; what is narrower could not be seen.
DEPTH_MAX: Final = 250
ROW_PIXELS: Final = 18
SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"


class Frame(NamedTuple):
    """A line of code that ran."""

    name: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.name} ({_short(self.file)}:{self.line})"


@dataclass
class Node:
    """A function as its callers called it, with what it called. `weight`: seconds or bytes."""

    weight: float = 0
    below: dict[Frame, "Node"] = field(default_factory=dict)

    def add(self, stack: Iterable[Frame], weight: float) -> None:
        """Add what a stack weighs, whose first frame called the second."""
        here = self
        here.weight += weight
        for frame in stack:
            here = here.below.setdefault(frame, Node())
            here.weight += weight


@dataclass(frozen=True)
class Graph:
    """A flame graph with its title."""

    title: str
    root: Node
    show: Callable[[float], str]


def main() -> int:
    """Make the two files."""
    os.nice(10)
    kind, raw, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    described, graphs = _of_cpu(raw) if kind == "cpu" else _of_memory(raw)
    (folder / "speedscope").write_text(json.dumps(described, separators=(",", ":")))
    (folder / "flame_graph").write_text(page(graphs))
    return 0


def _of_cpu(raw: Path) -> tuple[dict[str, Any], list[Graph]]:
    """What py-spy wrote is for speedscope already: the samples of each thread, in their order."""
    described = json.loads(raw.read_text())
    frames = [
        Frame(it["name"], it["file"] or "", it["line"] or 0) for it in described["shared"]["frames"]
    ]
    root = Node()
    for thread in described["profiles"]:
        named = Frame(thread["name"], "", 0)
        for sample, weight in zip(thread["samples"], thread["weights"], strict=True):
            root.add([named, *(frames[it] for it in sample)], weight)
    return described, [Graph("Time in which code ran", root, lambda it: f"{it:.2f} s")]


def _of_memory(raw: Path) -> tuple[dict[str, Any], list[Graph]]:
    memray = importlib.import_module("memray")
    frames, profiles, graphs = dict[Frame, int](), list[dict[str, Any]](), list[Graph]()
    for title, read in (
        ("What was held when it was most", "get_high_watermark_allocation_records"),
        ("What was not freed at the end", "get_leaked_allocation_records"),
    ):
        root, samples, weights = Node(), list[list[int]](), list[int]()
        with memray.FileReader(raw) as reader:
            for it in getattr(reader, read)(merge_threads=True):
                stack = [Frame(*frame) for frame in reversed(it.stack_trace())]
                root.add(stack, it.size)
                samples.append([frames.setdefault(frame, len(frames)) for frame in stack])
                weights.append(it.size)
        graphs.append(Graph(title, root, _show_bytes))
        profiles.append(
            {
                "type": "sampled",
                "name": title,
                "unit": "bytes",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        )
    shared = {"frames": [{"name": it.name, "file": it.file, "line": it.line} for it in frames]}
    described = {"$schema": SCHEMA, "name": "memray", "shared": shared, "profiles": profiles}
    return described, graphs


def _show_bytes(count: float) -> str:
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def _short(file: str) -> str:
    """A path without what is the same for all of them."""
    for root in ("/site-packages/", "/src/", "/lib/python3."):
        if root in file:
            return file.rpartition(root)[2]
    return file


def page(graphs: Iterable[Graph]) -> str:
    """Return the flame graphs as one page that needs nothing else. A click on a function widens it,
    one on the bottom line shows all again.
    """
    return PAGE.replace("<!--graphs-->", "\n".join(_drawn(it) for it in graphs))


def _drawn(graph: Graph) -> str:
    total, boxes, depth = graph.root.weight, list[str](), 0
    if total:
        for frame, weight, left, level in _walk(graph.root):
            depth = max(depth, level)
            told = f"{frame}: {graph.show(weight)}, {weight / total:.1%}"
            hue = 20 + hash_of(frame.file) % 40
            boxes.append(
                f'<b style="--l:{left / total:.5f};--w:{weight / total:.5f};'
                f'bottom:{(level + 1) * ROW_PIXELS}px;background:hsl({hue} 90% 68%)" '
                f'title="{escape(told)}">{escape(frame.name)}</b>'
            )
    height = (depth + 2) * ROW_PIXELS
    everything = f'<b style="--l:0;--w:1;bottom:0;background:#ddd">all: {graph.show(total)}</b>'
    title = escape(graph.title) if total else f"{escape(graph.title)}: nothing"
    return f'<h1>{title}</h1><div style="height:{height}px">{everything}{"".join(boxes)}</div>'


def hash_of(text: str) -> int:
    """A number that is the same each time."""
    return sum(text.encode())


def _walk(root: Node) -> Iterator[tuple[Frame, float, float, int]]:
    """Yield each function that is wide enough: how much, how much is left of it, and its level."""
    least, waiting = root.weight * PART_MIN, [(root, 0.0, 0)]
    while waiting:
        node, left, level = waiting.pop()
        for frame, it in sorted(node.below.items()):
            if it.weight >= least and level < DEPTH_MAX:
                yield frame, it.weight, left, level
                waiting.append((it, left, level + 1))
            left += it.weight


PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Profile</title>
<style>
body { font: 12px system-ui, sans-serif; margin: 1rem }
h1 { font-size: 1rem }
div { --zl: 0; --zw: 1; position: relative; overflow: hidden; margin-bottom: 2rem }
b { position: absolute; box-sizing: border-box; height: 18px; overflow: hidden; cursor: pointer;
  border: 1px solid #fff8; padding: 0 2px; font-weight: normal; white-space: nowrap;
  left: calc((var(--l) - var(--zl)) / var(--zw) * 100%);
  width: calc(var(--w) / var(--zw) * 100%) }
b:hover { border-color: #000 }
</style>
<p>The wider, the more, with all that it called. Click on a function to widen it, on the bottom line
to see all again; what a function took is shown where the pointer rests on it.</p>
<!--graphs-->
<script>
addEventListener("click", ({target}) => {
  if (target.tagName !== "B") return;
  target.parentNode.style.setProperty("--zl", target.style.getPropertyValue("--l"));
  target.parentNode.style.setProperty("--zw", target.style.getPropertyValue("--w"));
});
</script>
</html>
"""


if __name__ == "__main__":
    sys.exit(main())
