"""Shapes on the wire. An `In` is what a client may send; an `Out` is what it gets."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from dml.accounts.models import DataKind
from dml.core.ids import DeviceId, JobId, UserId
from dml.core.wire import Body, Country, Text, Unique, Wire, example
from dml.devices.assertions import ASSERTION_MAX
from dml.devices.keys import decode_key
from dml.devices.models import Platform
from dml.devices.rules import CODE_LIFETIME, NONCE_LIFETIME, REFUSED_MAX

MEMORY_MAX_MIB: Final = 16 * 1024 * 1024
_KEY: Final = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # The public key of RFC 8037, A.2.


def _read_key(sent: object) -> bytes:
    if not isinstance(sent, str):
        raise ValueError("must be a string")
    return decode_key(sent)


PublicKey = Annotated[
    bytes,
    BeforeValidator(_read_key),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 43,
            "maxLength": 44,
            "description": "A raw Ed25519 public key of 32 bytes, in base64url.",
            "examples": [_KEY],
        }
    ),
]
Name = Annotated[Text, Field(max_length=100, examples=["Ada's phone"])]
Memory = Annotated[int, Field(ge=1, le=MEMORY_MAX_MIB, examples=[4096])]
Kinds = Annotated[list[DataKind], Unique, Field(max_length=len(DataKind), examples=[["photo"]])]
Label = Annotated[Text, Field(max_length=200)]


class PairingCodeOut(Wire):
    code: str = Field(description="Type it into the device.", examples=["ABCD-EFGH"])
    expires_at: datetime
    seconds_left: int = Field(int(CODE_LIFETIME.total_seconds()))


class RegisterIn(Body):
    model_config = example(
        code="ABCD-EFGH",
        public_key=_KEY,
        name="Ada's phone",
        platform="android",
        memory_mib=4096,
        country="PT",
        kinds=["photo"],
    )

    code: Text = Field(
        max_length=40,
        description="The pairing code. Case, dashes and spaces do not matter.",
        examples=["ABCD-EFGH"],
    )
    public_key: PublicKey
    name: Name
    platform: Platform
    memory_mib: Memory | None = None
    country: Country | None = None
    kinds: Kinds = Field(description="The kinds of data that it has.")


class DescriptionIn(Body):
    """What is absent stays as it is; `null` empties a field."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"memory_mib": 4096, "kinds": ["photo", "text"]}]}
    )

    platform: Platform = Platform.OTHER
    memory_mib: Memory | None = None
    country: Country | None = None
    kinds: Kinds = Field([])


class EditIn(Body):
    """What is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ada's phone", "permitted_kinds": ["photo"]}]}
    )

    name: Name = ""
    permitted_kinds: Kinds | None = Field(
        None, description="What models may process on this device; `null`: all that you permit."
    )


class DeviceOut(Wire):
    id: DeviceId
    owner_id: UserId
    name: str
    platform: Platform
    memory_mib: int | None
    country: str | None
    kinds: list[DataKind] = Field(description="The kinds of data that it has.")
    permitted_kinds: list[DataKind] | None = Field(
        description="What its owner narrows that to; `null`: no less than on other devices."
    )
    created_at: datetime
    last_seen_at: datetime | None = Field(description="Its last visit, to the minute.")
    revoked_at: datetime | None


class NonceOut(Wire):
    nonce: str = Field(description="To be signed, once.")
    expires_in_seconds: int = int(NONCE_LIFETIME.total_seconds())


class AssertionIn(Body):
    model_config = example(
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion="eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiIwMT….c2lnbmF0dXJl…",
    )

    grant_type: Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assertion: Text = Field(
        max_length=ASSERTION_MAX,
        description="A JWS in compact form (`alg`: `Ed25519` or `EdDSA`), signed with the "
        "registered key, with the claims `iss` and `sub` (the device's id), `aud` (`devices`) and "
        "`nonce`. No time in it is read.",
        examples=["eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiIwMT….c2lnbmF0dXJl…"],
    )


class DeviceTokenOut(Wire):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="Seconds that the token is good for.", examples=[900])


class LimitsIn(Body):
    """What you refuse on all your devices. It takes the place of what you refused before."""

    model_config = example(
        refused_jobs=["01987c1e-0000-7000-8000-000000000001"],
        refused_developers=[],
        refused_labels=["passport"],
    )

    refused_jobs: Annotated[list[JobId], Unique] = Field(max_length=REFUSED_MAX)
    refused_developers: Annotated[list[UserId], Unique] = Field(max_length=REFUSED_MAX)
    refused_labels: Annotated[list[Label], Unique] = Field(
        max_length=REFUSED_MAX, examples=[["passport"]]
    )


class LimitsOut(Wire):
    refused_jobs: list[JobId]
    refused_developers: list[UserId]
    refused_labels: list[str]
