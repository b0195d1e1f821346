"""What algorithms are found by: their words, the spelling of those, and what a list sorts by."""

import sqlalchemy as sa
from alembic import op


revision = '0034'
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    # Both depend on nothing but what they are given; PostgreSQL knows that of no array as text.
    op.execute(
        r"""
        CREATE FUNCTION words_of(words text) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN regexp_replace(normalize(words, NFKD), '[\u0300-\u036f]', '', 'g')
        """
    )
    op.execute(
        """
        CREATE FUNCTION words_of(tags text[]) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN words_of(array_to_string(tags, ' '))
        """
    )
    # In one statement, as each of these writes the table anew.
    op.execute(
        r"""
        ALTER TABLE algorithms
            ADD COLUMN revision integer NOT NULL DEFAULT 1,
            ADD COLUMN suspended_by varchar(9),
            ADD COLUMN runs bigint NOT NULL DEFAULT 0,
            ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN slug text NOT NULL GENERATED ALWAYS AS (
                coalesce(nullif(trim(BOTH '-' FROM left(
                    regexp_replace(lower(words_of(title)), '[^a-z0-9]+', '-', 'g'), 60)), ''),
                    'algorithm') || '-' || right(id::text, 12)
            ) STORED,
            ADD COLUMN brief_words tsvector NOT NULL GENERATED ALWAYS AS (
                setweight(to_tsvector('english', words_of(title) || ' ' || words_of(tags)), 'A')
                || setweight(to_tsvector('english', words_of(summary)), 'B')
            ) STORED,
            ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
                setweight(to_tsvector('english', words_of(title) || ' ' || words_of(tags)), 'A')
                || setweight(to_tsvector('english', words_of(summary)), 'B')
                || setweight(to_tsvector('english', words_of(model_card)), 'D')
            ) STORED
        """
    )
    op.execute("UPDATE algorithms SET updated_at = created_at")
    # What ended jobs had shown of it by now.
    op.execute(
        """
        UPDATE algorithms SET runs = run.runs FROM (
            SELECT j.algorithm_id, sum(t.shown_devices) AS runs
            FROM jobs j JOIN job_totals t ON t.job_id = j.id WHERE j.ended_at IS NOT NULL
            GROUP BY j.algorithm_id
        ) run WHERE run.algorithm_id = algorithms.id
        """
    )
    op.create_index('algorithms_words_idx', 'algorithms', ['words'], unique=False, postgresql_using='gin')
    op.create_index('algorithms_brief_words_idx', 'algorithms', ['brief_words'], unique=False, postgresql_using='gin')
    op.create_index('algorithms_tags_idx', 'algorithms', ['tags'], unique=False, postgresql_using='gin')
    op.create_index('algorithms_state_created_at_id_idx', 'algorithms', ['state', 'created_at', 'id'], unique=False)
    op.create_index('algorithms_state_device_fee_id_idx', 'algorithms', ['state', 'device_fee', 'id'], unique=False)
    op.create_index('algorithms_state_runs_id_idx', 'algorithms', ['state', 'runs', 'id'], unique=False)
    op.create_index('algorithms_slug_end_idx', 'algorithms', [sa.literal_column('"right"(slug, 12)')], unique=False)

    op.create_table(
        'algorithm_words',
        sa.Column('word', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('word', name=op.f('algorithm_words_pkey')),
    )
    op.create_index('algorithm_words_word_idx', 'algorithm_words', ['word'], unique=False, postgresql_using='gin', postgresql_ops={'word': 'gin_trgm_ops'})
    # What of an algorithm can be misspelt: each word of its title, tags and summary.
    op.execute(
        r"""
        CREATE FUNCTION spelt_words(title text, tags text[], summary text) RETURNS SETOF text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        BEGIN ATOMIC
            SELECT word FROM unnest(tsvector_to_array(to_tsvector('simple',
                words_of(title) || ' ' || words_of(tags) || ' ' || words_of(summary)))) word
            WHERE word ~ '^[[\:alpha\:]]{4,40}$'
                AND numnode(plainto_tsquery('english', word)) > 0;
        END
        """
    )
    op.execute(
        """
        INSERT INTO algorithm_words SELECT DISTINCT word
        FROM algorithms, spelt_words(title, tags, summary) word WHERE state = 'listed'
        """
    )
    # Why this is a function, and what it weighs: docs/decisions/0065. It gathers all that fit by
    # their own index and sorts them, unless it is faster to walk along the order until enough fit.
    # To gather one takes a microsecond; to look at one two, or fifteen where its words are kept apart
    # from its row. A phrase is looked for in what was gathered, too. Whoever walks looks at 10,000 at
    # most, as words that are common need not be common together.
    op.execute(
        """
        CREATE FUNCTION find_algorithms(
            asked tsquery, in_brief boolean, developer uuid, in_state text, of_kind text,
            with_tags text[], of_data text, fee_min bigint, fee_max bigint, sort text,
            after_number bigint, after_moment timestamptz, after_id uuid, most integer
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
                ' WHERE ($3 IS NULL OR developer_id = $3) AND ($4 IS NULL OR state = $4)'
                ' AND ($5 IS NULL OR kind = $5) AND ($6 IS NULL OR data_kind = $6)'
                ' AND ($7 IS NULL OR device_fee >= $7) AND ($8 IS NULL OR device_fee <= $8)'
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
                after_number, after_moment, after_id, most;
        END $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION find_algorithms")
    op.execute("DROP FUNCTION spelt_words")
    op.drop_table('algorithm_words')
    for name in ('slug_end', 'state_runs_id', 'state_device_fee_id', 'state_created_at_id', 'tags', 'brief_words', 'words'):
        op.drop_index(f'algorithms_{name}_idx', table_name='algorithms')
    for name in ('words', 'brief_words', 'slug', 'updated_at', 'runs', 'suspended_by', 'revision'):
        op.drop_column('algorithms', name)
    op.execute("DROP FUNCTION words_of(text[])")
    op.execute("DROP FUNCTION words_of(text)")
