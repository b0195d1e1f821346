"""Where a machine without an SMTP server keeps what it would send, so that a newcomer reads it.

Only for development: whoever reads these mails can open the accounts that they are about. So there
is a shelf only where no server is set, the API listens on this machine alone, and no public URL
says that a proxy lets others in.
"""

import email
import os
from dataclasses import dataclass
from email.policy import default as READING
from pathlib import Path
from typing import Final

from dml.core.addresses import is_loopback
from dml.core.ids import MailId
from dml.core.settings import Settings

KEPT_MAX: Final = 50  # The newest.


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail as a page shows it."""

    to: str
    subject: str
    date: str
    text: str


class Shelf:
    """A folder of `.eml` files that its owner alone reads, of which only the newest stay."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> "Shelf":
        return cls(settings.home / "mails")

    @staticmethod
    def is_used(settings: Settings) -> bool:
        """Whether mail is kept here in the place of being sent."""
        is_apart = settings.public_url is None and not settings.allowed_hosts
        return settings.smtp_host is None and is_apart and is_loopback(settings.host)

    def keep(self, mail_id: MailId, message: bytes) -> None:
        """Keep a mail; once more is the same. Those that are too many by now are deleted."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._folder / f".{mail_id}.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message)
        new.rename(self._folder / f"{mail_id}.eml")
        for old in self._files()[KEPT_MAX:]:
            old.unlink(missing_ok=True)

    def newest(self) -> list[Kept]:
        """Read what is kept, the newest first."""
        return [_read(it.read_bytes()) for it in self._files()[:KEPT_MAX]]

    def _files(self) -> list[Path]:
        """By name, which begins with when the mail was written."""
        return sorted(self._folder.glob("*.eml"), reverse=True)


def _read(message: bytes) -> Kept:
    read = email.message_from_bytes(message, policy=READING)
    return Kept(read["To"], read["Subject"], read["Date"], read.get_content().replace("\r\n", "\n"))
