"""The sizes of `settings.toml`, read and checked: what cannot be is refused by its name."""

import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

FILE: Final = Path(__file__).parent / "settings.toml"
T = TypeVar("T")


class WrongSettings(Exception):
    """What is wrong, and where."""


@dataclass(frozen=True)
class Database:
    """PostgreSQL. `standby`: a second one in another zone."""

    machine: str
    standby: bool
    storage_gib: int
    storage_gib_max: int
    backup_days: int
    max_connections: int


@dataclass(frozen=True)
class Valkey:
    """Valkey. Of two nodes, the second takes over."""

    machine: str
    nodes: int


@dataclass(frozen=True)
class Kind:
    """Machines of one kind: how many there are, and processes on each."""

    machine: str
    least: int
    most: int
    processes: int

    def __post_init__(self) -> None:
        if not 1 <= self.least < self.most or self.processes < 1:
            raise WrongSettings(
                f"{self.least} to {self.most} {self.machine}: a release needs room for one more "
                "machine than the least"
            )


@dataclass(frozen=True)
class Workers(Kind):
    """Workers, with how many children each process runs that check or score strangers' files."""

    sandboxes: int


@dataclass(frozen=True)
class Admin:
    """The one machine that migrates, and on which operators work."""

    machine: str


@dataclass(frozen=True)
class Size:
    """One size of a marketplace."""

    nat_gateways: int
    budget_usd: int
    log_days: int
    database: Database
    valkey: Valkey
    api: Kind
    worker: Workers
    chain: Kind
    admin: Admin


@dataclass(frozen=True)
class Settings:
    """The file: what the stacks are called, and the sizes by their names."""

    name: str
    size: dict[str, Size]


def read(file: Path = FILE) -> Settings:
    """Read the file, or refuse it with what is wrong."""
    told = tomllib.loads(file.read_text())
    sizes = {name: _made(Size, table, f"size.{name}") for name, table in told.pop("size").items()}
    return _made(Settings, {**told, "size": sizes}, "the file")


def _made(what: type[T], table: dict[str, Any], where: str) -> T:
    """Return a dataclass of what a table says: each of its fields, and nothing else."""
    known = {it.name: it.type for it in fields(what)}  # type: ignore[arg-type] # all are dataclasses
    if odd := sorted(known.keys() ^ table.keys()):
        raise WrongSettings(f"{where}: {', '.join(odd)} is missing, or is no setting")
    given = {}
    for name, kind in known.items():
        value = table[name]
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
            value = _made(kind, value, f"{where}.{name}")
        elif kind in (int, str, bool) and type(value) is not kind:
            raise WrongSettings(f"{where}.{name} is {value!r}, and not of {kind}")
        given[name] = value
    return what(**given)
