"""Where the servers of a home live, and as whom they run: as recorded, or chosen now.

place/postgres/   the cluster               place/postgres.log, valkey.log
place/run/        sockets                   place/postgres.lock, valkey.lock
place/dist-*/     programs, copied only where the account may not run the wheel's own
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.entrypoints.embedded import accounts, folders, state
from dml.entrypoints.embedded.accounts import Account
from dml.entrypoints.embedded.state import State
from dml.refused import Refused

SHARED: Final = Path("/var/lib/dml")
LONGEST_SOCKET: Final = "/.s.PGSQL.65535"
SOCKET_PATH_MAX: Final = 107  # sockaddr_un holds 108 bytes, the last of them a NUL.
DATA_PATH_MAX: Final = 900  # PostgreSQL's own limit is 1,024, with its file names in it.


@dataclass(frozen=True)
class Site:
    """A home with the account and the state that its servers have."""

    home: Path
    account: Account
    state: State

    @property
    def place(self) -> Path:
        return Path(self.state.place)

    @property
    def run(self) -> Path:
        return Path(self.state.run)

    def save(self) -> None:
        state.save(self.home, self.state)


def absolute(home: str | Path) -> Path:
    """The path of a home, the same for each way to write it."""
    return Path(home).expanduser().resolve()


def open_home(home: str | Path) -> Path:
    """The absolute path of a home, which exists from then on."""
    path = absolute(home)
    if len(os.fsencode(path)) > DATA_PATH_MAX:
        raise Refused(
            f"the path of the home has more than {DATA_PATH_MAX} bytes: choose a shorter DML_HOME"
        )
    try:
        folders.make(path)
    except OSError as error:
        raise Refused(
            f"cannot use {path} as the home ({error.strerror}): choose another DML_HOME"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise Refused(f"cannot write to {path}: make it yours, or choose another DML_HOME")
    return path


def choose_site(home: Path) -> Site:
    """Decide where and as whom, and keep that. What belongs to somebody else is refused."""
    account, known = accounts.choose(), state.load(home)
    if known is None:
        known = State(place=str(_choose_place(home, account)))
    place = Path(known.place)
    if (place / "postgres").exists():
        account = _owner_of_cluster(place / "postgres", account)
        _require_own_cluster(place / "postgres", home, known)
    if not _may_enter(place, account):
        raise Refused(
            f"{account.name} may no longer enter {place}, where the data is: "
            "let others pass through its parents (chmod o+x)"
        )
    known.run = str(_run_folder(place, account, known.run))
    site = Site(home, account, known)
    site.save()
    return site


def find(home: str | Path) -> Site | None:
    """The site of a home as recorded, without a change to anything. None where there is none."""
    home = absolute(home)
    known = state.load(home)
    if known is None:
        return None
    account, cluster = accounts.choose(), Path(known.place) / "postgres"
    if cluster.exists():
        account = _owner_of_cluster(cluster, account)
    return Site(home, account, known)


def _owner_of_cluster(data: Path, account: Account) -> Account:
    owner = data.stat().st_uid
    if os.geteuid() == 0:
        return accounts.of(owner)  # Not the chosen: an account added since would own nothing here.
    if owner != account.uid:
        raise Refused(f"{data} belongs to user id {owner}: start it as that user, or as root")
    return account


def _require_own_cluster(data: Path, home: Path, known: State) -> None:
    if f"dml.cluster_id = '{known.cluster_id}'" not in (data / "postgresql.conf").read_text():
        raise Refused(
            f"{data} holds a cluster that is not the one of {home / 'state.json'} (was that file "
            "removed?): put the file back, or stop what runs there and move the folder away "
            "to begin anew"
        )


def _choose_place(home: Path, account: Account) -> Path:
    if _may_enter(home, account):
        return home
    place = SHARED / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    try:
        folders.make(SHARED)
        folders.make(place)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
    else:
        if _may_enter(place, account):
            return place
        reason = f"nor {place}"
    raise Refused(
        f"{account.name}, whom the servers run as, may not enter {home} ({reason}): choose a "
        "DML_HOME whose parents others may pass through (chmod o+x), or start as an ordinary user"
    )


def _may_enter(folder: Path, account: Account) -> bool:
    # Asks the kernel, as that account: modes alone miss access lists and mount options.
    return account.can(["/bin/sh", "-c", 'cd "$1"', "sh", folder])


def _run_folder(place: Path, account: Account, recorded: str) -> Path:
    """A private folder for the sockets, whose path leaves room for their names."""
    run = place / "run"
    is_short = len(os.fsencode(run)) + len(LONGEST_SOCKET) <= SOCKET_PATH_MAX
    if is_short and "," not in str(run):  # libpq reads a comma as the end of a host's name.
        folders.make_private(run, account)
        return run
    if recorded and folders.is_private(Path(recorded), account):
        return Path(recorded)
    # A fresh name, which nobody can have put there first; /tmp because it is short everywhere.
    run = Path(tempfile.mkdtemp(prefix="dml-", dir="/tmp"))
    os.chown(run, account.uid, account.gid)
    return run
