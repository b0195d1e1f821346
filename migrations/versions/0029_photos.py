"""What a user's photo is, and whether everybody may see what they won."""

import sqlalchemy as sa
from alembic import op


revision = '0029'
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('users', sa.Column('photo_sha256', sa.Text(), nullable=True))
    op.add_column('users', sa.Column('thumbnail_sha256', sa.Text(), nullable=True))
    op.add_column('users', sa.Column('shows_prizes', sa.Boolean(), server_default='false', nullable=False))
    op.create_check_constraint(op.f('users_photo_has_a_thumbnail_check'), 'users', '(photo_sha256 IS NULL) = (thumbnail_sha256 IS NULL)')
    op.create_index(op.f('users_photo_sha256_idx'), 'users', ['photo_sha256'], unique=False, postgresql_where='photo_sha256 IS NOT NULL')
    op.create_index(op.f('users_thumbnail_sha256_idx'), 'users', ['thumbnail_sha256'], unique=False, postgresql_where='thumbnail_sha256 IS NOT NULL')


def downgrade() -> None:
    op.drop_index(op.f('users_thumbnail_sha256_idx'), table_name='users', postgresql_where='thumbnail_sha256 IS NOT NULL')
    op.drop_index(op.f('users_photo_sha256_idx'), table_name='users', postgresql_where='photo_sha256 IS NOT NULL')
    op.drop_constraint(op.f('users_photo_has_a_thumbnail_check'), 'users')
    op.drop_column('users', 'shows_prizes')
    op.drop_column('users', 'thumbnail_sha256')
    op.drop_column('users', 'photo_sha256')
