"""Whether a vault's rows were restored from a backup, and not compared with the chain since.

`dml restore` makes the column itself in what it restores of a release before this one.
"""

from alembic import op


revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE vaults ADD COLUMN IF NOT EXISTS restored_at timestamptz")


def downgrade() -> None:
    op.execute("ALTER TABLE vaults DROP COLUMN restored_at")
