"""One sandbox for all tests: what one hostile model does to it, the next test would feel."""

from collections.abc import Iterator

import pytest

from dml.inference.runner import Allowance, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Allowance(seconds=1, item_seconds=0.1)) as sandbox:
        yield sandbox
