"""A job's answer as a person looks at it, and the stream that it comes through."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from dml.client.events import EVENT_BYTES_MAX, read_sent
from dml.client.http import NoMarketplace
from dml.tool import answers

ORDERED = {"title": "Which <digits>?\x1b[2J"}
ANSWER: dict[str, Any] = {
    "state": "open",
    "devices_shown": 5,
    "max_devices": 20,
    "items": 60,
    "labels": {"<one>": 8, "two": 30, "three": 0},
    "uncertain": 2,
    "other": 20,
    "next_step": {"devices": 10, "reason": "It waits for five more owners."},
}
NOTHING = ANSWER | {"items": None, "labels": None, "uncertain": None, "other": None}


def drawn(answer: dict[str, Any]) -> str:
    console = Console(width=100, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(answers.shown(ORDERED, answer))
    return captured.get()


def test_the_largest_counts_come_first_with_the_longest_bars() -> None:
    lines = drawn(ANSWER).splitlines()
    counts = [it for it in lines if "█" in it]
    assert [it.split()[0] for it in counts] == ["two", "<one>", "(uncertain)", "(other)"]
    assert counts[0].count("█") == answers.BAR_WIDTH
    assert "It waits for five more owners." in drawn(ANSWER)


def test_a_line_names_what_is_there_and_not_what_is_missing() -> None:
    assert answers.line(ANSWER) == "open: 5 of at most 20 results, 60 items: two 30, <one> 8"
    assert "nothing shown yet" in answers.line(NOTHING)
    assert "\x1b" not in drawn(NOTHING)


def test_a_picture_is_an_svg_that_escapes_what_others_wrote() -> None:
    for answer in (ANSWER, NOTHING):
        picture = ElementTree.fromstring(answers.picture(ORDERED, answer))
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "&lt;one&gt;" in answers.picture(ORDERED, ANSWER)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    text = (
        b'id: 1\nevent: results\ndata: {"version": 1}\n\n: still here\n\n'
        b'event: end\r\ndata: {"version":\r\ndata:  2}\r\n\r\nevent: half\ndata: {'
    )
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    read = [(it.id, it.name, it.read()) for it in read_sent(pieces)]
    assert read == [("1", "results", {"version": 1}), (None, "end", {"version": 2})]


def test_an_event_without_end_is_no_marketplaces() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * (EVENT_BYTES_MAX // 4)

    with pytest.raises(NoMarketplace, match="longer than any answer"):
        list(read_sent(endless()))
