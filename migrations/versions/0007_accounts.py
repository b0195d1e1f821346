"""A refresh can be answered again; networks known to sign in from; who made a version."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refresh_tokens", sa.Column("successor_salt", sa.LargeBinary(), nullable=True))
    op.add_column(
        "algorithm_versions",
        sa.Column("author_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
    )
    op.create_table(
        "known_networks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("known_networks_user_id_fkey")),
        sa.PrimaryKeyConstraint("user_id", "sha256", name=op.f("known_networks_pkey")),
    )
    op.create_index(op.f("known_networks_last_at_idx"), "known_networks", ["last_at"])


def downgrade() -> None:
    op.drop_table("known_networks")
    op.drop_column("algorithm_versions", "author_ids")
    op.drop_column("refresh_tokens", "successor_salt")
