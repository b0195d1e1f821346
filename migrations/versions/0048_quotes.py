"""Quotes, raises and precision: crowds as they are told, and what a job says of itself anew."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "crowds",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("owners", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "country", name=op.f("crowds_pkey")),
    )
    op.add_column("jobs", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column("jobs", sa.Column("precision", sa.Double(), nullable=True))
    # Without a look at each row under its lock: no job that there is has one.
    op.execute("""
        ALTER TABLE jobs ADD CONSTRAINT jobs_precision_of_noisy_answers_check
        CHECK (precision IS NULL OR precision > 0 AND precision < 1 AND answers = 'noisy') NOT VALID
    """)


def downgrade() -> None:
    op.drop_constraint("jobs_precision_of_noisy_answers_check", "jobs")
    op.drop_column("jobs", "precision")
    op.drop_column("jobs", "revision")
    op.drop_table("crowds")
