"""One log of all that happens: audit entry, line of a timeline and event in one row."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


revision = '0014'
down_revision = "0013"
branch_labels = None
depends_on = None

COPIED_AT_ONCE = 20_000


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('events',
    sa.Column('number', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('from_state', sa.Text(), nullable=True),
    sa.Column('to_state', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('body', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('facts', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('readers', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('number', 'at', name=op.f('events_pkey')),
    postgresql_partition_by='RANGE (at)'
    )
    op.create_index(op.f('events_subject_number_idx'), 'events', ['subject', 'number'], unique=False)
    op.create_table('event_readers',
    sa.Column('reader', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('reader', 'number', 'at', name=op.f('event_readers_pkey')),
    postgresql_partition_by='RANGE (at)'
    )
    op.create_table('event_log',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('forgotten_up_to', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('event_log_pkey'))
    )
    op.execute("INSERT INTO event_log VALUES (gen_random_uuid(), 0)")
    # Parts for months and weeks are added in time (core/partitions.py); what falls into none lies here.
    op.execute("CREATE TABLE events_rest PARTITION OF events DEFAULT")
    op.execute("CREATE TABLE event_readers_rest PARTITION OF event_readers DEFAULT")
    # The release before this one still writes to audit_entries, which a later release takes away.
    op.execute("""
        CREATE FUNCTION audit_entries_are_events() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO events (at, type, subject, actor_id, from_state, to_state, reason, body,
                facts, readers)
            VALUES (NEW.at, split_part(NEW.subject, ':', 1) || '.' || NEW.action, NEW.subject,
                NEW.actor_id, NEW.from_state, NEW.to_state, NEW.reason, '{}', NEW.facts, '{}');
            RETURN NULL;
        END $$
    """)
    op.execute("LOCK TABLE audit_entries IN SHARE MODE")
    op.execute("""
        CREATE TRIGGER audit_entries_are_events AFTER INSERT ON audit_entries
        FOR EACH ROW EXECUTE FUNCTION audit_entries_are_events()
    """)
    _copy()


def _copy() -> None:
    """Copy what is there, some rows at a time: each statement has its few seconds."""
    connection, last = op.get_bind(), 0
    while last is not None:
        last = connection.scalar(sa.text("""
            WITH part AS (
                SELECT * FROM audit_entries WHERE id > :last ORDER BY id LIMIT :most
            ), copied AS (
                INSERT INTO events (at, type, subject, actor_id, from_state, to_state, reason,
                    body, facts, readers)
                SELECT at, split_part(subject, ':', 1) || '.' || action, subject, actor_id,
                    from_state, to_state, reason, '{}', facts, '{}'
                FROM part ORDER BY id
            )
            SELECT max(id) FROM part
        """), {"last": last, "most": COPIED_AT_ONCE})


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_entries_are_events ON audit_entries")
    op.execute("DROP FUNCTION audit_entries_are_events()")
    op.drop_table('event_log')
    op.drop_table('event_readers')
    op.drop_index(op.f('events_subject_number_idx'), table_name='events')
    op.drop_table('events')
