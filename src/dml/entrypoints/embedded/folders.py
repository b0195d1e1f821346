"""Folders and files with the right owner and mode, whoever makes them.

Root may start what another user made and will use again. So what root makes is given to the account
that needs it, or that user could never start it again.
"""

import contextlib
import os
import stat
from pathlib import Path

from dml.entrypoints.embedded.accounts import Account
from dml.refused import Refused


def make(path: Path) -> None:
    """Make a folder, which others may pass through where root makes it. One that exists stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)


def make_private(folder: Path, account: Account) -> None:
    """Make a folder that only the account, and root, may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account.is_other:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    if not is_private(folder, account):
        raise Refused(
            f"{folder} is not private to {account.name}: "
            f"it has to be a folder, no link, owned by {account.name}, of mode 0700"
        )


def is_private(folder: Path, account: Account) -> bool:
    """Whether nobody but the account, and root, may enter. A folder that is gone is not private."""
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        mode = stat.S_IMODE(found.st_mode)
        return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and mode == 0o700
    return False


def open_shared(path: Path, flags: int = os.O_RDWR) -> int:
    """Open a file of mode 0600, made where it is missing, which its folder's owner can open too."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def write_private(path: Path, text: str, *, uid: int, gid: int) -> None:
    """Replace a file's content whole or not at all, readable by that user alone."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w") as file:
        if os.geteuid() == 0:
            os.fchown(file.fileno(), uid, gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
