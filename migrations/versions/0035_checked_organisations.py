"""What holds of organisations was looked at in no row when it came: look, and lock nobody out."""

from alembic import op


revision = '0035'
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE users VALIDATE CONSTRAINT users_organisation_has_no_address_check")
    op.execute("ALTER TABLE users VALIDATE CONSTRAINT users_organisation_is_a_member_check")


def downgrade() -> None:
    pass
