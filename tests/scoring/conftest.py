"""One reader for all tests: what one hostile file does to it, the next test would feel."""

from collections.abc import Iterator

import pytest

from dml.scoring.reader import Reader


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    with Reader(seconds=3) as reader:
        yield reader
