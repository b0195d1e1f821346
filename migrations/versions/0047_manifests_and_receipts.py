"""Manifests of jobs; what else owners refuse; and in which step a fold's results are told.

Jobs from before get no manifest: their customers were not told that it would be public.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("jobs", sa.Column("manifest_sha256", sa.Text(), nullable=True))
    op.create_table(
        "job_manifests",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("job_manifests_job_id_fkey")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("job_manifests_pkey")),
    )
    op.create_table(
        "job_folds",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("fold_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.CheckConstraint("step > 0", name=op.f("job_folds_counts_from_one_check")),
        sa.PrimaryKeyConstraint("job_id", "fold_id", name=op.f("job_folds_pkey")),
    )
    op.add_column("owner_limits", sa.Column("max_epsilon", sa.Double(), nullable=True))
    op.add_column(
        "owner_limits",
        sa.Column("refused_countries", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("owner_limits", "refused_countries")
    op.drop_column("owner_limits", "max_epsilon")
    op.drop_table("job_folds")
    op.drop_table("job_manifests")
    op.drop_column("jobs", "manifest_sha256")
