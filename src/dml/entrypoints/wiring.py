"""What API, worker and command line share: settings become parts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from dml.core.blobs import Blobs
from dml.core.db import connect
from dml.core.deferred import deferred
from dml.core.sealing import Opener, Seal
from dml.core.settings import Settings
from dml.core.tokens import Keys
from dml.entrypoints.embedded import places, postgres, valkey
from dml.entrypoints.embedded.state import State
from dml.refused import Refused

if TYPE_CHECKING:
    from redis.asyncio import Redis

redis = deferred("redis")
ROOT: Final = Path(__file__).resolve().parents[3]


def database_url(settings: Settings) -> str:
    """Return where the database is: as set, or as `dml up` of this home has it."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return postgres.socket_url(_embedded(settings))


def redis_url(settings: Settings) -> str:
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    return valkey.url(_embedded(settings))


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


def make_keys(settings: Settings) -> Keys:
    return Keys.load(settings.keys_file or settings.home / "keys.json")


def make_seal(settings: Settings) -> Seal:
    return Seal.load(_scorer_key(settings))


def make_opener(settings: Settings) -> Opener:
    return Opener.load(_scorer_key(settings))


def _scorer_key(settings: Settings) -> Path:
    return settings.scorer_key_file or settings.home / "scorer.key"
