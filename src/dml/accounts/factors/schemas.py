"""Shapes on the wire, of second factors."""

from datetime import datetime
from typing import Final

from pydantic import Field

from dml.accounts.identities.proofs import FactorProof, Proof
from dml.core.wire import Body, Text, Wire, example

PROVEN: Final = "What proves that the account is yours: the second factor, where there is one."
_CODES: Final = [["k7mq2x-9fhd4c-w3tzpa-5ryv8n", "…"]]


class FactorsOut(Wire):
    """What signs you in besides your password."""

    totp_since: datetime | None = Field(
        description="Since when you have an authenticator app, whose code is asked for when you "
        "sign in; `null` where you have none."
    )
    recovery_codes_left: int = Field(description="How many recovery codes were not used.")


class TotpCreate(Body):
    model_config = example(proof={"kind": "password", "password": "correct horse battery"})

    proof: Proof = Field(description=PROVEN)


class NewTotpOut(Wire):
    """A secret for an authenticator app. It is shown this once."""

    secret: str = Field(
        description="The secret in base32, to be typed into an app that reads no picture.",
        examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"],
    )
    uri: str = Field(
        description="The same as a URI, to be shown as a QR code for the app to read.",
        examples=["otpauth://totp/…?secret=…&issuer=…"],
    )
    expires_at: datetime = Field(description="Until when a first code has to confirm it.")


class TotpConfirm(Body):
    model_config = example(code="492039")

    code: Text = Field(max_length=20, description="The six digits that the app shows now.")


class TotpRevoke(Body):
    model_config = example(proof={"kind": "totp", "code": "492039"})

    proof: Proof = Field(description=PROVEN)


class RecoveryCodesCreate(TotpRevoke):
    """What proves who asks for new recovery codes."""


class RecoveryCodesOut(Wire):
    """Recovery codes. They are shown this once."""

    recovery_codes: list[str] = Field(
        description="Each signs you in once in the place of a code of your app, as when your "
        "phone is lost. Keep them where that is not.",
        examples=_CODES,
    )


class SessionConfirm(Body):
    model_config = example(
        ticket="q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7sQw0Zb1c2d3e",
        proof={"kind": "totp", "code": "492039"},
    )

    ticket: Text = Field(max_length=100, description="What the first half of signing in gave you.")
    proof: FactorProof = Field(description="A proof by your second factor.")
