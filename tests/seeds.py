"""A home whose PostgreSQL was made before, and migrated: to copy it takes a tenth of making one.

How a cluster is made, `tests/entrypoints/embedded` and the guides prove; whoever tests something
else needs one that is there. All copies have the same passwords and the same id, so two that meet
in one test are not both copies.
"""

import fcntl
import hashlib
import subprocess
from pathlib import Path
from typing import Final

from dml.entrypoints import migrate
from dml.entrypoints.embedded import places, servers, wheels

ROOT: Final = Path(__file__).resolve().parents[1]
TEST_HOME: Final = ROOT / ".dml" / "test"
SCHEMA: Final = ("migrations/versions/*.py", "src/dml/core/engine*.py")


def fingerprint() -> str:
    """Tell one state of the migrations from every other."""
    text = b"".join(path.read_bytes() for it in SCHEMA for path in sorted(ROOT.glob(it)))
    return hashlib.sha256(text).hexdigest()[:16]


def plant(home: Path) -> Path:
    """Make a home that has a migrated database, which runs once its servers are started."""
    seed, site = places.find(_seed()), places.choose_site(places.open_home(home))
    assert seed is not None
    for name in ("cluster_id", "superuser_password", "app_password"):
        setattr(site.state, name, getattr(seed.state, name))
    site.save()
    paths = (seed.place / "postgres", site.place / "postgres")
    subprocess.run(["cp", "--archive", "--reflink=auto", *paths], check=True)
    return home


def _seed() -> Path:
    """The home that is copied, made once for each state of the migrations."""
    home = TEST_HOME / f"seed-{wheels.POSTGRES.version}-{fingerprint()}"
    TEST_HOME.mkdir(parents=True, exist_ok=True)
    with (TEST_HOME / "seed.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "is-whole").exists():  # Whoever was killed half way is gone on for.
            migrate.migrate(servers.start_postgres(home))
            servers.down(home)
            (home / "is-whole").touch()
    return home
