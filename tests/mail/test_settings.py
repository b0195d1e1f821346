"""Settings of mail that would send nothing, or a password in the clear, are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from dml.core.settings import Settings

SMTP: dict[str, Any] = {"smtp_host": "mail.example.org", "mail_from": "market@example.org"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_host": "mail.example.org"}, "DML_MAIL_FROM"),
        ({**SMTP, "mail_from": "market"}, "@-sign"),
        ({**SMTP, "mail_from": "a@example.org\r\nBcc: b@example.org"}, "invalid characters"),
        ({**SMTP, "smtp_username": "market"}, "DML_SMTP_PASSWORD"),
        (
            {**SMTP, "smtp_username": "m", "smtp_password": "p", "smtp_security": "none"},
            "in the clear",
        ),
        ({**SMTP, "smtp_security": "perhaps"}, "starttls"),
    ],
)
def test_wrong_settings_are_told(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(**wrong)


def test_the_port_follows_from_the_way() -> None:
    ports = {it: Settings(**SMTP, smtp_security=it).smtp_port_used for it in ("starttls", "tls")}
    assert ports == {"starttls": 587, "tls": 465}
    assert Settings(**SMTP, smtp_port=2525).smtp_port_used == 2525
