"""What finds the files that a user submitted, whose bytes are counted."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("submissions_submitter_id_idx", "submissions", ["submitter_id"])


def downgrade() -> None:
    """Only where no version was deleted: the code before this one does not know the state."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM algorithm_versions WHERE state = 'deleted'), "
        "'versions were deleted: there is no way back'; END $$"
    )
    op.drop_index("submissions_submitter_id_idx", table_name="submissions")
