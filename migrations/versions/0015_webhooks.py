"""Webhooks: URLs that are called with events, their deliveries, and how far the log was read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0015'
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('webhooks',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('types', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('state', sa.Enum('active', 'paused', 'disabled', name='webhookstate', native_enum=False), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('after_number', sa.BigInteger(), nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('previous_secret', sa.LargeBinary(), nullable=True),
    sa.Column('previous_secret_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('(previous_secret IS NULL) = (previous_secret_until IS NULL)', name=op.f('webhooks_previous_secret_ends_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('webhooks_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('webhooks_pkey'))
    )
    op.create_index(op.f('webhooks_user_id_id_idx'), 'webhooks', ['user_id', 'id'], unique=False, postgresql_where='deleted_at IS NULL')
    op.create_table('webhook_deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('webhook_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('event_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('is_replay', sa.Boolean(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'delivered', 'failed', name='deliverystate', native_enum=False), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('attempted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('latency_ms', sa.Integer(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhooks.id'], name=op.f('webhook_deliveries_webhook_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('webhook_deliveries_pkey'))
    )
    op.create_index('webhook_deliveries_once_idx', 'webhook_deliveries', ['webhook_id', 'number'], unique=True, postgresql_where='NOT is_replay')
    op.create_index('webhook_deliveries_waiting_idx', 'webhook_deliveries', ['webhook_id', 'subject', 'number', 'id'], unique=False, postgresql_where="state = 'waiting'")
    op.create_index(op.f('webhook_deliveries_webhook_id_id_idx'), 'webhook_deliveries', ['webhook_id', 'id'], unique=False)
    op.create_index(op.f('webhook_deliveries_created_at_idx'), 'webhook_deliveries', ['created_at'], unique=False)
    op.create_table('webhook_queues',
    sa.Column('webhook_id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhooks.id'], name=op.f('webhook_queues_webhook_id_fkey')),
    sa.PrimaryKeyConstraint('webhook_id', 'subject', name=op.f('webhook_queues_pkey'))
    )
    op.create_index(op.f('webhook_queues_webhook_id_due_at_idx'), 'webhook_queues', ['webhook_id', 'due_at'], unique=False, postgresql_where='due_at IS NOT NULL')
    op.create_table('webhook_fanout',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('webhook_fanout_one_row_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('webhook_fanout_pkey'))
    )
    # What happened before there was any webhook is sent to none.
    op.execute("""
        INSERT INTO webhook_fanout
        SELECT 1, coalesce(pg_sequence_last_value('events_number_seq'), 0)
    """)


def downgrade() -> None:
    op.drop_table('webhook_fanout')
    op.drop_table('webhook_queues')
    op.drop_table('webhook_deliveries')
    op.drop_table('webhooks')
