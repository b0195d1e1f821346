"""Flame graphs, drawn of stacks that are counted by hand."""

import json
import re
from pathlib import Path

import pytest

from dml.profiles import rendering
from dml.profiles.rendering import Frame, Graph, Node


def drawn(root: Node) -> str:
    return rendering.page([Graph("Time", root, lambda it: f"{it:g} s")])


def boxes(page: str) -> dict[str, tuple[float, float, int]]:
    """By its name, where each function begins, how wide it is, and how high above the bottom."""
    found = re.findall(r"--l:([\d.]+);--w:([\d.]+);bottom:(\d+)px[^>]*>([^<]*)</b>", page)
    return {name: (float(left), float(width), int(high)) for left, width, high, name in found}


def test_a_function_is_as_wide_as_what_it_took_above_who_called_it() -> None:
    root, main = Node(), Frame("main", "/src/dml/a.py", 1)
    root.add([main, Frame("read", "/src/dml/a.py", 2)], 1)
    root.add([main, Frame("write", "/src/dml/a.py", 3)], 2)
    root.add([main], 1)
    page = drawn(root)
    assert boxes(page) == {"main": (0, 1, 18), "read": (0, 0.25, 36), "write": (0.25, 0.5, 36)}
    assert 'title="write (dml/a.py:3): 2 s, 50.0%"' in page


def test_names_are_text_and_what_is_too_narrow_is_left_out() -> None:
    root = Node()
    root.add([Frame("<script>alert(1)</script>", '"><b>', 1)], 10_000)
    root.add([Frame("seldom", "a.py", 1)], 1)
    page = drawn(root)
    assert "<script>alert" not in page
    assert '"><b>' not in page
    assert "seldom" not in page


def test_nothing_and_endless_recursion_are_drawn_too() -> None:
    assert "Time: nothing" in drawn(Node())
    root = Node()
    root.add([Frame("again", "a.py", 1)] * 5_000, 1)
    assert drawn(root).count(">again</b>") == rendering.DEPTH_MAX


def test_what_py_spy_wrote_is_kept_for_speedscope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = [{"name": "Thread 1", "samples": [[0, 1], [0]], "weights": [0.01, 0.01]}]
    frames = [
        {"name": "main", "file": "a.py", "line": 1, "col": None},
        {"name": "read", "file": "a.py", "line": 2, "col": None},
    ]
    raw = {"shared": {"frames": frames}, "profiles": threads}
    (tmp_path / "raw").write_text(json.dumps(raw))
    monkeypatch.setattr("sys.argv", ["", "cpu", str(tmp_path / "raw"), str(tmp_path)])
    monkeypatch.setattr("os.nice", lambda _: 0)
    assert rendering.main() == 0
    assert json.loads((tmp_path / "speedscope").read_text()) == raw
    page = (tmp_path / "flame_graph").read_text()
    assert boxes(page)["read"] == (0, 0.5, 54)
