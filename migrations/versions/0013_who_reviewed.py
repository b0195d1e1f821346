"""Who reviewed a version: its approver is none of those whose counts an answer waits for."""

import sqlalchemy as sa
from alembic import op


revision = '0013'
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('algorithm_versions', sa.Column('reviewed_by', sa.Uuid(), nullable=True))
    op.execute("""
        UPDATE algorithm_versions v SET reviewed_by = a.actor_id
        FROM audit_entries a
        WHERE a.subject = 'version:' || v.id AND a.action IN ('approved', 'rejected')
    """)
    # NOT VALID first: what is there is checked without keeping anybody from writing.
    op.execute('ALTER TABLE algorithm_versions ADD CONSTRAINT algorithm_versions_reviewed_by_fkey '
               'FOREIGN KEY (reviewed_by) REFERENCES users (id) NOT VALID')
    op.execute('ALTER TABLE algorithm_versions VALIDATE CONSTRAINT algorithm_versions_reviewed_by_fkey')


def downgrade() -> None:
    op.drop_constraint(op.f('algorithm_versions_reviewed_by_fkey'), 'algorithm_versions', type_='foreignkey')
    op.drop_column('algorithm_versions', 'reviewed_by')
