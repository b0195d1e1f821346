"""Shapes on the wire, of signing in by providers."""

from typing import Annotated, Final

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.core.wire import Body, Parameters, Text, Wire, example

_CODE: Final = "q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7sQw0Zb1c2d3e"
_VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
_CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
Code = Annotated[Text, Field(max_length=100)]
Verifier = Annotated[Text, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")]


class OpenidProviderOut(Wire):
    """A provider by which people sign in here."""

    id: str = Field(description="As in `/v1/sessions/openid/{provider}`.", examples=["google"])
    name: str = Field(description="What people call it.", examples=["Google"])
    is_proof: bool = Field(
        description="Whether a login there, made anew with `fresh=true`, proves who you are."
    )


class OpenidSignInStart(Parameters):
    return_to: Text = Field(
        max_length=2_000,
        description="Where the browser goes afterwards, with `code` in the query, or with `error`: "
        "the code of a problem (`/problems`). The operator lists what is possible; a program on "
        "the browser's machine may name itself (`http://127.0.0.1:PORT/…`).",
        examples=["https://app.example.org/signed-in?state=af0ifjsldkj"],
    )
    code_challenge: Text = Field(
        pattern=r"^[A-Za-z0-9_-]{43}$",
        description="The SHA-256 of a secret that you keep, in base64url (RFC 7636, S256): the "
        "code is good only together with the secret.",
        examples=[_CHALLENGE],
    )
    fresh: bool = Field(
        False,
        description="Whether the provider has to ask again who it is, so that it counts as a "
        "proof. Only OpenID providers can say that they did.",
    )


class OpenidSessionCreate(Body):
    model_config = example(code=_CODE, code_verifier=_VERIFIER)

    code: Code = Field(description="The `code` with which the browser returned.")
    code_verifier: Verifier = Field(description="The secret of which you sent the challenge.")


class OpenidIdentityCreate(OpenidSessionCreate):
    model_config = example(
        code=_CODE,
        code_verifier=_VERIFIER,
        proof={"kind": "password", "password": "correct horse battery"},
    )

    proof: Proof = Field(description="What proves that the account is yours.")
