"""Personal access tokens: what programs of a user sign in with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0020'
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('personal_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('personal_tokens_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('personal_tokens_pkey')),
    sa.UniqueConstraint('sha256', name=op.f('personal_tokens_sha256_key'))
    )
    op.create_index(op.f('personal_tokens_user_id_id_idx'), 'personal_tokens', ['user_id', 'id'], unique=False)
    op.create_index(op.f('personal_tokens_expires_at_idx'), 'personal_tokens', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('personal_tokens')
