"""The two ways that a mail goes: to an SMTP server, or onto this machine's shelf."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final, Protocol

from dml.core.deferred import deferred
from dml.core.ids import MailId
from dml.core.settings import Settings
from dml.core.settings_mail import SmtpSecurity
from dml.mail import rules
from dml.mail.service import Letter
from dml.mail.shelf import Shelf

if TYPE_CHECKING:
    import aiosmtplib
else:
    aiosmtplib = deferred("aiosmtplib")

NOBODY: Final = "marketplace@localhost.localdomain"  # Whom mail on the shelf comes from.
NO_ANSWER: Final = "It did not answer in time."
PERMANENT: Final = range(500, 600)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter with its address, from when it was written."""

    mail_id: MailId
    recipient: str
    written_at: datetime
    letter: Letter


class CannotSend(Exception):
    """It was not taken. `is_final`: another attempt would be refused, too."""

    def __init__(self, error: str, *, is_final: bool = False) -> None:
        super().__init__(error)
        self.is_final = is_final


class Carrier(Protocol):
    """Takes a mail, or raises CannotSend."""

    async def carry(self, addressed: Addressed) -> None: ...


def compose(addressed: Addressed, sender: str) -> EmailMessage:
    """Make the message. The library refuses a line break in any header (ValueError)."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = rules.envelope_address(addressed.recipient)
    message["Subject"] = addressed.letter.subject
    message["Date"] = format_datetime(addressed.written_at)
    # The same at each attempt: where one was taken unnoticed, a mailbox can tell the second.
    message["Message-ID"] = f"<{addressed.mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: so that no machine answers.
    message.set_content(addressed.letter.text)
    return message


class SmtpCarrier:
    """Hands each mail to the server of the settings, by a connection of its own."""

    def __init__(self, settings: Settings, trust: ssl.SSLContext | None = None) -> None:
        assert settings.smtp_host is not None
        assert settings.mail_from is not None
        self._settings, self._trust, self._sender = settings, trust, settings.mail_from

    async def carry(self, addressed: Addressed) -> None:
        here, password = self._settings, self._settings.smtp_password
        try:
            async with asyncio.timeout(rules.SEND_SECONDS):
                await aiosmtplib.send(
                    compose(addressed, self._sender),
                    hostname=here.smtp_host,
                    port=here.smtp_port_used,
                    username=here.smtp_username,
                    password=password.get_secret_value() if password else None,
                    use_tls=here.smtp_security is SmtpSecurity.TLS,
                    # Never by chance: with `starttls` a server that cannot gets no mail.
                    start_tls=here.smtp_security is SmtpSecurity.STARTTLS,
                    tls_context=self._trust,
                    timeout=rules.SEND_SECONDS,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            is_final = refused.code in PERMANENT
            raise CannotSend(f"{refused.code} {refused.message}", is_final=is_final) from error
        except aiosmtplib.SMTPDataError as error:
            is_final = error.code in PERMANENT
            raise CannotSend(f"{error.code} {error.message}", is_final=is_final) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise CannotSend(str(error) or NO_ANSWER) from error
        except ValueError as error:  # Of this mail alone, and of this mail always.
            raise CannotSend(str(error), is_final=True) from error


class ShelfCarrier:
    """Keeps each mail on this machine, where `/dev/mails` shows it."""

    def __init__(self, settings: Settings) -> None:
        self._shelf = Shelf.of(settings)

    async def carry(self, addressed: Addressed) -> None:
        kept = compose(addressed, NOBODY).as_bytes()
        await asyncio.to_thread(self._shelf.keep, addressed.mail_id, kept)
        log.info("a mail (%s) is kept: see /dev/mails of this marketplace", addressed.mail_id)


def carrier_of(settings: Settings) -> Carrier | None:
    """Return the way that mail goes here; None where there is none, and it waits."""
    if settings.smtp_host is not None:
        return SmtpCarrier(settings)
    return ShelfCarrier(settings) if Shelf.is_used(settings) else None
