"""Migrations: what they make is what the models say, and any number may start them at once."""

import asyncio
from typing import Final

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from dml.core.db import Base, connect
from dml.entrypoints import domains, migrate
from dml.entrypoints.embedded import postgres
from dml.entrypoints.embedded.servers import Endpoints
from tests.conftest import HOME

# What the release before this one still uses: another migration takes it away.
LEFT_BEHIND: Final = {"audit_entries"}
# What is there only where the database has pgvector.
PERHAPS: Final = {"version_probes_ranks_idx"}


def test_the_migrations_make_what_the_models_say(new_database: str) -> None:
    domains.load_tables()
    database = create_engine(make_url(new_database).set(drivername="postgresql+psycopg"))
    with database.connect() as connection:
        # The parts of a table are made when their time comes: no model names them.
        parts = set(connection.scalars(text("SELECT inhrelid::regclass::text FROM pg_inherits")))
        left_out = parts | LEFT_BEHIND | PERHAPS
        compared = MigrationContext.configure(
            connection, opts={"include_name": lambda name, *_: name not in left_out}
        )
        found = compare_metadata(compared, Base.metadata)
    database.dispose()
    assert found == []


async def test_three_that_migrate_at_once_take_turns(endpoints: Endpoints) -> None:
    name = "dml_migrating"
    postgres.drop_database(HOME, name)
    url = postgres.create_database(HOME, name)
    try:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(asyncio.to_thread(migrate.migrate, url))
    finally:
        postgres.drop_database(HOME, name)


def test_a_wait_for_a_lock_has_an_end(new_database: str) -> None:
    url = make_url(new_database).set(drivername="postgresql+psycopg")
    database = create_engine(url, connect_args={"options": migrate.PATIENCE})
    with database.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "4s"
    database.dispose()


async def test_what_the_release_before_writes_is_an_event_too(new_database: str) -> None:
    engine = connect(new_database, name="test")
    async with engine.begin() as old:
        await old.execute(
            text("""
                INSERT INTO audit_entries (at, subject, action, from_state, to_state, reason)
                VALUES (now(), 'job:1', 'paused', 'open', 'paused', 'why')
            """)
        )
        found = (await old.execute(text("SELECT type, subject, reason, readers FROM events"))).one()
    await engine.dispose()
    assert tuple(found) == ("job.paused", "job:1", "why", [])
