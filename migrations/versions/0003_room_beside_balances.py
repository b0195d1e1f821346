"""Leave room beside balances: a change within the page touches no index. For pages to come."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE ledger_accounts SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute("ALTER TABLE ledger_accounts RESET (fillfactor)")
