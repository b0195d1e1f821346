"""How Alembic connects: by the connection that `dml migrate` hands it."""

from alembic import context

from dml.core.db import Base
from dml.entrypoints import domains

domains.load_tables()
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
