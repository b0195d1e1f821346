import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dml.entrypoints.embedded import places
from tests import folders
from tests.entrypoints.embedded.user import IS_ROOT, User, become_nobody
from tests.seeds import plant

USERS = (
    ["root", pytest.param("nobody", marks=pytest.mark.slow)]
    if IS_ROOT
    else [pwd.getpwuid(os.geteuid()).pw_name]
)


def _has_python_for_nobody() -> bool:
    ask = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run(["/usr/bin/python3", "-c", ask], check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module", params=USERS)
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    becomes_another = IS_ROOT and request.param == "nobody"
    if becomes_another and not _has_python_for_nobody():
        pytest.skip("no Python 3.11 that nobody may run")
    folder = folders.make("dmltest-")  # pytest's own is 0700 for root
    found = User(request.param, folder)
    if becomes_another:
        become_nobody(found)
    yield found
    shutil.rmtree(folder)


@pytest.fixture
def home(user: User, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that is not there yet. What a test starts below the user's folder ends with it."""
    yield user.folder / request.node.name.split("[")[0][:30]
    for state in list(user.folder.rglob("state.json")):
        place, run = Path(user.state(state.parent).place), Path(user.state(state.parent).run)
        user.down(state.parent)
        if place.parent == places.SHARED:
            shutil.rmtree(place)
        if not run.is_relative_to(place):
            shutil.rmtree(run)
        shutil.rmtree(state.parent)


@pytest.fixture
def used(user: User, home: Path) -> Path:
    """A home whose servers ran before and are stopped: for what does not depend on their birth."""
    if user.drop:
        user.up(home)  # A copy would be another account's.
        user.down(home)
        return home
    return plant(home)
