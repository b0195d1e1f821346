"""Whom the servers run as: the caller or, where root calls, an account that root drops to."""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dml.refused import Refused

DROP_TO: Final = ("dml", "postgres", "nobody")  # The first that exists. None is ever made.
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """A user of this machine, and how to run something as that user."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Whether a process of ours has to change its user to become this account."""
        return os.geteuid() != self.uid

    @property
    def user(self) -> int | None:
        """The `user` that subprocess asks for."""
        return self.uid if self.is_other else None

    @property
    def group(self) -> int | None:
        """The `group` that subprocess asks for."""
        return self.gid if self.is_other else None

    @property
    def extra_groups(self) -> list[int] | None:
        """The `extra_groups` that subprocess asks for: none of root's are kept."""
        return [] if self.is_other else None

    def run(
        self,
        command: Sequence[str | Path],
        *,
        script: str = "",
        secrets: dict[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as this account; `script` is its input, `secrets` variables."""
        return subprocess.run(  # noqa: S603 - our own commands, never a shell's line
            [str(part) for part in command],
            cwd="/",
            env=ENVIRONMENT | (secrets or {}),
            input=script,
            text=True,
            errors="replace",
            capture_output=True,
            check=False,
            pass_fds=keep_open,
            user=self.user,
            group=self.group,
            extra_groups=self.extra_groups,
        )

    def can(self, command: Sequence[str | Path]) -> bool:
        """Whether this command ends well as this account."""
        with contextlib.suppress(OSError):
            return self.run(command).returncode == 0
        return False


def of(uid: int) -> Account:
    """The account of a user id."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise Refused(
            f"user id {uid} has no entry in /etc/passwd, and PostgreSQL asks for one: "
            "add one, or name a PostgreSQL of your own in DML_DATABASE_URL"
        ) from None
    return Account(uid, entry.pw_gid, entry.pw_name)


def caller() -> Account:
    """The account that we are."""
    return Account(os.geteuid(), os.getegid(), "the caller")


def choose() -> Account:
    """Whom new servers shall run as. PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return of(os.geteuid())
    for name in DROP_TO:
        with contextlib.suppress(KeyError):
            return of(pwd.getpwnam(name).pw_uid)
    raise Refused(
        f"root may not run PostgreSQL, and none of the accounts {', '.join(DROP_TO)} exists: "
        "make one (useradd --system dml), or start as an ordinary user"
    )
