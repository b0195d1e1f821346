"""What customers think of algorithms, what became of these by day, and answers that are public."""

import sqlalchemy as sa
from alembic import op


revision = '0038'
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # In one statement, as a column that is computed writes the table anew.
    op.execute(
        """
        ALTER TABLE algorithms
            ADD COLUMN rating_count bigint NOT NULL DEFAULT 0,
            ADD COLUMN rating_sum bigint NOT NULL DEFAULT 0,
            ADD COLUMN weighted_rating bigint NOT NULL GENERATED ALWAYS AS (
                (rating_sum + 15) * 1000 / (rating_count + 5)
            ) STORED,
            ADD CONSTRAINT algorithms_rating_count_not_negative_check CHECK (rating_count >= 0),
            ADD CONSTRAINT algorithms_rating_sum_check
                CHECK (rating_sum BETWEEN rating_count AND 5 * rating_count)
        """
    )
    op.create_index('algorithms_state_weighted_rating_id_idx', 'algorithms', ['state', 'weighted_rating', 'id'], unique=False)

    op.create_table(
        'algorithm_ratings',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('algorithm_id', sa.Uuid(), nullable=False),
        sa.Column('user_id', sa.Uuid(), nullable=False),
        sa.Column('version_id', sa.Uuid(), nullable=False),
        sa.Column('stars', sa.SmallInteger(), nullable=False),
        sa.Column('text', sa.Text(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('hidden_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('hidden_reason', sa.Text(), nullable=True),
        sa.CheckConstraint('stars BETWEEN 1 AND 5', name=op.f('algorithm_ratings_stars_check')),
        sa.CheckConstraint('hidden_reason IS NULL OR hidden_at IS NOT NULL', name=op.f('algorithm_ratings_hidden_reason_check')),
        sa.ForeignKeyConstraint(['algorithm_id'], ['algorithms.id'], name=op.f('algorithm_ratings_algorithm_id_fkey')),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('algorithm_ratings_user_id_fkey')),
        sa.ForeignKeyConstraint(['version_id'], ['algorithm_versions.id'], name=op.f('algorithm_ratings_version_id_fkey')),
        sa.PrimaryKeyConstraint('id', name=op.f('algorithm_ratings_pkey')),
        sa.UniqueConstraint('algorithm_id', 'user_id', name=op.f('algorithm_ratings_algorithm_id_user_id_key')),
    )
    op.create_index('algorithm_ratings_algorithm_id_id_idx', 'algorithm_ratings', ['algorithm_id', 'id'], unique=False)
    op.create_index('algorithm_ratings_user_id_idx', 'algorithm_ratings', ['user_id'], unique=False)
    op.create_table(
        'rating_replies',
        sa.Column('rating_id', sa.Uuid(), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['rating_id'], ['algorithm_ratings.id'], name=op.f('rating_replies_rating_id_fkey'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('rating_id', name=op.f('rating_replies_pkey')),
    )

    op.create_table(
        'published_jobs',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('job_id', sa.Uuid(), nullable=False),
        sa.Column('algorithm_id', sa.Uuid(), nullable=False),
        sa.Column('customer_id', sa.Uuid(), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('devices', sa.Integer(), nullable=False),
        sa.Column('items', sa.BigInteger(), nullable=False),
        sa.Column('counts', sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column('uncertain', sa.BigInteger(), nullable=False),
        sa.Column('other', sa.BigInteger(), nullable=False),
        sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('removal_reason', sa.Text(), nullable=True),
        sa.CheckConstraint('removal_reason IS NULL OR removed_at IS NOT NULL', name=op.f('published_jobs_removal_reason_check')),
        sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('published_jobs_job_id_fkey')),
        sa.ForeignKeyConstraint(['algorithm_id'], ['algorithms.id'], name=op.f('published_jobs_algorithm_id_fkey')),
        sa.ForeignKeyConstraint(['customer_id'], ['users.id'], name=op.f('published_jobs_customer_id_fkey')),
        sa.PrimaryKeyConstraint('id', name=op.f('published_jobs_pkey')),
        sa.UniqueConstraint('job_id', name=op.f('published_jobs_job_id_key')),
    )
    op.create_index('published_jobs_algorithm_id_id_idx', 'published_jobs', ['algorithm_id', 'id'], unique=False)
    op.create_index('published_jobs_customer_id_idx', 'published_jobs', ['customer_id'], unique=False)
    op.create_index('jobs_ended_of_algorithm_idx', 'jobs', ['algorithm_id', 'customer_id', 'id'], unique=False, postgresql_where=sa.text('ended_at IS NOT NULL'))

    op.create_table(
        'algorithm_statistics',
        sa.Column('version_id', sa.Uuid(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('algorithm_id', sa.Uuid(), nullable=False),
        sa.Column('devices', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('earned', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('ratings', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('stars', sa.BigInteger(), server_default='0', nullable=False),
        sa.CheckConstraint('devices >= 0 AND earned >= 0 AND ratings >= 0', name=op.f('algorithm_statistics_not_negative_check')),
        sa.CheckConstraint('stars BETWEEN ratings AND 5 * ratings', name=op.f('algorithm_statistics_stars_check')),
        sa.PrimaryKeyConstraint('version_id', 'day', name=op.f('algorithm_statistics_pkey')),
    )
    op.create_index('algorithm_statistics_algorithm_id_day_idx', 'algorithm_statistics', ['algorithm_id', 'day'], unique=False)
    # A trigger, so that what the release before shows meanwhile counts, too (docs/decisions/0069). In
    # the order of versions, so that two folds that meet wait for each other in one direction.
    op.execute(
        """
        CREATE FUNCTION count_what_jobs_show() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO algorithm_statistics AS s (version_id, day, algorithm_id, devices, earned)
            SELECT j.version_id, (now() AT TIME ZONE 'UTC')::date, j.algorithm_id,
                   sum(later.shown_devices - earlier.shown_devices),
                   sum((later.folded - later.held_devices - earlier.folded + earlier.held_devices)
                       * j.device_fee)
            FROM later JOIN earlier USING (job_id) CROSS JOIN LATERAL (
                SELECT version_id, algorithm_id, device_fee FROM jobs WHERE id = job_id LIMIT 1
            ) j
            WHERE later.shown_devices <> earlier.shown_devices
               OR later.folded - later.held_devices <> earlier.folded - earlier.held_devices
            GROUP BY j.version_id, j.algorithm_id ORDER BY j.version_id
            ON CONFLICT (version_id, day) DO UPDATE SET
                devices = s.devices + excluded.devices, earned = s.earned + excluded.earned;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER count_what_jobs_show AFTER UPDATE ON job_totals
        REFERENCING OLD TABLE AS earlier NEW TABLE AS later
        FOR EACH STATEMENT EXECUTE FUNCTION count_what_jobs_show()
        """
    )
    # What was shown by now. Whoever folds waits for the trigger, so none of it is counted twice. On
    # which day of a job a step came is not known: it counts under the day of its end, or beginning.
    op.execute(
        """
        INSERT INTO algorithm_statistics (version_id, day, algorithm_id, devices, earned)
        SELECT j.version_id, (coalesce(j.ended_at, j.created_at) AT TIME ZONE 'UTC')::date,
               j.algorithm_id, sum(t.shown_devices), sum((t.folded - t.held_devices) * j.device_fee)
        FROM jobs j JOIN job_totals t ON t.job_id = j.id WHERE t.folded > t.held_devices
        GROUP BY 1, 2, 3
        """
    )
    # As before (docs/decisions/0065), and by the least rating. The one before is still used by the
    # release before.
    op.execute(
        """
        CREATE FUNCTION find_algorithms(
            asked tsquery, in_brief boolean, developer uuid, in_state text, of_kind text,
            with_tags text[], of_data text, fee_min bigint, fee_max bigint, rating_min integer,
            sort text, after_number bigint, after_moment timestamptz, after_id uuid, most integer
        ) RETURNS SETOF uuid LANGUAGE plpgsql ROWS 1000
        AS $$
        DECLARE
            down boolean = starts_with(sort, '-');
            key text = quote_ident(ltrim(sort, '-'));
            is_moment boolean = ltrim(sort, '-') = 'created_at';
            fits text = format('($1 IS NULL OR %I @@ $1) AND ($2 IS NULL OR tags @> $2)',
                CASE WHEN in_brief THEN 'brief_words' ELSE 'words' END);
            look_us float8 = CASE WHEN asked IS NULL OR in_brief THEN 2 ELSE 15 END;
            gather_us float8 = CASE WHEN asked::text ~ '<(-|\\d+)>' THEN look_us ELSE 1 END;
            looked bigint;
            told json;
            matches float8;
            rows float8;
        BEGIN
            IF querytree(asked) IN ('', 'T') THEN  -- No index has what a row must not have.
                RETURN;
            END IF;
            IF asked IS NOT NULL OR with_tags IS NOT NULL THEN
                EXECUTE 'EXPLAIN (FORMAT JSON) SELECT FROM algorithms WHERE ' || fits
                    INTO told USING asked, with_tags;
                matches = (told->0->'Plan'->>'Plan Rows')::float8;
                SELECT greatest(reltuples, matches) INTO rows  -- It is -1 until it is analysed.
                FROM pg_class WHERE oid = 'algorithms'::regclass;
                IF matches * matches * gather_us < most * rows * look_us THEN
                    -- No index has this, so that what fits has to be sorted.
                    key = CASE WHEN is_moment THEN '(created_at + interval ''0'')'
                        ELSE format('(%s + 0)', key) END;
                ELSE
                    looked = 10000;
                END IF;
            END IF;
            RETURN QUERY EXECUTE format(
                'SELECT id FROM (SELECT * FROM algorithms'
                ' WHERE ($3 IS NULL OR developer_id = $3) AND ($4 IS NULL'
                '  OR (state = CASE $4 WHEN ''announced'' THEN ''draft'' ELSE $4 END'
                '   AND ($4 NOT IN (''draft'', ''announced'')'
                '    OR ($4 = ''announced'') = (announced_at IS NOT NULL))))'
                ' AND ($5 IS NULL OR kind = $5) AND ($6 IS NULL OR data_kind = $6)'
                ' AND ($7 IS NULL OR device_fee >= $7) AND ($8 IS NULL OR device_fee <= $8)'
                ' AND ($13 IS NULL OR rating_count > 0 AND rating_sum >= $13 * rating_count)'
                ' AND ($11 IS NULL OR (%2$s, id) %3$s (%5$s, $11))%6$s) it'
                ' WHERE %1$s ORDER BY %2$s %4$s, id %4$s LIMIT $12',
                fits,
                key,
                CASE WHEN down THEN '<' ELSE '>' END,
                CASE WHEN down THEN 'DESC' ELSE 'ASC' END,
                CASE WHEN is_moment THEN '$10' ELSE '$9' END,
                CASE WHEN looked IS NULL THEN '' ELSE format(' ORDER BY %s %s, id %s LIMIT %s',
                    key, CASE WHEN down THEN 'DESC' ELSE 'ASC' END,
                    CASE WHEN down THEN 'DESC' ELSE 'ASC' END, looked) END
            ) USING asked, with_tags, developer, in_state, of_kind, of_data, fee_min, fee_max,
                after_number, after_moment, after_id, most, rating_min;
        END $$
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP FUNCTION find_algorithms(
            tsquery, boolean, uuid, text, text, text[], text, bigint, bigint, integer, text, bigint,
            timestamptz, uuid, integer
        )
        """
    )
    op.execute("DROP TRIGGER count_what_jobs_show ON job_totals")
    op.execute("DROP FUNCTION count_what_jobs_show")
    op.drop_table('algorithm_statistics')
    op.drop_index('jobs_ended_of_algorithm_idx', table_name='jobs')
    op.drop_table('published_jobs')
    op.drop_table('rating_replies')
    op.drop_table('algorithm_ratings')
    op.drop_index('algorithms_state_weighted_rating_id_idx', table_name='algorithms')
    for name in ('weighted_rating', 'rating_sum', 'rating_count'):
        op.drop_column('algorithms', name)
