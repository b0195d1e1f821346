"""Noisy answers bound the norm of what an owner adds, and tell how many results reach a bound.

And whether a job was restored from a backup before it had ended: `dml restore` makes that column
itself in what it restores of a release before this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("jobs", sa.Column("max_norm", sa.Integer(), nullable=True))
    op.execute("ALTER TABLE jobs ADD COLUMN IF NOT EXISTS restored_at timestamptz")
    op.add_column(
        "job_totals", sa.Column("clipped", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("job_releases", sa.Column("clipped", sa.Integer(), nullable=True))
    op.add_column("job_releases", sa.Column("clipped_scale", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("job_releases", "clipped_scale")
    op.drop_column("job_releases", "clipped")
    op.drop_column("job_totals", "clipped")
    op.drop_column("jobs", "restored_at")
    op.drop_column("jobs", "max_norm")
