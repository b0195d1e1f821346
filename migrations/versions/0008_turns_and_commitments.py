"""Clocks that give users their turn in the sandbox; salted commitments to predictions.

The code before knows none of it: all columns may be empty, and what it writes is read as ever.
"""

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = (
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('commitment', sa.Text(), nullable=True),
    sa.Column('sealed_salt', sa.LargeBinary(), nullable=True),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('sandbox_clocks',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('ahead_until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('timeouts_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('timeouts', sa.Integer(), server_default='0', nullable=False),
    sa.CheckConstraint('timeouts >= 0', name=op.f('sandbox_clocks_timeouts_not_negative_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('sandbox_clocks_user_id_fkey')),
    sa.PrimaryKeyConstraint('user_id', name=op.f('sandbox_clocks_pkey'))
    )
    for column in COLUMNS:
        op.add_column('submissions', column)


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column('submissions', column.name)
    op.drop_table('sandbox_clocks')
