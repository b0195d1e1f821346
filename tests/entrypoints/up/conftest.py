import shutil
from collections.abc import Callable, Iterator

import pytest

from tests import folders
from tests.entrypoints.up.marketplace import Marketplace
from tests.seeds import plant


@pytest.fixture
def marketplaces() -> Iterator[Callable[[str], Marketplace]]:
    folder, made = folders.make("dmltest-"), list[Marketplace]()

    def make(name: str) -> Marketplace:
        made.append(Marketplace(folder / name))
        return made[-1]

    yield make
    for marketplace in made:
        marketplace.clean_up()
    shutil.rmtree(folder)


@pytest.fixture
def new_marketplace(marketplaces: Callable[[str], Marketplace]) -> Marketplace:
    """One that was never started: its home is not there."""
    return marketplaces("a home")


@pytest.fixture
def marketplace(new_marketplace: Marketplace) -> Marketplace:
    """One that has its database already, as at any start but the first."""
    plant(new_marketplace.home)
    return new_marketplace
