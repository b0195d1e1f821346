"""What a device needs to run a version, and how fast a device is."""

import sqlalchemy as sa
from alembic import op


revision = '0040'
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('devices', sa.Column('speed', sa.Integer(), nullable=True))
    op.execute("ALTER TABLE devices ADD CONSTRAINT devices_speed_positive_check CHECK (speed > 0) NOT VALID")
    op.add_column('algorithm_versions', sa.Column('least_memory_mib', sa.Integer(), nullable=True))
    op.add_column('algorithm_versions', sa.Column('least_speed', sa.Integer(), nullable=True))
    op.execute("ALTER TABLE devices VALIDATE CONSTRAINT devices_speed_positive_check")
    # As `algorithms.rules.needs_of` has it. How fast the server was is not known of these.
    op.execute(
        """
        UPDATE algorithm_versions SET least_memory_mib = least(2147483647, 256 + ceil(
            1.5 * (passport ->> 'peak_memory_bytes')::numeric / 1048576))::int
        WHERE passport IS NOT NULL
        """
    )


def downgrade() -> None:
    op.drop_column('algorithm_versions', 'least_speed')
    op.drop_column('algorithm_versions', 'least_memory_mib')
    op.drop_column('devices', 'speed')
