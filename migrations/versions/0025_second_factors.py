"""Second factors: authenticator apps, recovery codes, and tickets of who has proven one of two."""

import sqlalchemy as sa
from alembic import op


revision = '0025'
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('totp_factors',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_step', sa.Integer(), nullable=False),
    sa.Column('wrong_in_a_row', sa.Integer(), nullable=False),
    sa.CheckConstraint('wrong_in_a_row >= 0', name=op.f('totp_factors_wrong_not_negative_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('totp_factors_user_id_fkey')),
    sa.PrimaryKeyConstraint('user_id', name=op.f('totp_factors_pkey'))
    )
    op.create_table('recovery_codes',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('recovery_codes_user_id_fkey')),
    sa.PrimaryKeyConstraint('user_id', 'sha256', name=op.f('recovery_codes_pkey'))
    )
    op.create_table('sign_in_tickets',
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('sign_in_tickets_user_id_fkey')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('sign_in_tickets_pkey'))
    )
    op.create_index(op.f('sign_in_tickets_user_id_idx'), 'sign_in_tickets', ['user_id'], unique=False)
    op.create_index(op.f('sign_in_tickets_expires_at_idx'), 'sign_in_tickets', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('sign_in_tickets')
    op.drop_table('recovery_codes')
    op.drop_table('totp_factors')
