"""Models that come in parts, until they are a version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0036'
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        'algorithm_uploads',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('algorithm_id', sa.Uuid(), nullable=False),
        sa.Column('input_spec', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column('sha256', sa.Text(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('received', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('parts', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False),
        sa.Column('writer', sa.Text(), nullable=True),
        sa.Column('version_id', sa.Uuid(), nullable=True),
        sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint('(version_id IS NULL) = (completed_at IS NULL)', name=op.f('algorithm_uploads_completed_at_check')),
        sa.CheckConstraint('received BETWEEN 0 AND size', name=op.f('algorithm_uploads_received_within_size_check')),
        sa.CheckConstraint('size > 0', name=op.f('algorithm_uploads_size_positive_check')),
        sa.ForeignKeyConstraint(['algorithm_id'], ['algorithms.id'], name=op.f('algorithm_uploads_algorithm_id_fkey'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['version_id'], ['algorithm_versions.id'], name=op.f('algorithm_uploads_version_id_fkey'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('algorithm_uploads_pkey')),
    )
    op.create_index('algorithm_uploads_algorithm_id_id_idx', 'algorithm_uploads', ['algorithm_id', 'id'], unique=False)
    op.create_index('algorithm_uploads_version_id_idx', 'algorithm_uploads', ['version_id'], unique=False)
    op.create_index('algorithm_uploads_expires_at_idx', 'algorithm_uploads', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('algorithm_uploads')
