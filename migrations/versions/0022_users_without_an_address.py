"""Users without an e-mail address: they sign in by something else than a password."""

from alembic import op


revision = '0022'
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.alter_column('users', 'email', nullable=True)


def downgrade() -> None:
    # To an address that nobody has, and no mail reaches (RFC 2606).
    op.execute("UPDATE users SET email = id::text || '@users.invalid' WHERE email IS NULL")
    op.alter_column('users', 'email', nullable=False)
