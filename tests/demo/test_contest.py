"""The demo's bounty: who enters, and what must be true of it in the end."""

import csv
import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo import cells
from demo.cells import Entry
from demo.contest_outcome import COPIER, GUESSER, Contest, faults

RIGHT = Contest(
    seconds=10,
    board=[
        {"name": "forest", "prize": "60"},
        {"name": "bayes", "prize": "30"},
        {"name": GUESSER, "prize": "0"},
    ],
    state="finished",
    pool=Decimal(100),
    fee=Decimal(1),
    earned={
        "forest": Decimal(60),
        "bayes": Decimal(30),
        GUESSER: Decimal(0),
        COPIER: Decimal(0),
    },
    owner_spent=Decimal(86),
    escrow_left=Decimal(0),
    verified=True,
    checks=9,
    random_gain=0.05,
    copies_flagged=1,
    url="http://127.0.0.1:1/bounties/1",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contest") / "bounty"


@pytest.fixture(scope="module")
def entries(folder: Path) -> list[Entry]:
    return cells.prepare(folder, 0)


def read(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode())))


def test_no_row_is_known_and_hidden_and_no_answer_is_among_the_inputs(
    folder: Path, entries: list[Entry]
) -> None:
    train, inputs, test = (
        read((folder / name).read_bytes()) for name in ("train.csv", "inputs.csv", "test.csv")
    )
    assert len(train) - 1 == cells.KNOWN_ROWS
    assert not {row[0] for row in train[1:]} & {row[0] for row in test[1:]}
    assert [row[:-1] for row in test] == inputs
    assert test[0][-1] == "target"
    assert {row[-1] for row in test[1:]} == {"0", "1"}


def test_ten_compete_one_guesses_and_the_last_one_copies(entries: list[Entry]) -> None:
    assert len(entries) == 11
    assert len({it.name for it in entries}) == 11
    assert entries[-1].name == COPIER
    assert [len(it.files) for it in entries if it.name == GUESSER] == [cells.GUESSES]
    assert [it.media_type for it in entries].count("application/onnx") == 1
    (copied,) = (it.files[0] for it in entries if it.name == cells.COPIED)
    for own, other in zip(read(entries[-1].files[0])[1:], read(copied)[1:], strict=True):
        assert own[0] == other[0]
        assert float(own[1]) == pytest.approx(float(other[1]), abs=1e-4)


def test_what_is_right_passes() -> None:
    assert list(faults(RIGHT)) == []
    told = RIGHT.as_json()
    assert (told["paid"], told["escrow_left"], told["entrants"]) == ("90", "0", 4)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"state": "disputing"}, "the bounty is disputing"),
        ({"escrow_left": Decimal(1)}, "what is left in escrow"),
        ({"owner_spent": Decimal(90)}, "what the owner spent"),
        ({"verified": False}, "the verifier"),
        ({"copies_flagged": 0}, "0 pairs"),
        ({"random_gain": 0.3}, "who only guessed"),
        ({"pool": Decimal(80)}, "90 tokens were paid of 80"),
        ({"board": [*RIGHT.board, {"name": COPIER, "prize": "0"}]}, "who copied"),
        ({"earned": {**RIGHT.earned, "bayes": Decimal(31)}}, "what bayes earned"),
    ],
)
def test_each_way_to_be_wrong_is_found(changes: dict[str, Any], found: str) -> None:
    told = list(faults(replace(RIGHT, **changes)))
    assert any(it.startswith(found) for it in told), told
