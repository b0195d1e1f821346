"""A version's passport, as people read it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

SHOWN_OPERATORS: Final = 8
_MIB: Final = 1 << 20


def lines(passport: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What it says, a name and a value each."""
    yield "download", _size(passport["download_bytes"])
    yield "peak memory", _size(passport["peak_memory_bytes"])
    yield "one input", f"{passport['milliseconds_for_one']:.3g} ms"
    batch = passport["milliseconds_for_32"]
    yield "a batch of 32", "more than 3 s" if batch is None else f"{batch:.3g} ms"
    yield "two runs", "agree" if passport["runs_agree"] else "differ"
    yield "parameters", f"{passport['parameters']:,}"
    counts = sorted(passport["operators"].items(), key=lambda it: (-it[1], it[0]))
    more = len(counts) - SHOWN_OPERATORS
    named = ", ".join(f"{count} {name}" for name, count in counts[:SHOWN_OPERATORS])
    yield "operators", f"{named} and {more} more" if more > 0 else named


def able(told: Mapping[str, Any]) -> str:
    """How many could run it, in a sentence."""
    memory, speed = told["least_memory_mib"], told["least_speed"]
    needs = [f"{memory:,} MiB"] if memory is not None else []
    needs += [f"a speed of {speed:,}"] if speed is not None else []
    who = "It was not measured what a device needs" if not needs else f"Needs {' and '.join(needs)}"
    owners = told["owners"]
    many = "too few to tell" if owners is None else f"{owners:,} or more"
    return f"{who}; owners with such a device, seen this month: {many}."


def _size(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB // 10 else f"{size:,} bytes"
