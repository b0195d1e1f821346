"""Recalled versions, jobs that were closed for their customer, and what counts a user's open jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('algorithm_versions', sa.Column('recalled_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('algorithm_versions', sa.Column('recall_reason', sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f('algorithm_versions_recalled_at_check'),
        'algorithm_versions',
        "(state = 'recalled') = (recalled_at IS NOT NULL)",
    )
    op.add_column('jobs', sa.Column('close_reason', sa.Text(), nullable=True))
    op.create_index('jobs_of_customer_not_ended_idx', 'jobs', ['customer_id'], unique=False, postgresql_where='ended_at IS NULL')
    op.create_index('jobs_of_version_not_ended_idx', 'jobs', ['version_id'], unique=False, postgresql_where='ended_at IS NULL')


def downgrade() -> None:
    """Only where no version was recalled: the code before this one does not know the state."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM algorithm_versions WHERE state = 'recalled'), "
        "'versions were recalled: there is no way back'; END $$"
    )
    op.drop_index('jobs_of_version_not_ended_idx', table_name='jobs', postgresql_where='ended_at IS NULL')
    op.drop_index('jobs_of_customer_not_ended_idx', table_name='jobs', postgresql_where='ended_at IS NULL')
    op.drop_column('jobs', 'close_reason')
    op.drop_constraint(op.f('algorithm_versions_recalled_at_check'), 'algorithm_versions', type_='check')
    op.drop_column('algorithm_versions', 'recall_reason')
    op.drop_column('algorithm_versions', 'recalled_at')
