"""Announced algorithms, ready reasons, appeals, and how versions answer fixed pictures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0037'
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('algorithms', sa.Column('announced_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('algorithms', sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('algorithms', sa.Column('suspended_by_id', sa.Uuid(), nullable=True))
    op.add_column('algorithms', sa.Column('suspension_reason', sa.Text(), nullable=True))
    op.add_column('algorithms', sa.Column('suspension_code', sa.Text(), nullable=True))
    op.add_column('algorithm_versions', sa.Column('review_code', sa.Text(), nullable=True))
    op.add_column('algorithm_versions', sa.Column('recalled_by', sa.Uuid(), nullable=True))
    op.add_column('algorithm_versions', sa.Column('recall_code', sa.Text(), nullable=True))
    op.add_column('algorithm_versions', sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True))
    # NOT VALID first: what is there is checked without keeping anybody from writing.
    for table, column in (('algorithms', 'suspended_by_id'), ('algorithm_versions', 'recalled_by')):
        name = f'{table}_{column}_fkey'
        op.execute(f'ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES users (id) NOT VALID')
        op.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT {name}')
    # What waits now, and what is suspended or recalled now: the log says since when, and by whom.
    op.execute("""
        UPDATE algorithm_versions v SET submitted_at = (
            SELECT max(e.at) FROM events e WHERE e.subject = 'version:' || v.id AND e.type = 'version.submitted'
        ) WHERE v.state = 'in_review'
    """)
    op.execute("""
        UPDATE algorithm_versions v SET recalled_by = (
            SELECT e.actor_id FROM events e WHERE e.subject = 'version:' || v.id AND e.type = 'version.recalled'
                AND EXISTS (SELECT FROM users u WHERE u.id = e.actor_id)
            ORDER BY e.number DESC LIMIT 1
        ) WHERE v.state = 'recalled'
    """)
    op.execute("""
        UPDATE algorithms a SET suspended_at = e.at, suspended_by_id = u.id, suspension_reason = e.reason
        FROM (
            SELECT DISTINCT ON (subject) subject, at, actor_id, reason FROM events
            WHERE type = 'algorithm.suspended' ORDER BY subject, number DESC
        ) e LEFT JOIN users u ON u.id = e.actor_id
        WHERE a.state = 'suspended' AND e.subject = 'algorithm:' || a.id
    """)
    op.create_index('algorithms_announced_idx', 'algorithms', ['created_at', 'id'], unique=False, postgresql_where=sa.text("state = 'draft' AND announced_at IS NOT NULL"))
    op.create_index('algorithm_versions_waiting_idx', 'algorithm_versions', ['state', sa.literal_column('COALESCE(submitted_at, checked_at, created_at)'), 'id'], unique=False)
    op.create_index(op.f('algorithm_versions_sha256_idx'), 'algorithm_versions', ['sha256'], unique=False)

    op.create_table('appeals',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('algorithm_id', sa.Uuid(), nullable=False),
    sa.Column('version_id', sa.Uuid(), nullable=True),
    sa.Column('decision', sa.Enum('rejection', 'recall', 'suspension', name='appealeddecision', native_enum=False), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_reason', sa.Text(), nullable=True),
    sa.Column('decided_code', sa.Text(), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('open', 'upheld', 'overturned', 'settled', name='appealstate', native_enum=False), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolved_by', sa.Uuid(), nullable=True),
    sa.Column('resolution', sa.Text(), nullable=True),
    sa.CheckConstraint("(state = 'open') = (resolved_at IS NULL)", name=op.f('appeals_resolved_at_check')),
    sa.CheckConstraint("(version_id IS NULL) = (decision = 'suspension')", name=op.f('appeals_of_a_version_check')),
    sa.CheckConstraint('resolved_by IS NULL OR resolved_by <> decided_by', name=op.f('appeals_another_decides_check')),
    sa.ForeignKeyConstraint(['algorithm_id'], ['algorithms.id'], name=op.f('appeals_algorithm_id_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['version_id'], ['algorithm_versions.id'], name=op.f('appeals_version_id_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['decided_by'], ['users.id'], name=op.f('appeals_decided_by_fkey')),
    sa.ForeignKeyConstraint(['resolved_by'], ['users.id'], name=op.f('appeals_resolved_by_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('appeals_pkey')),
    sa.UniqueConstraint('algorithm_id', 'version_id', 'decided_at', name=op.f('appeals_algorithm_id_version_id_decided_at_key'), postgresql_nulls_not_distinct=True)
    )
    op.create_index(op.f('appeals_state_id_idx'), 'appeals', ['state', 'id'], unique=False)
    op.create_index(op.f('appeals_algorithm_id_id_idx'), 'appeals', ['algorithm_id', 'id'], unique=False)
    op.create_index(op.f('appeals_version_id_idx'), 'appeals', ['version_id'], unique=False)

    op.create_table('version_probes',
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('developer_id', sa.Uuid(), nullable=False),
    sa.Column('probe_set', sa.Integer(), nullable=False),
    sa.Column('label_count', sa.Integer(), nullable=False),
    sa.Column('answers', sa.LargeBinary(), nullable=False),
    sa.Column('confidences', sa.LargeBinary(), nullable=False),
    sa.Column('ranks', postgresql.ARRAY(sa.REAL()), nullable=True),
    sa.Column('samples', postgresql.JSONB(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['algorithm_versions.id'], name=op.f('version_probes_version_id_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['developer_id'], ['users.id'], name=op.f('version_probes_developer_id_fkey')),
    sa.PrimaryKeyConstraint('version_id', name=op.f('version_probes_pkey'))
    )
    op.create_index(op.f('version_probes_probe_set_label_count_version_id_idx'), 'version_probes', ['probe_set', 'label_count', 'version_id'], unique=False)
    op.create_table('version_twins',
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('twin_id', sa.Uuid(), nullable=False),
    sa.Column('probes', sa.Integer(), nullable=False),
    sa.Column('agreeing', sa.Integer(), nullable=False),
    sa.Column('confidence_difference', sa.Float(), nullable=False),
    sa.CheckConstraint('agreeing BETWEEN 0 AND probes', name=op.f('version_twins_agreeing_check')),
    sa.ForeignKeyConstraint(['version_id'], ['algorithm_versions.id'], name=op.f('version_twins_version_id_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['twin_id'], ['algorithm_versions.id'], name=op.f('version_twins_twin_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('version_id', 'twin_id', name=op.f('version_twins_pkey'))
    )
    op.create_index(op.f('version_twins_twin_id_idx'), 'version_twins', ['twin_id'], unique=False)
    # Where the database has pgvector, or may have it, the nearest are found by an index. Without
    # it nothing is missing but speed (docs/decisions/0068).
    op.execute("""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN
                CREATE EXTENSION IF NOT EXISTS vector;
            END IF;
            -- Before 0.8 a search could not go on behind the nearest that are left out.
            IF EXISTS (SELECT FROM pg_extension WHERE extname = 'vector'
                AND string_to_array(extversion, '.')::int[] >= '{0,8}') THEN
                CREATE INDEX version_probes_ranks_idx ON version_probes
                    USING hnsw ((ranks::vector(256)) vector_l2_ops) WHERE ranks IS NOT NULL;
            END IF;
        EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_object THEN
            RAISE NOTICE 'pgvector is there, and cannot be used: %', SQLERRM;
        END $$
    """)
    # A draft and an announced one have one state in their column: which of them is asked for, the
    # function must be able to say. Everything else in it is as it was.
    op.execute("""
        DO $$ BEGIN
            EXECUTE replace(
                pg_get_functiondef('find_algorithms'::regproc),
                $s$($4 IS NULL OR state = $4)$s$,
                $s$($4 IS NULL OR (state = CASE $4 WHEN ''announced'' THEN ''draft'' ELSE $4 END$s$
                || $s$ AND ($4 NOT IN (''draft'', ''announced'')$s$
                || $s$ OR ($4 = ''announced'') = (announced_at IS NOT NULL))))$s$
            );
        END $$
    """)


def downgrade() -> None:
    op.execute("""
        DO $$ BEGIN
            EXECUTE replace(
                pg_get_functiondef('find_algorithms'::regproc),
                $s$($4 IS NULL OR (state = CASE $4 WHEN ''announced'' THEN ''draft'' ELSE $4 END$s$
                || $s$ AND ($4 NOT IN (''draft'', ''announced'')$s$
                || $s$ OR ($4 = ''announced'') = (announced_at IS NOT NULL))))$s$,
                $s$($4 IS NULL OR state = $4)$s$
            );
        END $$
    """)
    op.drop_table('version_twins')
    op.drop_table('version_probes')
    op.drop_table('appeals')
    op.drop_index('algorithm_versions_sha256_idx', table_name='algorithm_versions')
    op.drop_index('algorithm_versions_waiting_idx', table_name='algorithm_versions')
    op.drop_index('algorithms_announced_idx', table_name='algorithms')
    for column in ('submitted_at', 'recall_code', 'recalled_by', 'review_code'):
        op.drop_column('algorithm_versions', column)
    for column in ('suspension_code', 'suspension_reason', 'suspended_by_id', 'suspended_at', 'announced_at'):
        op.drop_column('algorithms', column)
