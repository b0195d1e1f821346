"""Model cards as HTML, each kept beside its algorithm. Those of before are rendered when read."""

import sqlalchemy as sa
from alembic import op


revision = '0039'
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # With its algorithm goes its card: the release before deletes drafts, and knows of no cards.
    op.create_table(
        'rendered_cards',
        sa.Column('algorithm_id', sa.Uuid(), nullable=False),
        sa.Column('renderer', sa.Integer(), nullable=False),
        sa.Column('card_sha256', sa.LargeBinary(), nullable=False),
        sa.Column('html', sa.Text(), nullable=False),
        sa.CheckConstraint('octet_length(card_sha256) = 32', name=op.f('rendered_cards_sha256_check')),
        sa.ForeignKeyConstraint(['algorithm_id'], ['algorithms.id'], name=op.f('rendered_cards_algorithm_id_fkey'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('algorithm_id', name=op.f('rendered_cards_pkey')),
    )


def downgrade() -> None:
    op.drop_table('rendered_cards')
