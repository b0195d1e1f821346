"""A few seconds of `make fuzz`, each time with another seed."""

import random

from tests.fuzz.callers import fuzz

SECONDS = 10


async def test_no_answer_is_a_bug_or_other_than_described() -> None:
    """Where this fails: `make fuzz ARGS="--seed …"` with the seed that it says."""
    seed = random.randrange(2**32)
    found = await fuzz(seed, seconds=SECONDS, examples=5)
    assert not found.faults, f"seed {seed}: {found.faults}"
    assert found.answers, f"seed {seed}: nothing was asked"
