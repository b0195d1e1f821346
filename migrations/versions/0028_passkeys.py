"""Passkeys, and which of their challenges were used."""

import sqlalchemy as sa
from alembic import op


revision = '0028'
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('passkeys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('relying_party', sa.Text(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sign_count', sa.BigInteger(), nullable=False),
    sa.Column('transports', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('aaguid', sa.Uuid(), nullable=False),
    sa.Column('can_be_backed_up', sa.Boolean(), nullable=False),
    sa.Column('is_backed_up', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('sign_count >= 0', name=op.f('passkeys_count_not_negative_check')),
    sa.ForeignKeyConstraint(['id'], ['identities.id'], name=op.f('passkeys_id_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('passkeys_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('passkeys_pkey'))
    )
    op.create_index(op.f('passkeys_user_id_idx'), 'passkeys', ['user_id'], unique=False)
    op.create_table('used_passkey_challenges',
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('sha256', name=op.f('used_passkey_challenges_pkey'))
    )
    op.create_index(op.f('used_passkey_challenges_expires_at_idx'), 'used_passkey_challenges', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('used_passkey_challenges')
    op.drop_table('passkeys')
