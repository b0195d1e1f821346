"""What running a version takes, as its check measured it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0031'
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('algorithm_versions', sa.Column('passport', postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column('algorithm_versions', 'passport')
