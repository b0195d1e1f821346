"""For jobs whose assignments and results have moved into files, and what stays at hand of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "jobs_to_archive_idx",
        "jobs",
        ["ended_at"],
        postgresql_where="ended_at IS NOT NULL AND archived_at IS NULL",
    )
    op.create_table(
        "job_archives",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("assignments", sa.Integer(), nullable=False),
        sa.Column("results", sa.Integer(), nullable=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("uncertain", sa.BigInteger(), nullable=False),
        sa.Column("pages", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "number > 0 AND assignments > 0", name=op.f("job_archives_counts_from_one_check")
        ),
        sa.CheckConstraint(
            "results BETWEEN 0 AND assignments",
            name=op.f("job_archives_results_have_assignments_check"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("job_archives_job_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("job_archives_pkey")),
        sa.UniqueConstraint("job_id", "number", name=op.f("job_archives_job_id_number_key")),
    )
    op.create_table(
        "archived_assignments",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("archive_id", sa.Uuid(), nullable=False),
        sa.Column("fold_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("page", sa.SmallInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum('leased', 'accepted', 'released', 'expired', name='assignmentstate', native_enum=False),
            nullable=False,
        ),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state <> 'leased'", name=op.f("archived_assignments_over_check")),
        sa.CheckConstraint(
            "(state = 'accepted') = (body_sha256 IS NOT NULL)",
            name=op.f("archived_assignments_accepted_has_body_check"),
        ),
        sa.PrimaryKeyConstraint("device_id", "id", name=op.f("archived_assignments_pkey")),
    )


def downgrade() -> None:
    """Only where nothing was archived: what is in files does not come back by itself."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM job_archives), "
        "'jobs were archived: there is no way back'; END $$"
    )
    op.drop_table("archived_assignments")
    op.drop_table("job_archives")
    op.drop_index("jobs_to_archive_idx", table_name="jobs")
    op.drop_column("jobs", "archived_at")
