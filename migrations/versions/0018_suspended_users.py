"""Since when and why a user is suspended."""

import sqlalchemy as sa
from alembic import op


revision = '0018'
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('users', sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('users', sa.Column('suspension_reason', sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f('users_suspension_has_a_reason_check'), 'users', '(suspended_at IS NULL) = (suspension_reason IS NULL)'
    )


def downgrade() -> None:
    op.drop_constraint(op.f('users_suspension_has_a_reason_check'), 'users')
    for name in ("suspension_reason", "suspended_at"):
        op.drop_column('users', name)
