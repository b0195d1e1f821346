"""The settings of mail: by which server it leaves, and from whom."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from dml.core.deferred import deferred

if TYPE_CHECKING:
    import email_validator
else:
    email_validator = deferred("email_validator")


class SmtpSecurity(StrEnum):
    """`starttls`: begins in the clear and turns to TLS, or sends nothing; `tls`: TLS from the first
    byte; `none`: in the clear, for a server on this machine.
    """

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS: Final = {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465, SmtpSecurity.NONE: 25}


def _check_address(address: str) -> str:
    try:
        return email_validator.validate_email(address, check_deliverability=False).normalized
    except email_validator.EmailNotValidError as error:
        raise ValueError(str(error)) from None


class MailSettings(BaseSettings):
    """What an operator decides about mail."""

    smtp_host: str | None = Field(
        None,
        description="The SMTP server that takes mail. Unset: none is sent; where the API listens "
        "on this machine alone and has no public URL, what would be sent is shown at `/dev/mails`.",
    )
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="Its port. Unset: 587, with `tls` 465, with `none` 25."
    )
    smtp_security: SmtpSecurity = Field(
        SmtpSecurity.STARTTLS,
        description="How the way there is protected: `starttls`, `tls`, or `none`, which is for a "
        "server on this machine.",
    )
    smtp_username: str | None = Field(None, description="Who signs in to it. Unset: nobody does.")
    smtp_password: SecretStr | None = Field(None, description="And the password.")
    mail_from: Annotated[str, AfterValidator(_check_address)] | None = Field(
        None, description="The address that mail comes from. Needed where an SMTP server is set."
    )
    mails_an_hour: int = Field(
        5,
        ge=1,
        le=1_000,
        description="Mails of one kind that one address is sent in an hour, where anybody can ask "
        "for them, or they tell of what was done to an account again and again.",
    )

    sign_up_by_mail: bool | None = Field(
        None,
        description="Whether an account is opened by a link in a mail alone, so that nobody learns "
        "who has one. Unset: where an SMTP server is set.",
    )

    @property
    def opens_by_mail(self) -> bool:
        return self.smtp_host is not None if self.sign_up_by_mail is None else self.sign_up_by_mail

    @property
    def smtp_port_used(self) -> int:
        return self.smtp_port or _PORTS[self.smtp_security]

    @model_validator(mode="after")
    def _require_a_sender(self) -> "MailSettings":
        if self.smtp_host is not None and self.mail_from is None:
            raise ValueError("DML_SMTP_HOST is set, but DML_MAIL_FROM is not: from whom?")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("DML_SMTP_USERNAME and DML_SMTP_PASSWORD go together")
        if self.smtp_username is not None and self.smtp_security is SmtpSecurity.NONE:
            raise ValueError("DML_SMTP_SECURITY is `none`: the password would go in the clear")
        return self
