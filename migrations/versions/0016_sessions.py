"""From where and when a session was used last."""

import sqlalchemy as sa
from alembic import op


revision = '0016'
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('user_sessions', sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('user_sessions', sa.Column('network', sa.Text(), nullable=True))
    op.add_column('user_sessions', sa.Column('device', sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("device", "network", "last_used_at"):
        op.drop_column('user_sessions', name)
