"""What is taken out of a text before it is logged or reported, and what stays."""

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from dml.core.redacting import redact, redact_all


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("550 <ada.b+c@mail.example.org> is unknown", "550 <[address]> is unknown"),
        ("GET https://it.example/cb?code=abc&state=def failed", "GET https://it.example/cb"),
        ("postgresql://dml:pass-word@127.0.0.1:5432/dml", "postgresql://[secret]@127.0.0.1:5432"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer [token]"),
        ("sent eyJhbGciOiJFZERTQSJ9.eyJzdWIiOjF9.c2ln as token", "sent [token] as token"),
        ("dml_pat_0123456789abcdef is known", "[token] is known"),
        ("whsec_c2VjcmV0 signs", "[token] signs"),
    ],
    ids=["mail", "query", "password", "bearer", "jwt", "personal_token", "webhook"],
)
def test_what_is_secret_goes_and_the_rest_stays(said: str, left: str) -> None:
    assert left in redact(said)
    for secret in ("ada", "abc&", "pass-word", "abcdefgh", "sdWIi", "0123456789", "c2Vj"):
        assert secret not in redact(said)


@pytest.mark.parametrize(
    "said",
    [
        "PostgreSQL is away: connection to server at 127.0.0.1, port 5432 failed",
        "job:0190b7a2-0000-7000-8000-000000000000 cannot be archived",
        "/v1/users/me 12.5 https://node.example:8545/path",
    ],
    ids=["address_of_a_server", "id", "plain_url"],
)
def test_what_an_operator_needs_stays(said: str) -> None:
    assert redact(said) == said


def test_of_an_error_of_postgresql_its_rows_are_left_out() -> None:
    error = asyncpg.UniqueViolationError("duplicate key value")
    error.__dict__["detail"] = "Key (name)=(Ada\nLovelace) exists."
    error.__dict__["hint"] = "None."
    assert redact(str(error)) == "duplicate key value\nDETAIL: [left out]\nHINT:  None."
    after = f"{error}\n\nThe above exception was the direct cause"
    assert "Lovelace" not in redact(after)
    assert redact(after).endswith("direct cause")


def test_of_an_error_of_pydantic_the_value_is_left_out() -> None:
    class Secret(BaseModel):
        password: int

    with pytest.raises(ValidationError) as raised:
        Secret.model_validate({"password": "open, input sesame]"})
    said = redact(str(raised.value))
    assert "sesame" not in said
    assert "input_type=str" in said


def test_what_lies_in_a_value_is_found() -> None:
    asked = {
        "to": ["a@b.example", 5, None, ("c@d.example", True)],
        "e@f.example": ValueError("g@h.io"),
    }
    told = {"to": ["[address]", 5, None, ["[address]", True]], "[address]": "[address]"}
    assert redact_all(asked) == told
