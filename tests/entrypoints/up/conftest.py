import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.entrypoints.up.marketplace import Marketplace


@pytest.fixture
def marketplaces() -> Iterator[Callable[[str], Marketplace]]:
    folder, made = Path(tempfile.mkdtemp(prefix="dmltest-", dir="/tmp")), list[Marketplace]()
    folder.chmod(0o755)

    def make(name: str) -> Marketplace:
        made.append(Marketplace(folder / name))
        return made[-1]

    yield make
    for marketplace in made:
        marketplace.clean_up()
    shutil.rmtree(folder)


@pytest.fixture
def marketplace(marketplaces: Callable[[str], Marketplace]) -> Marketplace:
    return marketplaces("a home")
