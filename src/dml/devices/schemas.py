"""Shapes on the wire. What goes out has the suffix `Out`, which OpenAPI leaves out."""

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
SPEED_MAX: Final = 1_000_000_000
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
Speed = Annotated[int, Field(ge=1, le=SPEED_MAX, examples=[25_000])]
Kinds = Annotated[list[DataKind], Unique, Field(max_length=len(DataKind), examples=[["photo"]])]
Label = Annotated[Text, Field(max_length=200)]


NAME: Final = "What the owner calls the device."
PLATFORM: Final = "The operating system of the device."
MEMORY: Final = (
    "The memory in MiB that the device gives to one model; `null` if it is not known. No model "
    "that needs more is offered to it."
)
SPEED: Final = (
    "How fast the device is: million multiplications and additions of `float32` numbers in a "
    "second, on one core; `null` if it is not known. No model that needs more is offered to it."
)
COUNTRY: Final = "The country that the device is in: two letters (ISO 3166-1 alpha-2)."
KINDS: Final = "The kinds of data that are on the device."


class PairingCodeOut(Wire):
    code: str = Field(description="The code to type into the device.", examples=["ABCD-EFGH"])
    expires_at: datetime = Field(description="From this time on the code no longer works.")
    expires_in_seconds: int = Field(
        int(CODE_LIFETIME.total_seconds()), description="Seconds until the code expires."
    )


class DeviceCreate(Body):
    model_config = example(
        code="ABCD-EFGH",
        public_key=_KEY,
        name="Ada's phone",
        platform="android",
        memory_mib=4096,
        speed=25_000,
        country="PT",
        kinds=["photo"],
    )

    code: Text = Field(
        max_length=40,
        description="The pairing code. Case, dashes and spaces do not matter.",
        examples=["ABCD-EFGH"],
    )
    public_key: PublicKey
    name: Name = Field(description=NAME)
    platform: Platform = Field(description=PLATFORM)
    memory_mib: Memory | None = Field(None, description=MEMORY)
    speed: Speed | None = Field(None, description=SPEED)
    country: Country | None = Field(None, description=COUNTRY)
    kinds: Kinds = Field(description=KINDS)


class DeviceSelfUpdate(Body):
    """Fields that are not sent stay as they are; `null` empties a field."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"memory_mib": 4096, "kinds": ["photo", "text"]}]}
    )

    platform: Platform = Field(Platform.OTHER, description=PLATFORM)
    memory_mib: Memory | None = Field(None, description=MEMORY)
    speed: Speed | None = Field(None, description=SPEED)
    country: Country | None = Field(None, description=COUNTRY)
    kinds: Kinds = Field([], description=KINDS)


class DeviceUpdate(Body):
    """Fields that are not sent stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Ada's phone", "permitted_kinds": ["photo"]}]}
    )

    name: Name = Field("", description=NAME)
    permitted_kinds: Kinds | None = Field(
        None,
        description="The kinds of data that models may process on this device, of those that you "
        "permit on all your devices; `null`: all of those.",
    )


class DeviceOut(Wire):
    id: DeviceId
    owner_id: UserId = Field(description="The user whom the device belongs to.")
    name: str = Field(description=NAME)
    platform: Platform = Field(description=PLATFORM)
    memory_mib: int | None = Field(description=MEMORY)
    speed: int | None = Field(description=SPEED)
    country: str | None = Field(description=COUNTRY)
    kinds: list[DataKind] = Field(description=KINDS)
    permitted_kinds: list[DataKind] | None = Field(
        description="The kinds of data that models may process on this device, of those that its "
        "owner permits on all devices; `null`: all of those."
    )
    created_at: datetime
    last_seen_at: datetime | None = Field(
        description="When the device last sent a request, to the minute; `null` if it never did."
    )
    revoked_at: datetime | None = Field(
        description="When its owner revoked it; `null` if that was not done."
    )


class DeviceCountOut(Wire):
    """How many could run a version, so that nobody learns of single ones."""

    owners: int | None = Field(
        description="At least so many owners have a device that could run it, seen in the last 30 "
        "days: 5, 10, 50, 100, 500 or 1000; `null`: fewer than are told of.",
        examples=[50],
    )
    least_memory_mib: int | None = Field(
        description="The memory in MiB that a device needs; `null`: not known."
    )
    least_speed: int | None = Field(
        description="The `speed` that a device needs; `null`: not known."
    )


class DeviceNonceOut(Wire):
    nonce: str = Field(description="The text to sign, as the claim `nonce`. It works once.")
    expires_in_seconds: int = Field(
        int(NONCE_LIFETIME.total_seconds()), description="Seconds until the nonce expires."
    )


class DeviceTokenCreate(Body):
    model_config = example(
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion="eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiIwMT….c2lnbmF0dXJl…",
    )

    grant_type: Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"] = Field(
        description="How the device proves itself (RFC 7523)."
    )
    assertion: Text = Field(
        max_length=ASSERTION_MAX,
        description="A JWS in compact form (`alg`: `Ed25519` or `EdDSA`), signed with the "
        "registered key, with the claims `iss` and `sub` (the device's id), `aud` (`devices`) and "
        "`nonce`. Claims with times are ignored.",
        examples=["eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiIwMT….c2lnbmF0dXJl…"],
    )


class DeviceTokenOut(Wire):
    access_token: str = Field(description="For the header `Authorization: Bearer …`.")
    token_type: Literal["Bearer"] = Field("Bearer", description="How to send the access token.")
    expires_in: int = Field(description="Seconds until the token expires.", examples=[900])


REFUSED_JOBS: Final = "Your devices get no work of these jobs."
REFUSED_DEVELOPERS: Final = "Your devices get no models of these users."
ALLOWS_EXACT: Final = (
    "Whether your devices may work for answers without noise, where the operator allows that. Such "
    "an answer tells sums of a few owners as they are, and you alone are not hidden by chance."
)
REFUSED_LABELS: Final = "Your devices get no models that look for one of these labels."
REFUSED_COUNTRIES: Final = "Your devices get no work of jobs that ask for one of these countries."
LARGEST_EPSILON: Final = (
    "Your devices get no work of a job that may learn more of you than this, the epsilon of "
    "differential privacy; `null`: of any that your privacy budget covers."
)


class DeviceLimitsUpdate(Body):
    """What you refuse on all your devices, in place of what you refused before."""

    model_config = example(
        refused_jobs=["01987c1e-0000-7000-8000-000000000001"],
        refused_developers=[],
        refused_labels=["passport"],
    )

    refused_jobs: Annotated[list[JobId], Unique] = Field(
        max_length=REFUSED_MAX, description=REFUSED_JOBS
    )
    refused_developers: Annotated[list[UserId], Unique] = Field(
        max_length=REFUSED_MAX, description=REFUSED_DEVELOPERS
    )
    refused_labels: Annotated[list[Label], Unique] = Field(
        max_length=REFUSED_MAX, examples=[["passport"]], description=REFUSED_LABELS
    )
    refused_countries: Annotated[list[Country], Unique] = Field(
        [], max_length=250, description=REFUSED_COUNTRIES
    )
    max_epsilon: float | None = Field(
        None, ge=0.01, le=100, allow_inf_nan=False, description=LARGEST_EPSILON
    )
    allows_exact: bool = Field(False, description=ALLOWS_EXACT)


class DeviceLimitsOut(Wire):
    """What a user refuses on all their devices."""

    refused_jobs: list[JobId] = Field(description=REFUSED_JOBS)
    refused_developers: list[UserId] = Field(description=REFUSED_DEVELOPERS)
    refused_labels: list[str] = Field(description=REFUSED_LABELS)
    refused_countries: list[str] = Field(description=REFUSED_COUNTRIES)
    max_epsilon: float | None = Field(description=LARGEST_EPSILON)
    allows_exact: bool = Field(description=ALLOWS_EXACT)
