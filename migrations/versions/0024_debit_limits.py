"""The most that jobs and bounties may take from somebody's balance in 30 days."""

import sqlalchemy as sa
from alembic import op


revision = '0024'
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('debit_limits',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('amount >= 0', name=op.f('debit_limits_not_negative_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('debit_limits_user_id_fkey')),
    sa.PrimaryKeyConstraint('user_id', name=op.f('debit_limits_pkey'))
    )


def downgrade() -> None:
    op.drop_table('debit_limits')
