"""Noisy answers: what a job may learn of an owner, what it told, and who agrees to exact ones."""

import sqlalchemy as sa
from alembic import op

revision = '0042'
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('jobs', sa.Column('answers', sa.Enum('noisy', 'exact', name='answers', native_enum=False), server_default='exact', nullable=False))
    op.add_column('jobs', sa.Column('needs_agreement', sa.Boolean(), server_default='false', nullable=False))
    op.add_column('jobs', sa.Column('epsilon', sa.Double(), nullable=True))
    op.add_column('jobs', sa.Column('rho', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('jobs', sa.Column('max_items', sa.Integer(), nullable=True))
    # Without a look at each row under its lock: all there are, are exact.
    op.execute("""
        ALTER TABLE jobs ADD CONSTRAINT jobs_noise_of_noisy_answers_check CHECK (
            answers = 'exact' AND epsilon IS NULL AND rho = 0
            OR answers = 'noisy' AND epsilon > 0 AND rho > 0 AND max_items > 0
        ) NOT VALID
    """)
    op.add_column('owner_limits', sa.Column('allows_exact', sa.Boolean(), server_default='false', nullable=False))
    op.create_table('job_releases',
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('part', sa.Enum('step', 'labels', 'months', 'cells', name='releasepart', native_enum=False), nullable=False),
    sa.Column('number', sa.SmallInteger(), nullable=False),
    sa.Column('devices', sa.Integer(), nullable=False),
    sa.Column('months', sa.ARRAY(sa.SmallInteger()), nullable=False),
    sa.Column('counts', sa.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('scale', sa.Double(), nullable=False),
    sa.Column('reached', sa.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('scale > 0', name=op.f('job_releases_has_noise_check')),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('job_releases_job_id_fkey')),
    sa.PrimaryKeyConstraint('job_id', 'part', 'number', name=op.f('job_releases_pkey'))
    )


def downgrade() -> None:
    op.drop_table('job_releases')
    op.drop_column('owner_limits', 'allows_exact')
    op.drop_constraint('jobs_noise_of_noisy_answers_check', 'jobs')
    for column in ('max_items', 'rho', 'epsilon', 'needs_agreement', 'answers'):
        op.drop_column('jobs', column)
