"""Ways to sign in, as rows of their own."""

import sqlalchemy as sa
from alembic import op


revision = '0019'
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table('identities',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('password', 'wallet', 'openid', 'passkey', name='identitykind', native_enum=False), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('secret', sa.Text(), nullable=True),
    sa.CheckConstraint("kind <> 'password' OR subject = user_id::text", name=op.f('identities_password_is_its_users_check')),
    sa.CheckConstraint("kind <> 'password' OR secret IS NOT NULL", name=op.f('identities_password_has_a_hash_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('identities_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('identities_pkey')),
    sa.UniqueConstraint('kind', 'subject', name=op.f('identities_kind_key'))
    )
    op.create_index(op.f('identities_user_id_id_idx'), 'identities', ['user_id', 'id'], unique=False)
    # While the release before runs, it writes hashes into `users` alone: so does this one, and these
    # copy them, until nobody reads that column and it goes, with them.
    op.execute("""
        CREATE FUNCTION copy_new_passwords() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identities (id, user_id, kind, subject, created_at, secret)
            SELECT uuidv7(), id, 'password', id::text, created_at, password_hash
            FROM added WHERE password_hash <> '';
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION copy_changed_password() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.password_hash = '' THEN
                DELETE FROM identities WHERE kind = 'password' AND subject = NEW.id::text;
            ELSE
                INSERT INTO identities (id, user_id, kind, subject, created_at, secret)
                VALUES (uuidv7(), NEW.id, 'password', NEW.id::text, now(), NEW.password_hash)
                ON CONFLICT (kind, subject) DO UPDATE SET secret = EXCLUDED.secret;
            END IF;
            RETURN NULL;
        END $$
    """)
    # None comes or changes between the copy and the triggers.
    op.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
    op.execute("""
        CREATE TRIGGER copy_new_passwords AFTER INSERT ON users
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION copy_new_passwords()
    """)
    op.execute("""
        CREATE TRIGGER copy_changed_password AFTER UPDATE OF password_hash ON users
        FOR EACH ROW WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash)
        EXECUTE FUNCTION copy_changed_password()
    """)
    op.execute("""
        INSERT INTO identities (id, user_id, kind, subject, created_at, secret)
        SELECT uuidv7(), id, 'password', id::text, created_at, password_hash
        FROM users WHERE password_hash <> '' ORDER BY users.id
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER copy_changed_password ON users")
    op.execute("DROP TRIGGER copy_new_passwords ON users")
    op.execute("DROP FUNCTION copy_changed_password()")
    op.execute("DROP FUNCTION copy_new_passwords()")
    op.drop_table('identities')
