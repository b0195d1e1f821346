"""Credits that two admins agree to and that can be taken back; sums of vaults; payouts booked.

Sums begin at nothing, and the code adds what they lack. So the code before this may go on beside it.
"""

import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('credits',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.Enum('requested', 'credited', 'refused', name='creditstate', native_enum=False), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reversed', sa.BigInteger(), nullable=False),
    sa.Column('reversals', sa.Integer(), nullable=False),
    sa.CheckConstraint('amount > 0', name=op.f('credits_positive_check')),
    sa.CheckConstraint('reversed BETWEEN 0 AND amount', name=op.f('credits_reversed_at_most_whole_check')),
    sa.CheckConstraint("state = 'credited' OR reversed = 0", name=op.f('credits_reversed_what_was_credited_check')),
    sa.ForeignKeyConstraint(['asked_by'], ['users.id'], name=op.f('credits_asked_by_fkey')),
    sa.ForeignKeyConstraint(['decided_by'], ['users.id'], name=op.f('credits_decided_by_fkey')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('credits_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('credits_pkey'))
    )
    op.create_index(op.f('credits_asked_by_asked_at_idx'), 'credits', ['asked_by', 'asked_at'], unique=False)
    op.create_index('credits_requested_idx', 'credits', ['id'], unique=False, postgresql_where="state = 'requested'")
    # What was credited before can be taken back, too.
    op.execute("""
        INSERT INTO credits (id, user_id, amount, reason, state, asked_at, reversed, reversals)
        SELECT substr(t.reference, 8)::uuid, u.id, t.amount, 'credited before', 'credited', t.created_at, 0, 0
        FROM ledger_transfers t JOIN users u ON t.target = 'wallet:' || u.id
        WHERE t.code = 'deposit' AND t.reference LIKE 'credit:%' AND t.source = 'chain'
    """)
    op.create_table('booked_payouts',
    sa.Column('vault_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('tx_hash', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('booked_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('amount > 0', name=op.f('booked_payouts_positive_check')),
    sa.ForeignKeyConstraint(['vault_id'], ['vaults.id'], name=op.f('booked_payouts_vault_id_fkey')),
    sa.PrimaryKeyConstraint('vault_id', 'number', name=op.f('booked_payouts_pkey'))
    )
    op.add_column('vaults', sa.Column('deposited', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('vaults', sa.Column('deposited_up_to', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('vaults', sa.Column('surplus', sa.BigInteger(), nullable=True))
    op.add_column('withdrawals', sa.Column('first_approved_by', sa.Uuid(), nullable=True))
    op.add_column('withdrawals', sa.Column('first_approved_at', sa.DateTime(timezone=True), nullable=True))
    # NOT VALID: nothing to check, since no row has one, and a lock of a moment.
    op.execute('ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_first_approved_by_fkey '
               'FOREIGN KEY (first_approved_by) REFERENCES users (id) NOT VALID')
    op.execute('ALTER TABLE withdrawals VALIDATE CONSTRAINT withdrawals_first_approved_by_fkey')


def downgrade() -> None:
    """Only where no payout was booked and no credit taken back: the ledger is never shortened."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM booked_payouts) "
        "AND NOT EXISTS (SELECT FROM credits WHERE reversed > 0), "
        "'payouts were booked, or credits taken back: there is no way back'; END $$"
    )
    op.drop_constraint(op.f('withdrawals_first_approved_by_fkey'), 'withdrawals', type_='foreignkey')
    op.drop_column('withdrawals', 'first_approved_at')
    op.drop_column('withdrawals', 'first_approved_by')
    op.drop_column('vaults', 'surplus')
    op.drop_column('vaults', 'deposited_up_to')
    op.drop_column('vaults', 'deposited')
    op.drop_table('booked_payouts')
    op.drop_index('credits_requested_idx', table_name='credits')
    op.drop_index(op.f('credits_asked_by_asked_at_idx'), table_name='credits')
    op.drop_table('credits')
