"""The chain: vaults, deposits, wallets, withdrawals, and the batches that pay them."""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence('withdrawal_numbers')))
    op.create_table('vaults',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('chain_id', sa.BigInteger(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('token', sa.Text(), nullable=False),
    sa.Column('token_name', sa.Text(), nullable=False),
    sa.Column('token_symbol', sa.Text(), nullable=False),
    sa.Column('token_version', sa.Text(), nullable=True),
    sa.Column('decimals', sa.Integer(), nullable=False),
    sa.Column('is_current', sa.Boolean(), nullable=False),
    sa.Column('registered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('start_block', sa.BigInteger(), nullable=False),
    sa.Column('final_number', sa.BigInteger(), nullable=False),
    sa.Column('final_hash', sa.Text(), nullable=False),
    sa.Column('last_ordinal', sa.BigInteger(), nullable=False),
    sa.Column('head_number', sa.BigInteger(), nullable=False),
    sa.Column('chain_final_number', sa.BigInteger(), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('trouble', sa.Text(), nullable=True),
    sa.Column('halted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('daily_limit', sa.BigInteger(), nullable=False),
    sa.Column('paying_trouble', sa.Text(), nullable=True),
    sa.Column('compared_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('balance', sa.BigInteger(), nullable=True),
    sa.Column('difference', sa.Text(), nullable=True),
    sa.Column('differs_since', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('decimals BETWEEN 6 AND 18', name=op.f('vaults_decimals_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('vaults_pkey')),
    sa.UniqueConstraint('chain_id', 'address', name=op.f('vaults_chain_id_address_key'))
    )
    op.create_index('vaults_one_is_current_idx', 'vaults', ['is_current'], unique=True, postgresql_where='is_current')
    op.create_table('denied_addresses',
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('denied_by', sa.Uuid(), nullable=True),
    sa.Column('denied_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['denied_by'], ['users.id'], name=op.f('denied_addresses_denied_by_fkey')),
    sa.PrimaryKeyConstraint('address', name=op.f('denied_addresses_pkey'))
    )
    op.create_table('deposits',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('vault_id', sa.Uuid(), nullable=False),
    sa.Column('tx_hash', sa.Text(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('ordinal', sa.BigInteger(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.Column('block_hash', sa.Text(), nullable=False),
    sa.Column('sender', sa.Text(), nullable=False),
    sa.Column('named', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Enum('seen', 'credited', 'unclaimed', 'orphaned', name='depositstate', native_enum=False), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('final_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('orphaned_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state IN ('credited', 'unclaimed')) = (final_at IS NOT NULL)", name=op.f('deposits_final_or_not_check')),
    sa.CheckConstraint("state <> 'credited' OR user_id IS NOT NULL", name=op.f('deposits_credited_to_somebody_check')),
    sa.CheckConstraint('amount > 0', name=op.f('deposits_positive_check')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('deposits_user_id_fkey')),
    sa.ForeignKeyConstraint(['vault_id'], ['vaults.id'], name=op.f('deposits_vault_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('deposits_pkey')),
    sa.UniqueConstraint('vault_id', 'tx_hash', 'position', name=op.f('deposits_vault_id_tx_hash_position_key'))
    )
    op.create_index('deposits_each_ordinal_once_idx', 'deposits', ['vault_id', 'ordinal'], unique=True, postgresql_where="state IN ('credited', 'unclaimed')")
    op.create_index('deposits_seen_idx', 'deposits', ['vault_id', 'block_number'], unique=False, postgresql_where="state = 'seen'")
    op.create_index('deposits_unclaimed_idx', 'deposits', ['id'], unique=False, postgresql_where="state = 'unclaimed'")
    op.create_index(op.f('deposits_user_id_id_idx'), 'deposits', ['user_id', 'id'], unique=False)
    op.create_table('payout_batches',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('vault_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['vault_id'], ['vaults.id'], name=op.f('payout_batches_vault_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('payout_batches_pkey'))
    )
    op.create_index('payout_batches_open_idx', 'payout_batches', ['id'], unique=False, postgresql_where='settled_at IS NULL')
    op.create_table('vault_blocks',
    sa.Column('vault_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hash', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['vault_id'], ['vaults.id'], name=op.f('vault_blocks_vault_id_fkey')),
    sa.PrimaryKeyConstraint('vault_id', 'number', name=op.f('vault_blocks_pkey'))
    )
    op.create_table('vault_payouts',
    sa.Column('vault_id', sa.Uuid(), nullable=False),
    sa.Column('block_hash', sa.Text(), nullable=False),
    sa.Column('log_index', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.Column('tx_hash', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('refusal', sa.LargeBinary(), nullable=True),
    sa.Column('is_final', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['vault_id'], ['vaults.id'], name=op.f('vault_payouts_vault_id_fkey')),
    sa.PrimaryKeyConstraint('vault_id', 'block_hash', 'log_index', name=op.f('vault_payouts_pkey'))
    )
    op.create_index('vault_payouts_each_number_paid_once_idx', 'vault_payouts', ['vault_id', 'number'], unique=True, postgresql_where='is_final AND refusal IS NULL')
    op.create_index(op.f('vault_payouts_number_idx'), 'vault_payouts', ['number'], unique=False)
    op.create_index(op.f('vault_payouts_vault_id_block_number_idx'), 'vault_payouts', ['vault_id', 'block_number'], unique=False)
    op.create_table('wallet_challenges',
    sa.Column('nonce', sa.Text(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('wallet_challenges_user_id_fkey')),
    sa.PrimaryKeyConstraint('nonce', name=op.f('wallet_challenges_pkey'))
    )
    op.create_index(op.f('wallet_challenges_expires_at_idx'), 'wallet_challenges', ['expires_at'], unique=False)
    op.create_index(op.f('wallet_challenges_user_id_idx'), 'wallet_challenges', ['user_id'], unique=False)
    op.create_table('wallets',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('kind', sa.Enum('key', 'contract', name='walletkind', native_enum=False), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=True),
    sa.Column('unlinked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('wallets_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('wallets_pkey'))
    )
    op.create_index('wallets_linked_once_idx', 'wallets', ['address'], unique=True, postgresql_where='unlinked_at IS NULL')
    op.create_index(op.f('wallets_user_id_id_idx'), 'wallets', ['user_id', 'id'], unique=False)
    op.create_table('payout_transactions',
    sa.Column('hash', sa.Text(), nullable=False),
    sa.Column('batch_id', sa.Uuid(), nullable=False),
    sa.Column('sender', sa.Text(), nullable=False),
    sa.Column('nonce', sa.BigInteger(), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('gas', sa.BigInteger(), nullable=False),
    sa.Column('max_fee', sa.BigInteger(), nullable=False),
    sa.Column('priority_fee', sa.BigInteger(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('trouble', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['payout_batches.id'], name=op.f('payout_transactions_batch_id_fkey')),
    sa.PrimaryKeyConstraint('hash', name=op.f('payout_transactions_pkey'))
    )
    op.create_index(op.f('payout_transactions_batch_id_signed_at_idx'), 'payout_transactions', ['batch_id', 'signed_at'], unique=False)
    op.create_table('withdrawals',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('wallet_id', sa.Uuid(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('fee', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Enum('requested', 'authorised', 'paid', 'reversed', 'cancelled', name='withdrawalstate', native_enum=False), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('needs_review', sa.Boolean(), nullable=False),
    sa.Column('memo', sa.Text(), nullable=True),
    sa.Column('reviewed_by', sa.Uuid(), nullable=True),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('number', sa.BigInteger(), nullable=True),
    sa.Column('batch_id', sa.Uuid(), nullable=True),
    sa.Column('authorised_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.Text(), nullable=True),
    sa.Column('tx_hash', sa.Text(), nullable=True),
    sa.Column('block_number', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("(state = 'paid') = (tx_hash IS NOT NULL)", name=op.f('withdrawals_paid_by_a_transaction_check')),
    sa.CheckConstraint("(state IN ('authorised', 'paid', 'reversed')) = (number IS NOT NULL)", name=op.f('withdrawals_numbered_check')),
    sa.CheckConstraint("(state IN ('paid', 'reversed', 'cancelled')) = (ended_at IS NOT NULL)", name=op.f('withdrawals_ended_check')),
    sa.CheckConstraint('amount > 0 AND fee >= 0', name=op.f('withdrawals_amounts_check')),
    sa.ForeignKeyConstraint(['batch_id'], ['payout_batches.id'], name=op.f('withdrawals_batch_id_fkey')),
    sa.ForeignKeyConstraint(['reviewed_by'], ['users.id'], name=op.f('withdrawals_reviewed_by_fkey')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('withdrawals_user_id_fkey')),
    sa.ForeignKeyConstraint(['wallet_id'], ['wallets.id'], name=op.f('withdrawals_wallet_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('withdrawals_pkey')),
    sa.UniqueConstraint('number', name=op.f('withdrawals_number_key'))
    )
    op.create_index(op.f('withdrawals_batch_id_idx'), 'withdrawals', ['batch_id'], unique=False, postgresql_where='batch_id IS NOT NULL')
    op.create_index('withdrawals_open_idx', 'withdrawals', ['state', 'id'], unique=False, postgresql_where='ended_at IS NULL')
    op.create_index(op.f('withdrawals_user_id_id_idx'), 'withdrawals', ['user_id', 'id'], unique=False)
    op.alter_column('ledger_transfers', 'code',
               existing_type=sa.VARCHAR(length=14),
               type_=sa.Enum('deposit', 'job_escrow', 'device_reward', 'developer_fee', 'platform_fee', 'job_refund', 'bounty_escrow', 'enrollment_fee', 'prize', 'bounty_refund', 'deposit_claim', 'withdrawal', 'withdrawal_fee', 'withdrawal_reversal', name='transfercode', native_enum=False),
               existing_nullable=False)


def downgrade() -> None:
    """Only where no tokens came or went by the chain: the ledger is never shortened."""
    op.execute(
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM deposits) "
        "AND NOT EXISTS (SELECT FROM withdrawals), "
        "'tokens came or went by the chain: there is no way back'; END $$"
    )
    op.alter_column('ledger_transfers', 'code',
               existing_type=sa.Enum('deposit', 'job_escrow', 'device_reward', 'developer_fee', 'platform_fee', 'job_refund', 'bounty_escrow', 'enrollment_fee', 'prize', 'bounty_refund', 'deposit_claim', 'withdrawal', 'withdrawal_fee', 'withdrawal_reversal', name='transfercode', native_enum=False),
               type_=sa.VARCHAR(length=14),
               existing_nullable=False)
    op.drop_index(op.f('withdrawals_user_id_id_idx'), table_name='withdrawals')
    op.drop_index('withdrawals_open_idx', table_name='withdrawals', postgresql_where='ended_at IS NULL')
    op.drop_index(op.f('withdrawals_batch_id_idx'), table_name='withdrawals', postgresql_where='batch_id IS NOT NULL')
    op.drop_table('withdrawals')
    op.drop_index(op.f('payout_transactions_batch_id_signed_at_idx'), table_name='payout_transactions')
    op.drop_table('payout_transactions')
    op.drop_index(op.f('wallets_user_id_id_idx'), table_name='wallets')
    op.drop_index('wallets_linked_once_idx', table_name='wallets', postgresql_where='unlinked_at IS NULL')
    op.drop_table('wallets')
    op.drop_index(op.f('wallet_challenges_user_id_idx'), table_name='wallet_challenges')
    op.drop_index(op.f('wallet_challenges_expires_at_idx'), table_name='wallet_challenges')
    op.drop_table('wallet_challenges')
    op.drop_index(op.f('vault_payouts_vault_id_block_number_idx'), table_name='vault_payouts')
    op.drop_index(op.f('vault_payouts_number_idx'), table_name='vault_payouts')
    op.drop_index('vault_payouts_each_number_paid_once_idx', table_name='vault_payouts', postgresql_where='is_final AND refusal IS NULL')
    op.drop_table('vault_payouts')
    op.drop_table('vault_blocks')
    op.drop_index('payout_batches_open_idx', table_name='payout_batches', postgresql_where='settled_at IS NULL')
    op.drop_table('payout_batches')
    op.drop_index(op.f('deposits_user_id_id_idx'), table_name='deposits')
    op.drop_index('deposits_unclaimed_idx', table_name='deposits', postgresql_where="state = 'unclaimed'")
    op.drop_index('deposits_seen_idx', table_name='deposits', postgresql_where="state = 'seen'")
    op.drop_index('deposits_each_ordinal_once_idx', table_name='deposits', postgresql_where="state IN ('credited', 'unclaimed')")
    op.drop_table('deposits')
    op.drop_table('denied_addresses')
    op.drop_index('vaults_one_is_current_idx', table_name='vaults', postgresql_where='is_current')
    op.drop_table('vaults')
    op.execute(sa.schema.DropSequence(sa.Sequence('withdrawal_numbers')))
