"""Bounties: entrants, hidden test sets, submissions, boards, rankings and disputes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('bounties',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Enum('draft', 'funded', 'enrolling', 'submitting', 'evaluating', 'disputing', 'finished', 'cancelled', name='bountystate', native_enum=False), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('organisation', sa.Text(), nullable=False),
    sa.Column('subtitle', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('data', sa.Text(), nullable=False),
    sa.Column('evaluation', sa.Text(), nullable=False),
    sa.Column('rules', sa.Text(), nullable=False),
    sa.Column('tags', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('judging', sa.Enum('metric', 'manual', name='judging', native_enum=False), nullable=False),
    sa.Column('metric', sa.Text(), nullable=True),
    sa.Column('ties', sa.Enum('share', 'order', name='ties', native_enum=False), nullable=False),
    sa.Column('prizes', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('prize_pool', sa.BigInteger(), nullable=False),
    sa.Column('enrollment_fee', sa.BigInteger(), nullable=False),
    sa.Column('team_size_max', sa.Integer(), nullable=False),
    sa.Column('submissions_a_day', sa.Integer(), nullable=False),
    sa.Column('submissions_at_once', sa.Integer(), nullable=False),
    sa.Column('submissions_in_all', sa.Integer(), nullable=False),
    sa.Column('enrolls_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('submits_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('judged_by', sa.DateTime(timezone=True), nullable=False),
    sa.Column('dispute_seconds', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('funded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disputes_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.Text(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('alarms', sa.Integer(), nullable=False),
    sa.Column('entrants', sa.Integer(), nullable=False),
    sa.Column('second_chance', sa.Boolean(), nullable=False),
    sa.Column('order_changes', sa.Integer(), nullable=False),
    sa.CheckConstraint("(judging = 'metric') = (metric IS NOT NULL)", name=op.f('bounties_metric_where_judged_by_it_check')),
    sa.CheckConstraint('0 < ALL (prizes)', name=op.f('bounties_prizes_positive_check')),
    sa.CheckConstraint('cardinality(prizes) BETWEEN 1 AND 100', name=op.f('bounties_prizes_counted_check')),
    sa.CheckConstraint('dispute_seconds >= 0', name=op.f('bounties_dispute_not_negative_check')),
    sa.CheckConstraint('enrolls_at < submits_at AND submits_at < closes_at AND closes_at < judged_by', name=op.f('bounties_dates_in_order_check')),
    sa.CheckConstraint('prize_pool > 0 AND enrollment_fee >= 0', name=op.f('bounties_amounts_check')),
    sa.CheckConstraint('team_size_max BETWEEN 1 AND 5', name=op.f('bounties_team_size_check')),
    sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('bounties_owner_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('bounties_pkey'))
    )
    op.create_index('bounties_closes_at_idx', 'bounties', ['closes_at', 'id'], unique=False, postgresql_where="funded_at IS NOT NULL")
    op.create_index('bounties_created_at_idx', 'bounties', ['created_at', 'id'], unique=False)
    op.create_index('bounties_words_idx', 'bounties', [sa.literal_column("to_tsvector('english'::regconfig, (((((name || ' ') || organisation) || ' ') || subtitle) || ' ') || description)")], unique=False, postgresql_using='gin')
    op.create_index(op.f('bounties_owner_id_id_idx'), 'bounties', ['owner_id', 'id'], unique=False)
    op.create_index('bounties_prize_pool_idx', 'bounties', ['prize_pool', 'id'], unique=False, postgresql_where="funded_at IS NOT NULL")
    op.create_index(op.f('bounties_tags_idx'), 'bounties', ['tags'], unique=False, postgresql_using='gin')
    op.create_table('bounty_attachments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('data', 'image', 'thumbnail', 'cover', name='attachmentkind', native_enum=False), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('media_type', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_attachments_bounty_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('bounty_attachments_pkey')),
    sa.UniqueConstraint('bounty_id', 'kind', 'name', name=op.f('bounty_attachments_bounty_id_kind_name_key'))
    )
    op.create_table('bounty_decisions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('winners', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['actor_id'], ['users.id'], name=op.f('bounty_decisions_actor_id_fkey')),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_decisions_bounty_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('bounty_decisions_pkey'))
    )
    op.create_index(op.f('bounty_decisions_bounty_id_id_idx'), 'bounty_decisions', ['bounty_id', 'id'], unique=False)
    op.create_table('bounty_rankings',
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('metric', sa.Text(), nullable=False),
    sa.Column('draws', sa.Integer(), nullable=False),
    sa.Column('entries', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_rankings_bounty_id_fkey')),
    sa.PrimaryKeyConstraint('bounty_id', name=op.f('bounty_rankings_pkey'))
    )
    op.create_table('bounty_test_sets',
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Enum('uploaded', 'checked', 'refused', name='testsetstate', native_enum=False), nullable=False),
    sa.Column('format', sa.Text(), nullable=False),
    sa.Column('id_column', sa.Text(), nullable=False),
    sa.Column('target_column', sa.Text(), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refusals', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('prepared', sa.Text(), nullable=True),
    sa.Column('rows', sa.Integer(), nullable=True),
    sa.Column('public_rows', sa.Integer(), nullable=True),
    sa.Column('classes', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('features', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('commitment', sa.Text(), nullable=True),
    sa.Column('sealed_salt', sa.LargeBinary(), nullable=True),
    sa.Column('salt', sa.Text(), nullable=True),
    sa.Column('published', sa.Text(), nullable=True),
    sa.CheckConstraint("state <> 'checked' OR (commitment IS NOT NULL AND prepared IS NOT NULL AND sealed_salt IS NOT NULL AND rows > 0)", name=op.f('bounty_test_sets_checked_is_whole_check')),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_test_sets_bounty_id_fkey')),
    sa.PrimaryKeyConstraint('bounty_id', name=op.f('bounty_test_sets_pkey'))
    )
    op.create_table('enrollments',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('captain_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('enrolled', 'winner', 'not_placed', 'withdrawn', 'disqualified', name='enrollmentstate', native_enum=False), nullable=False),
    sa.Column('fee', sa.BigInteger(), nullable=False),
    sa.Column('rules_sha256', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fee_returned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state_reason', sa.Text(), nullable=True),
    sa.Column('submissions', sa.Integer(), nullable=False),
    sa.Column('best_submission_id', sa.Uuid(), nullable=True),
    sa.Column('best_score', sa.Double(), nullable=True),
    sa.Column('best_key', sa.Double(), nullable=True),
    sa.Column('best_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('chosen_submission_id', sa.Uuid(), nullable=True),
    sa.Column('place', sa.Integer(), nullable=True),
    sa.Column('tied_from', sa.Integer(), nullable=True),
    sa.Column('tied_to', sa.Integer(), nullable=True),
    sa.Column('private_score', sa.Double(), nullable=True),
    sa.Column('chance_of_first', sa.Double(), nullable=True),
    sa.Column('final_submission_id', sa.Uuid(), nullable=True),
    sa.Column('prize', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("prize IS NULL OR prize = 0 OR state IN ('enrolled', 'winner')", name=op.f('enrollments_prizes_are_winners_check')),
    sa.CheckConstraint('fee >= 0 AND (prize IS NULL OR prize >= 0)', name=op.f('enrollments_amounts_check')),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('enrollments_bounty_id_fkey')),
    sa.ForeignKeyConstraint(['captain_id'], ['users.id'], name=op.f('enrollments_captain_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('enrollments_pkey')),
    sa.UniqueConstraint('bounty_id', 'name', name=op.f('enrollments_bounty_id_name_key')),
    sa.UniqueConstraint('bounty_id', 'number', name=op.f('enrollments_bounty_id_number_key'))
    )
    op.create_index('enrollments_board_idx', 'enrollments', ['bounty_id', 'best_key', 'best_at', 'id'], unique=False)
    op.create_index('enrollments_place_idx', 'enrollments', ['bounty_id', 'place', 'id'], unique=False)
    op.create_table('bounty_agreements',
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('first_id', sa.Uuid(), nullable=False),
    sa.Column('second_id', sa.Uuid(), nullable=False),
    sa.Column('agreement', sa.Double(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('first_id < second_id', name=op.f('bounty_agreements_in_order_check')),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_agreements_bounty_id_fkey')),
    sa.ForeignKeyConstraint(['first_id'], ['enrollments.id'], name=op.f('bounty_agreements_first_id_fkey')),
    sa.ForeignKeyConstraint(['second_id'], ['enrollments.id'], name=op.f('bounty_agreements_second_id_fkey')),
    sa.PrimaryKeyConstraint('bounty_id', 'first_id', 'second_id', name=op.f('bounty_agreements_pkey'))
    )
    op.create_table('bounty_disputes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('enrollment_id', sa.Uuid(), nullable=False),
    sa.Column('author_id', sa.Uuid(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('bounty_disputes_author_id_fkey')),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_disputes_bounty_id_fkey')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollments.id'], name=op.f('bounty_disputes_enrollment_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('bounty_disputes_pkey'))
    )
    op.create_index(op.f('bounty_disputes_bounty_id_id_idx'), 'bounty_disputes', ['bounty_id', 'id'], unique=False)
    op.create_table('bounty_records',
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('enrollment_id', sa.Uuid(), nullable=False),
    sa.Column('score', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('bounty_records_bounty_id_fkey')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollments.id'], name=op.f('bounty_records_enrollment_id_fkey')),
    sa.PrimaryKeyConstraint('bounty_id', 'at', name=op.f('bounty_records_pkey'))
    )
    op.create_table('enrollment_members',
    sa.Column('enrollment_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('share_bps', sa.Integer(), nullable=False),
    sa.Column('agreed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('share_bps BETWEEN 0 AND 10000', name=op.f('enrollment_members_share_check')),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('enrollment_members_bounty_id_fkey')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollments.id'], name=op.f('enrollment_members_enrollment_id_fkey')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('enrollment_members_user_id_fkey')),
    sa.PrimaryKeyConstraint('enrollment_id', 'user_id', name=op.f('enrollment_members_pkey'))
    )
    op.create_index('enrollment_members_once_idx', 'enrollment_members', ['bounty_id', 'user_id'], unique=True, postgresql_where='agreed_at IS NOT NULL AND left_at IS NULL')
    op.create_index(op.f('enrollment_members_user_id_bounty_id_idx'), 'enrollment_members', ['user_id', 'bounty_id'], unique=False)
    op.create_table('submissions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bounty_id', sa.Uuid(), nullable=False),
    sa.Column('enrollment_id', sa.Uuid(), nullable=False),
    sa.Column('submitter_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Enum('validating', 'queued', 'evaluating', 'scored', 'failed', 'cancelled', name='submissionstate', native_enum=False), nullable=False),
    sa.Column('kind', sa.Enum('csv', 'parquet', 'onnx', 'file', name='submissionkind', native_enum=False), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('queued_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('failed_nodes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('end_reason', sa.Text(), nullable=True),
    sa.Column('refusals', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('metric', sa.Text(), nullable=True),
    sa.Column('improved', sa.Boolean(), nullable=True),
    sa.Column('shown_score', sa.Double(), nullable=True),
    sa.Column('predictions_sha256', sa.Text(), nullable=True),
    sa.Column('sealed_predictions', sa.Text(), nullable=True),
    sa.Column('evaluation_seconds', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['bounty_id'], ['bounties.id'], name=op.f('submissions_bounty_id_fkey')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollments.id'], name=op.f('submissions_enrollment_id_fkey')),
    sa.ForeignKeyConstraint(['submitter_id'], ['users.id'], name=op.f('submissions_submitter_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('submissions_pkey'))
    )
    op.create_index(op.f('submissions_bounty_id_id_idx'), 'submissions', ['bounty_id', 'id'], unique=False)
    op.create_index(op.f('submissions_enrollment_id_created_at_idx'), 'submissions', ['enrollment_id', 'created_at'], unique=False)
    op.create_index('submissions_waiting_idx', 'submissions', ['queued_at'], unique=False, postgresql_where="state IN ('validating', 'queued', 'evaluating')")
    op.add_column('algorithm_versions', sa.Column('origin', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.alter_column('ledger_transfers', 'code',
               existing_type=sa.VARCHAR(length=13),
               type_=sa.Enum('deposit', 'job_escrow', 'device_reward', 'developer_fee', 'platform_fee', 'job_refund', 'bounty_escrow', 'enrollment_fee', 'prize', 'bounty_refund', name='transfercode', native_enum=False),
               existing_nullable=False)


def downgrade() -> None:
    """Only where no bounty moved money: the ledger is never shortened."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM ledger_transfers WHERE code IN "
        "('bounty_escrow', 'enrollment_fee', 'prize', 'bounty_refund')), "
        "'bounties moved money: there is no way back'; END $$"
    )
    op.alter_column('ledger_transfers', 'code',
               existing_type=sa.Enum('deposit', 'job_escrow', 'device_reward', 'developer_fee', 'platform_fee', 'job_refund', 'bounty_escrow', 'enrollment_fee', 'prize', 'bounty_refund', name='transfercode', native_enum=False),
               type_=sa.VARCHAR(length=13),
               existing_nullable=False)
    op.drop_column('algorithm_versions', 'origin')
    op.drop_index('submissions_waiting_idx', table_name='submissions', postgresql_where="state IN ('validating', 'queued', 'evaluating')")
    op.drop_index(op.f('submissions_enrollment_id_created_at_idx'), table_name='submissions')
    op.drop_index(op.f('submissions_bounty_id_id_idx'), table_name='submissions')
    op.drop_table('submissions')
    op.drop_index(op.f('enrollment_members_user_id_bounty_id_idx'), table_name='enrollment_members')
    op.drop_index('enrollment_members_once_idx', table_name='enrollment_members', postgresql_where='agreed_at IS NOT NULL AND left_at IS NULL')
    op.drop_table('enrollment_members')
    op.drop_table('bounty_records')
    op.drop_index(op.f('bounty_disputes_bounty_id_id_idx'), table_name='bounty_disputes')
    op.drop_table('bounty_disputes')
    op.drop_table('bounty_agreements')
    op.drop_index('enrollments_place_idx', table_name='enrollments')
    op.drop_index('enrollments_board_idx', table_name='enrollments')
    op.drop_table('enrollments')
    op.drop_table('bounty_test_sets')
    op.drop_table('bounty_rankings')
    op.drop_index(op.f('bounty_decisions_bounty_id_id_idx'), table_name='bounty_decisions')
    op.drop_table('bounty_decisions')
    op.drop_table('bounty_attachments')
    op.drop_index(op.f('bounties_tags_idx'), table_name='bounties', postgresql_using='gin')
    op.drop_index('bounties_prize_pool_idx', table_name='bounties', postgresql_where="funded_at IS NOT NULL")
    op.drop_index('bounties_words_idx', table_name='bounties', postgresql_using='gin')
    op.drop_index('bounties_created_at_idx', table_name='bounties')
    op.drop_index(op.f('bounties_owner_id_id_idx'), table_name='bounties')
    op.drop_index('bounties_closes_at_idx', table_name='bounties', postgresql_where="funded_at IS NOT NULL")
    op.drop_table('bounties')
