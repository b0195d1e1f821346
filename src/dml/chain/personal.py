"""What the chain's books keep of people. What is on the chain itself, nobody can erase."""

from typing import Final

from dml.chain import queries
from dml.chain.wallets import service as wallets
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.personal import EMPTY, NULL, Blocker, Columns, Holding, Personal

_BOOKS: Final = "for good: books are kept whole"
_NOBODY: Final = "for good: it is about no person"


async def leave(ctx: Context, user_id: UserId) -> None:
    """Unlink the user's wallets."""
    for it in await queries.list_wallets(ctx.tx, user_id):
        await wallets.unlink(ctx, it.id)


PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "wallet_challenges",
            "What a wallet signs to prove that it is yours.",
            "ten minutes",
            (
                Columns(
                    "user_id expires_at used_at purpose origin",
                    "When you were asked, and for what.",
                ),
                Columns("nonce", "What was to be signed.", is_secret=True),
            ),
            whose="user_id = :user_id",
            is_deleted=True,
        ),
        Holding(
            "used_wallet_nonces",
            "What wallets signed to sign in, so that it is good once.",
            "ten minutes",
            (Columns("nonce expires_at", "No personal data."),),
        ),
        Holding(
            "withdrawals",
            "The books: tokens that were paid out.",
            _BOOKS,
            (
                Columns("id user_id wallet_id amount fee state number", "How much, and its state."),
                Columns(
                    "address tx_hash block_number", "To which address: the chain says so, too."
                ),
                Columns("memo", "Your own note.", NULL),
                Columns("requested_at authorised_at ended_at batch_id", "When."),
                Columns(
                    "needs_review reviewed_by reviewed_at first_approved_by first_approved_at",
                    "Which admins looked at it, and when.",
                ),
                Columns("end_reason", "Why it ended."),
            ),
            whose="user_id = :user_id",
        ),
        Holding(
            "wallets",
            "Addresses that are yours, to which withdrawals are paid.",
            "until you erase your account",
            (
                Columns(
                    "id user_id kind linked_at unlinked_at chosen_at",
                    "That you linked one or chose it as the primary one, and when.",
                ),
                Columns("address", "Your address.", EMPTY),
                Columns("name", "What you call it.", NULL),
            ),
            whose="user_id = :user_id",
        ),
        Holding(
            "deposits",
            "The books: tokens that were paid in.",
            _BOOKS,
            (
                Columns("id user_id amount state seen_at final_at orphaned_at", "How much, when."),
                Columns(
                    "vault_id tx_hash position ordinal block_number block_hash sender named",
                    "What the chain says of it, for everybody.",
                ),
            ),
            whose="user_id = :user_id",
        ),
        Holding(
            "denied_addresses",
            "Addresses that nothing is paid to.",
            "until an admin allows them",
            (
                Columns(
                    "address reason denied_by denied_at",
                    "An address, and why nothing is paid to it.",
                ),
            ),
        ),
        Holding(
            "vaults",
            "The vault on the chain, and how far it was read.",
            _NOBODY,
            (
                Columns(
                    "id chain_id address token token_name token_symbol token_version decimals "
                    "is_current registered_at start_block final_number final_hash last_ordinal "
                    "deposited deposited_up_to head_number chain_final_number read_at trouble "
                    "halted_at daily_limit paying_trouble compared_at balance difference surplus "
                    "differs_since restored_at",
                    "No personal data.",
                ),
            ),
        ),
        Holding(
            "vault_blocks",
            "Blocks that were read.",
            "until they are final",
            (Columns("vault_id number hash", "No personal data."),),
        ),
        Holding(
            "vault_payouts",
            "What the vault says that it paid: copied from the chain.",
            _NOBODY,
            (
                Columns(
                    "vault_id block_hash log_index block_number tx_hash number recipient amount "
                    "refusal is_final",
                    "What the chain says for everybody.",
                ),
            ),
        ),
        Holding(
            "booked_payouts",
            "Payouts that an operator booked.",
            _BOOKS,
            (
                Columns(
                    "vault_id number account recipient amount tx_hash reason booked_at",
                    "What the chain says for everybody, and the operator's reason.",
                ),
            ),
        ),
        Holding(
            "payout_batches",
            "Withdrawals that one transaction paid.",
            _BOOKS,
            (
                Columns(
                    "id vault_id created_at count total settled_at outcome", "No personal data."
                ),
            ),
        ),
        Holding(
            "payout_transactions",
            "Transactions as they were signed and sent.",
            _BOOKS,
            (
                Columns(
                    "hash batch_id sender nonce raw gas max_fee priority_fee signed_at sent_at "
                    "trouble",
                    "What the chain says for everybody.",
                ),
            ),
        ),
    ),
    blockers=(
        Blocker(
            "withdrawals",
            "Withdrawals of yours are under way.",
            "Cancel them, or wait until they have arrived.",
            "SELECT count(*) FROM withdrawals WHERE user_id = :user_id AND ended_at IS NULL",
        ),
        Blocker(
            "deposits",
            "Deposits of yours are on their way.",
            "Wait until they are final, then withdraw them.",
            "SELECT count(*) FROM deposits WHERE user_id = :user_id AND state = 'seen'",
        ),
    ),
    leave=leave,
)
