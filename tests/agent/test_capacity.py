"""What a device says it can run."""

import json
from pathlib import Path
from typing import Any

import pytest

from dml.agent import capacity
from dml.agent.pairing import say
from dml.agent.refusals import Refusal


@pytest.mark.parametrize("name", capacity.LIMITS)
def test_memory_is_what_the_container_has_and_the_owner_allows(tmp_path: Path, name: str) -> None:
    there = capacity.memory_mib(None, models=1, cgroups=tmp_path)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    for text, most in (("max\n", there), (f"{64 << 20}\n", 64), (f"{1 << 62}\n", there)):
        file.write_text(text)
        assert capacity.memory_mib(None, models=1, cgroups=tmp_path) == most
        assert capacity.memory_mib(32, models=1, cgroups=tmp_path) == 32
        assert capacity.memory_mib(100, models=2, cgroups=tmp_path) == min(100, most) // 2
    assert capacity.memory_mib(1, models=64, cgroups=tmp_path) == 1


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [(100, None, 100), (100, 110, 110), (100, 80, 80), (100, 79, 100), (100, 140, 100)],
    ids=["first", "slower", "faster", "much_faster", "much_slower"],
)
def test_a_speed_that_is_about_the_same_is_said_again(
    now: int, before: int | None, said: int
) -> None:
    assert capacity.said_again(now, before) == said


def test_a_machine_is_measured() -> None:
    assert capacity.speed(None) > 100, "a processor of this century"


def test_a_server_of_before_hears_no_speed() -> None:
    heard: list[dict[str, Any]] = []

    def send(text: bytes) -> str:
        heard.append(json.loads(text))
        if "speed" in heard[-1]:
            raise Refusal(422, "http.422", "The request is not valid. /speed is no field")
        return "answered"

    said = {"memory_mib": 512, "speed": 9}
    assert say(said, send) == "answered"
    assert heard == [said, {"memory_mib": 512}]

    def refuse(text: bytes) -> None:
        raise Refusal(422, "http.422", "The request is not valid. /memory_mib must be less")

    with pytest.raises(Refusal):
        say(said, refuse)
