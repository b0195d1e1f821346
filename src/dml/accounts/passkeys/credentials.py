"""What a browser makes of a passkey, as `PublicKeyCredential.toJSON()` writes it (Web
Authentication Level 3, 5.1). Its names are the standard's, and what else it tells is not read.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field

from dml.core.wire import Body, Text

_READ: Final = ConfigDict(extra="ignore")  # Browsers tell more with each version.
_ID: Final = "rjZ2oWlXQmq0pXKJZl0RkJ5c4yQ"
_CLIENT_DATA: Final = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUdzTmNoY0FBQUFBQUFB"
Base64url: TypeAlias = Annotated[Text, Field(pattern="^[A-Za-z0-9_-]+$")]
CredentialId: TypeAlias = Annotated[Text, Field(max_length=1_364, pattern="^[A-Za-z0-9_-]+$")]
ClientData: TypeAlias = Annotated[
    Base64url,
    Field(
        max_length=4_000, description="What the browser says that it asked for, and on which page."
    ),
]
EXAMPLE_ASSERTION: Final[dict[str, Any]] = {
    "id": _ID,
    "type": "public-key",
    "response": {
        "clientDataJSON": _CLIENT_DATA,
        "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ",
        "signature": "MEUCIQDxv0s4mWnN7yQ1pXUQn5a8fLr4lT2hG6bKcZ3jE9wYkAIgV7s",
        "userHandle": "AZCKXaMhdFq7zrMCmYBXtQ",
    },
}
EXAMPLE_ATTESTATION: Final[dict[str, Any]] = {
    "id": _ID,
    "type": "public-key",
    "response": {
        "clientDataJSON": _CLIENT_DATA,
        "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YViYSZYN5YgOjGh0NBcP",
        "transports": ["internal", "hybrid"],
    },
}


class PasskeyAttestation(Body):
    """What came of making a passkey."""

    model_config = _READ

    clientDataJSON: ClientData
    attestationObject: Base64url = Field(
        max_length=10_000, description="The new passkey's public key, and who holds it."
    )
    transports: list[Text] = Field(
        [], max_length=20, description="How browsers reach the authenticator, as far as they know."
    )


class NewPasskey(Body):
    """A passkey that was made, as `toJSON()` of what `navigator.credentials.create` gave."""

    model_config = _READ | {"json_schema_extra": {"examples": [EXAMPLE_ATTESTATION]}}

    id: CredentialId = Field(description="What the authenticator calls it, in base64url.")
    type: Literal["public-key"] = Field(description="The kind of credential.")
    response: PasskeyAttestation = Field(description="What the authenticator answered.")


class PasskeyAssertion(Body):
    """What came of signing with a passkey."""

    model_config = _READ

    clientDataJSON: ClientData
    authenticatorData: Base64url = Field(
        max_length=4_000, description="Whether its user was verified, and how often it was used."
    )
    signature: Base64url = Field(max_length=4_000, description="Its signature of both.")
    userHandle: Base64url | None = Field(
        None, max_length=100, description="Whose it is, as the authenticator knows it."
    )


class SignedPasskey(Body):
    """A passkey that has signed, as `toJSON()` of what `navigator.credentials.get` gave."""

    model_config = _READ | {"json_schema_extra": {"examples": [EXAMPLE_ASSERTION]}}

    id: CredentialId = Field(description="What the authenticator calls it, in base64url.")
    type: Literal["public-key"] = Field(description="The kind of credential.")
    response: PasskeyAssertion = Field(description="What the authenticator answered.")
