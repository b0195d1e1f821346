"""What holds of a job's precision was looked at in no row when it came: look, and lock nobody out."""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE jobs VALIDATE CONSTRAINT jobs_precision_of_noisy_answers_check")


def downgrade() -> None:
    pass
