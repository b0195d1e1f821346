"""For answers in steps of owners, fees that wait for them, and an end to each try."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OWNERS = (("job_counts", "owners"), ("job_totals", "owners"), ("job_totals", "uncertain_owners"))


def upgrade() -> None:
    """The defaults stay: what was running before writes these rows without knowing of them."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    for table, column in OWNERS:
        op.add_column(
            table,
            sa.Column(
                column, postgresql.ARRAY(sa.BigInteger()), nullable=False, server_default="{}"
            ),
        )
    op.add_column(
        "job_totals", sa.Column("held_devices", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("assignments", sa.Column("try_ends_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Only where no fee of a developer waits in an escrow: the code before would leave it there."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM job_totals WHERE held_devices > 0), "
        "'fees of developers wait for the next step of a job: let these jobs end'; END $$"
    )
    op.drop_column("assignments", "try_ends_at")
    op.drop_column("job_totals", "held_devices")
    for table, column in reversed(OWNERS):
        op.drop_column(table, column)
