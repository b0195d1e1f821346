"""Wallets as ways to sign in: what a challenge is for, which nonces were used, and the primary wallet."""

import sqlalchemy as sa
from alembic import op


revision = '0027'
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('wallets', sa.Column('chosen_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('wallet_challenges', sa.Column('purpose', sa.Enum('link', 'sign_in', 'proof', name='challengepurpose', native_enum=False), server_default='link', nullable=False))
    op.add_column('wallet_challenges', sa.Column('origin', sa.Text(), nullable=True))
    op.create_table('used_wallet_nonces',
    sa.Column('nonce', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('nonce', name=op.f('used_wallet_nonces_pkey'))
    )
    op.create_index(op.f('used_wallet_nonces_expires_at_idx'), 'used_wallet_nonces', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('used_wallet_nonces')
    op.drop_column('wallet_challenges', 'origin')
    op.drop_column('wallet_challenges', 'purpose')
    op.drop_column('wallets', 'chosen_at')
