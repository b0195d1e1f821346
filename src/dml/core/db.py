"""The declarative base, and how a process connects. Rows are typed dataclasses; there are no
relationships to lazy-load. Why one PostgreSQL holds all that matters: docs/decisions/0001.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeAlias
from uuid import UUID

import asyncpg
from asyncpg import Connection
from sqlalchemy import BigInteger, Date, DateTime, Enum, Integer, MetaData, Row, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Session
from sqlalchemy.util.concurrency import await_

from dml.core.counts import Count
from dml.core.ids import ID_TYPES
from dml.core.money import MicroTokens
from dml.core.pool import FairPool, look_before_use

RawConnection: TypeAlias = "Connection[Any]"
WAIT_SECONDS: Final = 10.0  # For a connection; the queue is short enough that few wait so long.
SCHEMA_REVISION: Final = "0050"  # The migration that this code was written for.
PAGE_MAX: Final = 100  # The rows that one list may return.
# How a row is held that others refer to. FOR UPDATE would hold up each of them, too: PostgreSQL
# looks for the row at whoever inserts or changes what refers to it, and two that hold one and look
# for the other deadlock. Its key never changes (docs/decisions/0057).
HELD: Final[dict[str, Any]] = {"key_share": True}
# A row that is shown and not changed, with what belongs to it beside its own columns.
Shown: TypeAlias = Row[*tuple[Any, ...]]

# Whoever waits in vain gives up before the client does; a transaction of who stands still ends by
# itself, as others wait for what it holds (docs/decisions/0083). And
# a plan is kept that was made while its tables were empty, until they are analysed, a minute into
# the first burst: so where there is an index, it is used (docs/decisions/0027).
PATIENCE: Final = {
    "enable_seqscan": "off",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "20s",
    "jit": "off",
}


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        date: Date,
        datetime: DateTime(timezone=True),
        StrEnum: Enum(StrEnum, native_enum=False, values_callable=lambda e: [m.value for m in e]),
        MicroTokens: BigInteger,
        Count: BigInteger,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
        list[int]: ARRAY(Integer),
        list[MicroTokens]: ARRAY(BigInteger),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
        **dict.fromkeys((UUID, *ID_TYPES), Uuid),
    }


def connect(database_url: str, *, name: str, connections: int = 10, **settings: str) -> AsyncEngine:
    """Return an engine over `postgresql://…`. It connects when first used, and again when it must.

    `name` is what PostgreSQL's activity view calls these connections; `settings` are PostgreSQL's.
    """
    url = make_url(database_url)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    given = {**PATIENCE, "application_name": name, **settings}

    async def open_one() -> asyncpg.Connection:
        """The driver reads the address: SQLAlchemy refuses how the way is protected (`sslmode`)."""
        return await asyncpg.connect(address, timeout=5, server_settings=given)

    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        async_creator=open_one,
        poolclass=FairPool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,  # An error is logged; what it was about may be secret.
    )
    look_before_use(engine)
    return engine


# One plan for each statement, made once and kept, whatever the tables hold at that moment: so its
# shape must not follow from statistics. The hot statements reach each table by an index, through
# LATERAL … LIMIT 1 or = ANY (ARRAY(…)), and arrays are joined by hash.
_HOT: Final = PATIENCE | {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    "statement_timeout": "1500ms",
    "lock_timeout": "1s",
}


async def connect_hot(database_url: str, *, name: str) -> RawConnection:
    """Return a connection for statements that requests share. It prepares each once."""
    url = make_url(database_url).set(drivername="postgresql")
    return await asyncpg.connect(
        url.render_as_string(hide_password=False),
        timeout=2,
        server_settings=_HOT | {"application_name": name},
    )


async def raw(tx: AsyncSession, *, flush: bool = True) -> RawConnection:
    """Return the asyncpg connection beneath, inside the same transaction: for hot statements.

    What the session has not written yet is written first, unless the statement needs none of it.
    """
    return await tx.run_sync(_beneath, flush)


def _beneath(session: Session, flush: bool) -> RawConnection:
    if flush:
        session.flush()
    connection = session.connection()
    adapted: Any = connection.connection.dbapi_connection
    driver = adapted.driver_connection
    assert isinstance(driver, Connection)
    if not driver.is_in_transaction():
        # SQLAlchemy begins with the first statement that it sends; what goes past it would each
        # commit. A statement of nothing would do it too, for a round trip more.
        try:
            await_(adapted._start_transaction())
        except BaseException:  # Whoever is cancelled here leaves it unknown what has begun.
            connection.invalidate()
            raise
        assert driver.is_in_transaction(), "a read sends nothing past SQLAlchemy (core/reads.py)"
    # One that SQLAlchemy did not begin, it does not end: what joins it would never be committed.
    assert adapted._transaction is not None, (
        "a transaction is open of which SQLAlchemy knows nothing"
    )
    return driver
