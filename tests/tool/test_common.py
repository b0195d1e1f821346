"""What the commands share: names for things, times, and what others wrote."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from dml.refused import Refused
from dml.tool import common

ITEMS: list[dict[str, Any]] = [
    {"id": "01a22764-b814-7d06-a812-875fe801b223", "title": "Handwritten digits"},
    {"id": "01a22764-b815-7d06-a812-875fe801b999", "title": "Cats & dogs"},
    {"id": "01a22764-b816-7d06-a812-000fe801b999", "title": "Cats & dogs"},
]


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("01a22764-b814-7d06-a812-875fe801b223", 0),
        ("e801b223", 0),
        ("handwritten-digits", 0),
        ("Handwritten Digits", 0),
        ("01a22764-b815", 1),
        ("875FE801B999", 1),
    ],
)
def test_a_thing_is_found_by_its_id_the_end_of_it_or_its_title(typed: str, place: int) -> None:
    assert common.find_id(ITEMS, typed, title="title", what="job") == ITEMS[place]["id"]


def test_an_id_that_is_whole_is_not_looked_for() -> None:
    typed = "01a22764-b814-7d06-a812-875fe801bfff"
    assert common.find_id([], typed.upper(), title="title", what="job") == typed


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("e801b999", r"could be any of 2: Cats & dogs \(e801b999\)"),
        ("cats-dogs", "could be any of 2"),
        ("birds", "no job is called 'birds'"),
        (" ", "which job"),
    ],
)
def test_what_is_found_twice_or_never_is_said(typed: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        common.find_id(ITEMS, typed, title="title", what="job")


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("+7d", timedelta(days=7)),
        ("+12h", timedelta(hours=12)),
        (" +30m ", timedelta(minutes=30)),
        ("+5s", timedelta(seconds=5)),
    ],
)
def test_a_time_may_be_a_span_from_now(text: str, later: timedelta) -> None:
    told = datetime.fromisoformat(common.moment(text, option="--deadline"))
    assert abs(told - datetime.now(UTC) - later) < timedelta(seconds=5)


@pytest.mark.parametrize("text", ["", "tomorrow", "+7", "7d", "2027-03-01", "2027-03-01T12:00:00"])
def test_a_time_without_a_zone_is_refused_with_one_that_has(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="2027-03-01T12:00:00Z"):
        common.moment(text, option="--deadline")


def test_what_others_wrote_steers_no_terminal() -> None:
    assert "\x1b" not in common.cell("\x1b[2J[red]all yours[/red]\n")
    assert common.cell(["a", "b\x07"]) == "a, b\N{REPLACEMENT CHARACTER}"
    assert (common.cell(None), common.cell(True), common.cell(0)) == ("–", "yes", "0")
