"""A real mail server on this machine, that refuses what a test has it refuse."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as READING
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from dml.core.settings import Settings
from dml.core.settings_mail import SmtpSecurity

USER: Final = ("market", "its password")
SENDER: Final = "market@example.org"


@dataclass
class Sink:
    """What came in, and how the next is answered."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    recipient_answer: str = "250 OK"
    data_answer: str = "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.data_answer.startswith("2"):
            self.envelopes.append(envelope)
            read = message_from_bytes(cast(bytes, envelope.content), policy=READING)
            self.taken.append(read)
        return self.data_answer


def _sign_in(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    given = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode())
    return AuthResult(success=given == USER, handled=False)


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, port: int = 0
) -> AsyncIterator[Sink]:
    """Listen on this machine; with `tls` by STARTTLS, or from the first byte where `implicit`.

    With STARTTLS it takes mail only of who signs in.
    """
    sink = Sink()

    def serve() -> SMTP:
        return SMTP(
            sink,
            tls_context=None if implicit else tls,
            require_starttls=tls is not None and not implicit,
            authenticator=_sign_in,
            auth_required=tls is not None and not implicit,
            auth_require_tls=not implicit,
        )

    loop, context = asyncio.get_running_loop(), tls if implicit else None
    server = await loop.create_server(serve, "127.0.0.1", port, ssl=context)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


def settings_for(settings: Settings, port: int, **more: Any) -> Settings:
    """Settings by which mail goes there, in the clear unless said otherwise."""
    way = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": SmtpSecurity.NONE,
        "mail_from": SENDER,
        **more,
    }
    return settings.model_copy(update=way)


def signed_in(settings: Settings, port: int, security: str, password: str = USER[1]) -> Settings:
    return settings_for(
        settings,
        port,
        smtp_security=SmtpSecurity(security),
        smtp_username=USER[0],
        smtp_password=SecretStr(password),
    )


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make one for this machine. Return what its server uses, and what a client trusts."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "server.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=certificate.public_bytes(pem).decode())
