"""Bring the database up to date: our tables by Alembic, the engine's by its own migrations.

Several may start at once: an advisory lock lets one work while the others wait. Each migration
waits at most four seconds for a lock, so that it never stops the marketplace to get one.
"""

import time
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from dml.core import engine
from dml.entrypoints import fitness, shipped
from dml.entrypoints.fitness import Needs

LOCK: Final = 7_330
PATIENCE: Final = "-c lock_timeout=4s -c statement_timeout=60s"


def config(connection: Connection) -> Config:
    made = Config()
    made.set_main_option("script_location", str(shipped.folder("migrations")))
    made.attributes["connection"] = connection
    return made


def migrate(database_url: str) -> None:
    """Bring this database up to date. Doing so again changes nothing. Refused where it can't be."""
    fitness.require_now(database_url, Needs.MIGRATE)
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    database = create_engine(url, connect_args={"options": PATIENCE, "connect_timeout": 10})
    try:
        with fitness.asking(), database.connect() as guard:
            guard.execution_options(isolation_level="AUTOCOMMIT")
            while not guard.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
                time.sleep(0.1)  # Whoever waited inside a statement would hold up the engine's.
            with database.connect() as connection:
                command.upgrade(config(connection), "head")
                connection.commit()
            engine.migrate(database_url)
    finally:
        database.dispose()
