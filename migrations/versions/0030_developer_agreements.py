"""Which developer agreements were accepted, by whom and when."""

import sqlalchemy as sa
from alembic import op


revision = '0030'
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('developer_agreements',
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f('developer_agreements_sha256_hexadecimal_check')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('developer_agreements_pkey'))
    )
    op.create_table('agreement_acceptances',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['sha256'], ['developer_agreements.sha256'], name=op.f('agreement_acceptances_sha256_fkey')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('agreement_acceptances_user_id_fkey')),
    sa.PrimaryKeyConstraint('user_id', 'sha256', name=op.f('agreement_acceptances_pkey'))
    )


def downgrade() -> None:
    op.drop_table('agreement_acceptances')
    op.drop_table('developer_agreements')
