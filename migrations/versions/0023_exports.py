"""Exports of a user's data, and users who were erased."""

import sqlalchemy as sa
from alembic import op


revision = '0023'
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('users', sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('data_exports',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.CheckConstraint('(ready_at IS NULL) = (sha256 IS NULL)', name=op.f('data_exports_ready_has_a_file_check')),
    sa.CheckConstraint('(ready_at IS NULL) = (size IS NULL)', name=op.f('data_exports_ready_has_a_size_check')),
    sa.CheckConstraint('ready_at IS NULL OR failed_at IS NULL', name=op.f('data_exports_one_end_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('data_exports_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('data_exports_pkey'))
    )
    op.create_index(op.f('data_exports_user_id_id_idx'), 'data_exports', ['user_id', 'id'], unique=False)
    op.create_index(op.f('data_exports_created_at_idx'), 'data_exports', ['created_at'], unique=False)
    op.create_index('data_exports_one_at_a_time_idx', 'data_exports', ['user_id'], unique=True, postgresql_where=sa.text('ready_at IS NULL AND failed_at IS NULL'))


def downgrade() -> None:
    op.drop_table('data_exports')
    op.drop_column('users', 'erased_at')
