"""What a device must have to run a version, by its passport."""

from typing import Any

import pytest

from dml.algorithms.needs import INTEGER_MAX, Needs, needs_of


def passport(peak_mib: float = 100, ms: float = 50, speed: int | None = 20_000) -> dict[str, Any]:
    told = {"peak_memory_bytes": int(peak_mib * 2**20), "milliseconds_for_one": ms}
    return told if speed is None else {**told, "speed": speed}


@pytest.mark.parametrize(
    ("measured", "needed"),
    [
        (passport(), Needs(406, 2_000)),
        (passport(peak_mib=0, ms=0), Needs(256, 0)),
        (passport(peak_mib=0.5, ms=500), Needs(257, 20_000)),
        (passport(ms=2_000), Needs(406, 80_000)),
        (passport(speed=None), Needs(406, None)),
        (passport(peak_mib=2**40, ms=1e12), Needs(INTEGER_MAX, INTEGER_MAX)),
    ],
    ids=["usual", "nothing", "half", "slow", "unknown_speed", "endless"],
)
def test_needs_follow_from_what_was_measured(measured: dict[str, Any], needed: Needs) -> None:
    assert needs_of(measured) == needed
