"""Shapes on the wire, of passkeys. Those of options have the standard's names (Web Authentication
Level 3, 5.1.8 and 5.1.9), so that browsers read them by their own `parse…OptionsFromJSON`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from pydantic import Field
from sqlalchemy import Row

from dml.accounts.identities.proofs import Proof
from dml.accounts.passkeys import rules
from dml.accounts.passkeys.credentials import (
    EXAMPLE_ASSERTION,
    EXAMPLE_ATTESTATION,
    NewPasskey,
    SignedPasskey,
)
from dml.accounts.passkeys.service import Asked
from dml.core import base64url
from dml.core.ids import IdentityId
from dml.core.wire import Body, Text, Wire, example

_PROOF: Final = {"kind": "password", "password": "correct horse battery"}
_NAME: Final = "What you call it; else it is called by the browser that made it."
_TIMEOUT: Final = int(rules.CHALLENGE_LASTS.total_seconds() * 1_000)
# COSE's numbers of Ed25519, of ECDSA over P-256, and of RSA, as `ceremonies.ALGORITHMS`.
_ALGORITHMS: Final = (-8, -7, -257)
PasskeyKind: TypeAlias = Literal["public-key"]
TYPE: Final = "public-key"


class PasskeyDescriptorOut(Wire):
    """A passkey, as browsers know it."""

    id: str = Field(description="What its authenticator calls it, in base64url.")
    type: PasskeyKind = Field(description="The kind of credential.")
    transports: list[str] = Field(description="How browsers reach its authenticator.")


class PasskeyParametersOut(Wire):
    """A kind of key that we read."""

    type: PasskeyKind = Field(description="The kind of credential.")
    alg: int = Field(description="COSE's number of the algorithm.", examples=[-7])


class RelyingPartyOut(Wire):
    """For whom a passkey is."""

    id: str = Field(description="The domain.", examples=["market.example.org"])
    name: str = Field(description="What people call it.")


class PasskeyUserOut(Wire):
    """Whose a passkey is, as authenticators show and keep it."""

    id: str = Field(description="Of the account, in base64url. It says nothing of its user.")
    name: str = Field(description="What the authenticator calls the account.")
    displayName: str = Field(description="The same.")


class PasskeySelectionOut(Wire):
    """What an authenticator has to do."""

    residentKey: Literal["required"] = Field(
        description="It keeps whose a passkey is, so that no name has to be typed."
    )
    requireResidentKey: bool = Field(description="The same, for old browsers.")
    userVerification: Literal["required"] = Field(
        description="It verifies who uses it: by a fingerprint, a face or a PIN."
    )


class PasskeyCreationOptionsOut(Wire):
    """Options for `navigator.credentials.create`, as
    `PublicKeyCredential.parseCreationOptionsFromJSON` takes them.
    """

    rp: RelyingPartyOut = Field(description="For whom the passkey will be.")
    user: PasskeyUserOut = Field(description="Whose it will be.")
    challenge: str = Field(description="What is signed, in base64url. It is good once.")
    pubKeyCredParams: list[PasskeyParametersOut] = Field(description="Kinds of keys that we read.")
    timeout: int = Field(description="Milliseconds for which the challenge is good.")
    excludeCredentials: list[PasskeyDescriptorOut] = Field(
        description="Passkeys that you have: an authenticator that holds one makes no other."
    )
    authenticatorSelection: PasskeySelectionOut = Field(description="What is asked of it.")
    attestation: Literal["none"] = Field(
        description="Nothing is asked of who made the authenticator."
    )

    @classmethod
    def of(cls, asked: Asked) -> "PasskeyCreationOptionsOut":
        assert asked.user_id is not None, "a passkey is made for somebody"
        handle = base64url.encode(rules.handle_of(asked.user_id))
        domain = asked.site.relying_party
        return cls(
            rp=RelyingPartyOut(id=domain, name=f"DML Marketplace ({domain})"),
            user=PasskeyUserOut(id=handle, name=asked.user_name, displayName=asked.user_name),
            challenge=base64url.encode(asked.challenge),
            pubKeyCredParams=[PasskeyParametersOut(type=TYPE, alg=it) for it in _ALGORITHMS],
            timeout=_TIMEOUT,
            excludeCredentials=_descriptors(asked.known),
            authenticatorSelection=PasskeySelectionOut(
                residentKey="required", requireResidentKey=True, userVerification="required"
            ),
            attestation="none",
        )


class PasskeyRequestOptionsOut(Wire):
    """Options for `navigator.credentials.get`, as
    `PublicKeyCredential.parseRequestOptionsFromJSON` takes them.
    """

    challenge: str = Field(description="What is signed, in base64url. It is good once.")
    timeout: int = Field(description="Milliseconds for which the challenge is good.")
    rpId: str = Field(description="The domain that the passkey is for.")
    allowCredentials: list[PasskeyDescriptorOut] = Field(
        description="Your passkeys, of which one has to sign. Empty: any of this domain."
    )
    userVerification: Literal["required"] = Field(
        description="It verifies who uses it: by a fingerprint, a face or a PIN."
    )

    @classmethod
    def of(cls, asked: Asked) -> "PasskeyRequestOptionsOut":
        return cls(
            challenge=base64url.encode(asked.challenge),
            timeout=_TIMEOUT,
            rpId=asked.site.relying_party,
            allowCredentials=_descriptors(asked.known),
            userVerification="required",
        )


class PasskeySessionCreate(Body):
    model_config = example(credential=EXAMPLE_ASSERTION)

    credential: SignedPasskey = Field(
        description="What the browser made of the options from "
        "`POST /v1/sessions/passkey-challenges`."
    )


class PasskeySignUpChallenge(Body):
    model_config = example(name="Ada")

    name: Text | None = Field(
        None,
        max_length=64,
        description="What the authenticator is to call the account. It is not kept here.",
    )


class PasskeyUserCreate(Body):
    model_config = example(credential=EXAMPLE_ATTESTATION, name="My phone")

    credential: NewPasskey = Field(
        description="What the browser made of the options from `POST /v1/users/passkey-challenges`."
    )
    name: Text | None = Field(None, max_length=rules.NAME_MAX, description=_NAME)


class PasskeyCreate(Body):
    model_config = example(credential=EXAMPLE_ATTESTATION, name="My phone", proof=_PROOF)

    credential: NewPasskey = Field(
        description="What the browser made of the options from "
        "`POST /v1/users/me/passkeys/challenges`."
    )
    name: Text | None = Field(None, max_length=rules.NAME_MAX, description=_NAME)
    proof: Proof = Field(description="What proves that the account is yours.")


class PasskeyUpdate(Body):
    model_config = example(name="My old phone")

    name: Text = Field(max_length=rules.NAME_MAX, description="What you call it.")


class PasskeyRevoke(Body):
    model_config = example(proof=_PROOF)

    proof: Proof = Field(description="What proves that the account is yours.")


class PasskeyOut(Wire):
    """A passkey by which you sign in."""

    id: IdentityId
    name: str = Field(description="What you call it.")
    relying_party: str = Field(
        description="The domain that it is for. Where the marketplace has another one now, it is "
        "of no use."
    )
    transports: list[str] = Field(description="How browsers reach its authenticator.")
    aaguid: UUID = Field(
        description="Which kind of authenticator it says that it is; all zeros, where it does not."
    )
    can_be_backed_up: bool = Field(
        description="Whether it may be on several devices, as those of phones are."
    )
    is_backed_up: bool = Field(
        description="Whether it was, when it was last used. Else it is lost with its device."
    )
    created_at: datetime = Field(description="Since when.")
    last_used_at: datetime | None = Field(description="When somebody last used it.")


def _descriptors(known: Sequence[Row[str, list[str]]]) -> list[PasskeyDescriptorOut]:
    return [PasskeyDescriptorOut(id=subject, type=TYPE, transports=by) for subject, by in known]
