"""What API, worker and command line share: settings become parts."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs
from dml.core.db import connect
from dml.core.deferred import deferred
from dml.core.sealing import Opener, Seal
from dml.core.settings import Settings
from dml.core.tokens import ISSUER, Keys
from dml.entrypoints.embedded import places, postgres, valkey
from dml.entrypoints.embedded.state import State
from dml.refused import Refused

if TYPE_CHECKING:
    from redis.asyncio import Redis

redis = deferred("redis")
ROOT: Final = Path(__file__).resolve().parents[3]


def database_url(settings: Settings) -> str:
    """Return where the database is: as set, or as `dml up` of this home has it."""
    if settings.database_url is None:
        return postgres.socket_url(_embedded(settings))
    url = settings.database_url.get_secret_value()
    with contextlib.suppress(ArgumentError):
        if make_url(url).drivername.partition("+")[0] in ("postgresql", "postgres"):
            return url
    raise Refused(
        "DML_DATABASE_URL is no address of a PostgreSQL: write it as "
        "postgresql://USER:PASSWORD@HOST/DATABASE"
    )


def redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        return valkey.url(_embedded(settings))
    url = settings.redis_url.get_secret_value()
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise Refused(
            "DML_REDIS_URL is no address of a Valkey or Redis: write it as redis://HOST:6379"
        )
    return url


def _embedded(settings: Settings) -> State:
    site = places.find(settings.home)
    if site is None:
        raise Refused(
            f"There is no database: {settings.home} holds none. Start one with `dml up` "
            "(`make run`), or set DML_DATABASE_URL and DML_REDIS_URL."
        )
    return site.state


def make_engine(settings: Settings, name: str) -> AsyncEngine:
    """Return how a process connects."""
    return connect(database_url(settings), name=name, connections=settings.database_connections)


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, expire_on_commit=False)


def make_redis(settings: Settings) -> "Redis":
    made: Redis = redis.asyncio.Redis.from_url(
        redis_url(settings), socket_timeout=1, socket_connect_timeout=1, protocol=3
    )
    return made


def make_blobs(settings: Settings) -> Blobs:
    return Blobs.in_folder(settings.blobs or settings.home / "blobs")


def metrics_folder(settings: Settings) -> Path:
    return settings.home / "metrics"


def keys_file(settings: Settings) -> Path:
    return settings.keys_file or settings.home / "keys.json"


def make_keys(settings: Settings) -> Keys:
    return Keys.load(keys_file(settings), issuer=settings.public_url or ISSUER)


def make_seal(settings: Settings) -> Seal:
    return Seal.load(scorer_key_file(settings))


def make_opener(settings: Settings) -> Opener:
    return Opener.load(scorer_key_file(settings))


def make_factor_key(settings: Settings) -> Opener:
    return Opener.load(factor_key_file(settings))


def factor_key_file(settings: Settings) -> Path:
    return settings.factor_key_file or settings.home / "factors.key"


def scorer_key_file(settings: Settings) -> Path:
    return settings.scorer_key_file or settings.home / "scorer.key"
