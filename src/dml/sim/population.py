"""Makes owners and devices in bulk, and jobs for them, directly in the database.

Registering a hundred thousand people would take an hour, since password hashes are slow by design.
So owners and devices are copied into the database as registration and pairing would leave them, and
their tokens are signed with the marketplace's own keys. Nobody can sign in as such an
owner, and nobody has the private key of such a device. All carry `sim-…@example.org`.

Algorithm and jobs are made by the use cases that the API calls, with a version whose model no check
has looked at: a simulated device runs none.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from dml.accounts import passwords, service as accounts
from dml.accounts.models import DataKind
from dml.algorithms import service as algorithms
from dml.algorithms.models import AlgorithmKind, Version, VersionState
from dml.algorithms.rules import Finding
from dml.core.blobs import Blobs
from dml.core.context import NOBODY, SYSTEM, Actor, Context
from dml.core.db import raw
from dml.core.ids import DeviceId, JobId, UserId, VersionId, new_id
from dml.core.money import parse
from dml.core.settings import Settings
from dml.core.tokens import Keys
from dml.devices.tokens import AUDIENCE
from dml.jobs import service as jobs
from dml.jobs.models import Answers
from dml.jobs.service import Order, bounds_of
from dml.payments import credits

COUNTRY: Final = "BV"  # Bouvet Island: nobody lives there, so no real device or job is there.
LABELS: Final = tuple(str(digit) for digit in range(10))
TOKEN_SECONDS: Final = 24 * 3_600
SIGNED_MAX: Final = 200_000
_ROWS_AT_ONCE: Final = 20_000
_JOBS_AT_ONCE: Final = 200
_MODEL: Final = b"a model that no simulated device runs"
_SPEC: Final[dict[str, Any]] = {
    "kind": "image",
    "color": "grey",
    "width": 8,
    "height": 8,
    "resize": "stretch",
    "layout": "flat",
    "scale": 1,
    "mean": 0,
    "std": 1,
    "output": {"name": "probabilities", "activation": "none"},
}


_LIMIT_COLUMNS: Final = (
    "owner_id",
    "revision",
    "refused_jobs",
    "refused_developers",
    "refused_labels",
    "allows_exact",
)


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator can use of a marketplace: database, keys, files."""

    sessions: async_sessionmaker[AsyncSession]
    keys: Keys
    blobs: Blobs
    settings: Settings


@dataclass(slots=True)
class Crowd:
    """Simulated devices and their owners."""

    keys: Keys
    devices: list[DeviceId] = field(default_factory=list)
    owners: list[UserId] = field(default_factory=list)  # Of each device.
    _signed: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.devices)

    def token(self, number: int) -> str:
        """Return the token of a device, signed now unless it was signed before."""
        return self._signed[number] if number < len(self._signed) else self._sign(number)

    def sign(self, most: int = SIGNED_MAX) -> None:
        """Sign the first devices' tokens in advance: 70 µs and half a kilobyte each."""
        self._signed = [self._sign(number) for number in range(min(most, len(self)))]

    def _sign(self, number: int) -> str:
        return self.keys.sign(
            audience=AUDIENCE,
            now=datetime.now(UTC),
            seconds=TOKEN_SECONDS,
            sub=str(self.devices[number]),
            owner=str(self.owners[number]),
        )


async def gather(
    operator: Operator,
    *,
    devices: int,
    owners: int | None = None,
    countries: Sequence[str] = (COUNTRY,),
    name: str | None = None,
) -> Crowd:
    """Add so many devices of so many owners (each their own, unless said), in turn.

    `name` becomes part of their addresses. O(devices), about 60 µs each.
    """
    owners = min(owners or devices, devices)
    name = name or secrets.token_hex(4)
    nobodys = await passwords.hash_password(secrets.token_urlsafe())
    now, permitted = datetime.now(UTC), [DataKind.PHOTO.value]
    crowd, people = Crowd(operator.keys), [UserId(new_id()) for _ in range(owners)]
    for first in range(0, owners, _ROWS_AT_ONCE):
        users = [
            (user_id, f"sim-{name}-{n}@example.org", nobodys, "member", now, 1, permitted)
            for n, user_id in enumerate(people[first : first + _ROWS_AT_ONCE], first)
        ]
        await _copy(
            operator,
            "users",
            ("id", "email", "password_hash", "role", "created_at", "revision", "permitted_kinds"),
            users,
        )
        # They agree to exact answers: a simulation compares them with the truth.
        agreed: list[tuple[Any, ...]] = [(it[0], 1, [], [], [], True) for it in users]
        await _copy(operator, "owner_limits", _LIMIT_COLUMNS, agreed)
    for first in range(0, devices, _ROWS_AT_ONCE):
        rows = await asyncio.to_thread(
            _devices, people, range(first, min(devices, first + _ROWS_AT_ONCE)), countries, now
        )
        await _copy(operator, "devices", _DEVICE_COLUMNS, rows)
        crowd.devices += [row[0] for row in rows]
        crowd.owners += [row[1] for row in rows]
    return crowd


_DEVICE_COLUMNS: Final = (
    "id",
    "owner_id",
    "public_key",
    "name",
    "platform",
    "country",
    "kinds",
    "created_at",
    "revision",
)


def _devices(
    people: Sequence[UserId], numbers: range, countries: Sequence[str], now: datetime
) -> list[tuple[Any, ...]]:
    return [
        (
            DeviceId(new_id()),
            people[n % len(people)],
            Ed25519PrivateKey.generate().public_key().public_bytes_raw(),
            "simulated",
            "other",
            countries[n % len(countries)],
            [DataKind.PHOTO.value],
            now,
            1,
        )
        for n in numbers
    ]


async def _copy(
    operator: Operator, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    async with operator.sessions.begin() as tx:
        connection = await raw(tx)
        await connection.copy_records_to_table(table, records=rows, columns=columns)


@dataclass(frozen=True, slots=True)
class Offer:
    """An algorithm that jobs can run, its developer, and a customer who can pay."""

    version_id: VersionId
    developer_id: UserId
    customer_id: UserId


async def offer(operator: Operator, *, tokens: str = "1000000000") -> Offer:
    """Make an approved version of a listed algorithm, and a customer with so many tokens."""
    now, name = datetime.now(UTC), secrets.token_hex(4)
    async with operator.sessions.begin() as tx:
        developer, customer = [
            await _person(tx, now, f"{role}-{name}") for role in ("developer", "customer")
        ]
        as_system = Context(tx, SYSTEM, now)
        await credits.credit(
            as_system, customer, parse(tokens), reason="a simulation", alone_up_to=None
        )
    return Offer(await publish(operator, developer), developer, customer)


async def publish(
    operator: Operator,
    developer_id: UserId,
    *,
    model: bytes = _MODEL,
    spec: Mapping[str, Any] = _SPEC,
    labels: Sequence[str] = LABELS,
    device_fee: str = "0.01",
) -> VersionId:
    """Make an approved version of a listed algorithm, without a check of its model."""

    async def chunks() -> AsyncIterator[bytes]:
        yield model

    stored = await operator.blobs.put(chunks(), limit=len(model))
    now = datetime.now(UTC)
    async with operator.sessions.begin() as tx:
        ctx = Context(tx, Actor(developer_id), now)
        new = algorithms.NewAlgorithm(
            title="Simulated",
            summary="Stands for a model where none is run.",
            model_card="# Simulated\n\nNo check has looked at this model.",
            kind=AlgorithmKind.IMAGE,
            tags=["simulation"],
            data_kind=DataKind.PHOTO,
            device_fee=parse(device_fee),
            labels=list(labels),
        )
        algorithm = await algorithms.create(ctx, new)
        version = Version(
            id=VersionId(new_id()),
            algorithm_id=algorithm.id,
            number=1,
            state=VersionState.UPLOADED,
            input_spec=dict(spec),
            sha256=stored.sha256,
            size=stored.size,
            created_at=now,
        )
        tx.add_all([algorithm, version])
        await tx.flush()
        await algorithms.conclude_check(ctx, version.id, Finding({}, []))
        await algorithms.submit(ctx, algorithm.id, version.id)
        as_system = Context(tx, SYSTEM, now)
        await algorithms.approve(as_system, algorithm.id, version.id, reason="a simulation")
    return version.id


@dataclass(frozen=True, slots=True)
class JobTerms:
    """What each simulated job asks for. `reward` is in tokens."""

    places: int
    places_an_owner: int = 1
    reward: str = "0.05"
    countries: Sequence[str] = (COUNTRY,)
    hours: float = 24
    epsilon: float | None = None  # None: its answer is exact.


async def order(
    operator: Operator, offer: Offer, terms: JobTerms, *, number: int = 1
) -> list[JobId]:
    """Order so many equal jobs as the customer of this offer, a few hundred in a transaction."""
    order = Order(
        version_id=offer.version_id,
        title="Simulated",
        max_devices=terms.places,
        max_devices_per_owner=terms.places_an_owner,
        reward=parse(terms.reward),
        countries=list(terms.countries),
        date_from=None,
        date_to=None,
        min_confidence=0.5,
        starts_at=None,
        deadline=datetime.now(UTC) + timedelta(hours=terms.hours),
        max_total=None,
        answers=Answers.EXACT if terms.epsilon is None else Answers.NOISY,
        epsilon=terms.epsilon,
    )
    bps, least = operator.settings.platform_fee_bps, operator.settings.min_owners
    bounds, made = bounds_of(operator.settings), list[JobId]()
    while len(made) < number:
        async with operator.sessions.begin() as tx:
            ctx = Context(tx, Actor(offer.customer_id), datetime.now(UTC))
            for _ in range(min(_JOBS_AT_ONCE, number - len(made))):
                job = await jobs.create(
                    ctx, order, platform_fee_bps=bps, min_owners=least, bounds=bounds
                )
                made.append(job.id)
    return made


async def _person(tx: AsyncSession, now: datetime, name: str) -> UserId:
    nobodys = await passwords.hash_password(secrets.token_urlsafe())
    ctx = Context(tx, NOBODY, now)
    return (await accounts.register(ctx, email=f"sim-{name}@example.org", password_hash=nobodys)).id
