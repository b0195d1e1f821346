"""Mails that wait to be sent, and what was sent when."""

import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('mails',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'sent', 'failed', name='mailstate', native_enum=False), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_id', sa.Uuid(), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.CheckConstraint("(state = 'waiting') = (sealed IS NOT NULL)", name=op.f('mails_sealed_while_waiting_check')),
    sa.CheckConstraint("(state = 'waiting') = (due_at IS NOT NULL)", name=op.f('mails_due_while_waiting_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('mails_pkey'))
    )
    op.create_index(op.f('mails_due_at_idx'), 'mails', ['due_at'], unique=False, postgresql_where="state = 'waiting'")
    op.create_index(op.f('mails_recipient_kind_created_at_idx'), 'mails', ['recipient', 'kind', 'created_at'], unique=False)
    op.create_index(op.f('mails_created_at_idx'), 'mails', ['created_at'], unique=False)


def downgrade() -> None:
    op.drop_table('mails')
