"""Organisations: users that several persons act for, and who acts for which."""

import sqlalchemy as sa
from alembic import op


revision = '0033'
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column('users', sa.Column('kind', sa.Enum('person', 'organisation', name='userkind', native_enum=False), server_default='person', nullable=False))
    # Without a look at each row, which would be long under its lock: there is no organisation yet.
    op.execute("""
        ALTER TABLE users
            ADD CONSTRAINT users_organisation_has_no_address_check
                CHECK (kind <> 'organisation' OR email IS NULL) NOT VALID,
            ADD CONSTRAINT users_organisation_is_a_member_check
                CHECK (kind <> 'organisation' OR role = 'member') NOT VALID
    """)
    op.add_column('events', sa.Column('by_id', sa.Uuid(), nullable=True))
    op.create_table('memberships',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Enum('owner', 'member', name='memberrole', native_enum=False), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['users.id'], name=op.f('memberships_organisation_id_fkey')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('memberships_user_id_fkey')),
    sa.PrimaryKeyConstraint('user_id', 'organisation_id', name=op.f('memberships_pkey'))
    )
    op.create_index(op.f('memberships_organisation_id_idx'), 'memberships', ['organisation_id'], unique=False)
    op.create_index(op.f('memberships_left_at_idx'), 'memberships', ['left_at'], unique=False)
    op.create_table('invitations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('role', sa.Enum('owner', 'member', name='memberrole', native_enum=False), nullable=False),
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('invited_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['invited_by'], ['users.id'], name=op.f('invitations_invited_by_fkey')),
    sa.ForeignKeyConstraint(['organisation_id'], ['users.id'], name=op.f('invitations_organisation_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('invitations_pkey')),
    sa.UniqueConstraint('sha256', name=op.f('invitations_sha256_key'))
    )
    op.create_index(op.f('invitations_email_idx'), 'invitations', ['email'], unique=False)
    op.create_index(op.f('invitations_expires_at_idx'), 'invitations', ['expires_at'], unique=False)
    op.create_index(op.f('invitations_organisation_id_id_idx'), 'invitations', ['organisation_id', 'id'], unique=False)
    op.create_index(op.f('invitations_invited_by_created_at_idx'), 'invitations', ['invited_by', 'created_at'], unique=False)


def downgrade() -> None:
    op.drop_table('invitations')
    op.drop_table('memberships')
    op.drop_column('events', 'by_id')
    op.drop_column('users', 'kind')
