"""Links that were mailed, and which addresses are proven."""

import sqlalchemy as sa
from alembic import op


revision = '0021'
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('users', sa.Column('email_verified_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('account_links',
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.Enum('sign_up', 'verify_email', 'change_email', 'reset_password', name='linkkind', native_enum=False), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(kind = 'sign_up') = (user_id IS NULL)", name=op.f('account_links_whose_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('account_links_user_id_fkey')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('account_links_pkey'))
    )
    op.create_index(op.f('account_links_user_id_idx'), 'account_links', ['user_id'], unique=False)
    op.create_index(op.f('account_links_expires_at_idx'), 'account_links', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('account_links')
    op.drop_column('users', 'email_verified_at')
