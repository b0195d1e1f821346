"""For statements that many devices share: one key in the place of two indexes, and a revision of limits."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "owner_limits", sa.Column("revision", sa.Integer(), nullable=False, server_default="1")
    )
    op.alter_column("owner_limits", "revision", server_default=None)
    op.create_unique_constraint(
        op.f("assignments_device_id_job_id_key"), "assignments", ["device_id", "job_id"]
    )
    op.drop_constraint(op.f("assignments_job_id_device_id_key"), "assignments")
    op.drop_index(op.f("assignments_device_id_id_idx"), table_name="assignments")
    # Bodies are small or handed in once: to compress one costs more than it saves.
    op.execute("ALTER TABLE results ALTER body SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE results ALTER body SET STORAGE EXTENDED")
    op.create_index(op.f("assignments_device_id_id_idx"), "assignments", ["device_id", "id"])
    op.create_unique_constraint(
        op.f("assignments_job_id_device_id_key"), "assignments", ["job_id", "device_id"]
    )
    op.drop_constraint(op.f("assignments_device_id_job_id_key"), "assignments")
    op.drop_column("owner_limits", "revision")
