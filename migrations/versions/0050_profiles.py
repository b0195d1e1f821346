"""Profiles of running processes, and by what a process hears that one is asked for."""

import sqlalchemy as sa
from alembic import op


revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("nodes", sa.Column("asked", sa.Uuid(), nullable=True))
    op.create_table(
        "profiles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("kind", sa.Enum("cpu", "memory", name="profilekind", native_enum=False), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("state", sa.Enum("requested", "running", "finished", "failed", name="profilestate", native_enum=False), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Enum("process_ended", "no_answer", "not_installed", "not_permitted", "too_large", "tool_failed", name="profilefailure", native_enum=False), nullable=True),
        sa.CheckConstraint("seconds BETWEEN 1 AND 60", name=op.f("profiles_seconds_check")),
        sa.CheckConstraint("(state IN ('requested', 'running')) = (ended_at IS NULL)", name=op.f("profiles_ended_at_check")),
        sa.CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name=op.f("profiles_failure_check")),
        sa.ForeignKeyConstraint(["requested_by"], ["users.id"], name=op.f("profiles_requested_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("profiles_pkey")),
    )
    op.create_index("profiles_one_at_a_time_idx", "profiles", [sa.text("((ended_at IS NULL))")], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "profile_files",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Enum("flame_graph", "speedscope", name="profileformat", native_enum=False), nullable=False),
        sa.Column("gzipped", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.CheckConstraint("octet_length(gzipped) <= 8388608", name=op.f("profile_files_size_check")),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name=op.f("profile_files_profile_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("profile_id", "format", name=op.f("profile_files_pkey")),
    )


def downgrade() -> None:
    op.drop_table("profile_files")
    op.drop_table("profiles")
    op.drop_column("nodes", "asked")
