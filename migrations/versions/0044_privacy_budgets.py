"""Privacy budgets: how much all jobs may learn of an owner, and what leases take."""

import sqlalchemy as sa
from alembic import op

revision = '0044'
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('assignments', sa.Column('charged', sa.BigInteger(), nullable=True))
    op.add_column('assignments', sa.Column('charged_day', sa.BigInteger(), nullable=True))
    op.create_table('owner_budgets',
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('most', sa.BigInteger(), nullable=True),
    sa.Column('paused', sa.Boolean(), server_default='false', nullable=False),
    sa.Column('spent_in_all', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('days', sa.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    sa.Column('spent', sa.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    sa.CheckConstraint('spent_in_all >= 0', name=op.f('owner_budgets_never_given_back_twice_check')),
    sa.CheckConstraint('cardinality(days) = cardinality(spent)', name=op.f('owner_budgets_each_day_has_its_sum_check')),
    sa.PrimaryKeyConstraint('owner_id', name=op.f('owner_budgets_pkey')),
    postgresql_with={'fillfactor': '50'},
    )


def downgrade() -> None:
    op.drop_table('owner_budgets')
    op.drop_column('assignments', 'charged_day')
    op.drop_column('assignments', 'charged')
