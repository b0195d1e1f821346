"""What the books keep of people: they stay whole, under an id that names nobody any more."""

from typing import Final

from dml.core.personal import Blocker, Columns, Holding, Personal

_BOOKS: Final = "for good: books are kept whole"
_MINE: Final = "(SELECT code FROM ledger_accounts WHERE owner_id = :user_id)"
_HELD: Final = """
    SELECT count(*) FILTER (WHERE balance <> 0) FROM (
        SELECT balance FROM ledger_accounts WHERE owner_id = :user_id ORDER BY code FOR UPDATE
    ) held
"""

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "debit_limits",
            "The most that jobs and bounties may take from your balance in 30 days.",
            "until you erase your account",
            (Columns("user_id amount changed_at", "Your limit, in micro-tokens, and since when."),),
            whose="user_id = :user_id",
            is_deleted=True,
        ),
        Holding(
            "ledger_accounts",
            "The books: where tokens rest.",
            _BOOKS,
            (Columns("code balance owner_id", "Your balances, in micro-tokens."),),
            whose="owner_id = :user_id",
        ),
        Holding(
            "ledger_transfers",
            "The books: every movement of tokens.",
            _BOOKS,
            (
                Columns("id code reference", "Why tokens moved: ids, and no words."),
                Columns("source target amount created_at", "From where to where, and how much."),
            ),
            whose=f"source IN {_MINE} OR target IN {_MINE}",
        ),
        Holding(
            "credits",
            "The books: tokens that an admin gave by hand.",
            _BOOKS,
            (
                Columns("id user_id amount state reason", "How much, and the admin's reason."),
                Columns("asked_by asked_at decided_by decided_at", "Which admins, and when."),
                Columns("reversed reversals", "What was taken back."),
            ),
            whose="user_id = :user_id",
        ),
    ),
    blockers=(
        Blocker(
            "balance",
            "There are tokens in your accounts, or set aside for what is under way.",
            "Withdraw them, and let what is under way end.",
            _HELD,
        ),
        Blocker(
            "credit_requested",
            "A credit for you waits for a second admin.",
            "Wait until it is decided, or ask an admin to call it off.",
            "SELECT count(*) FROM credits WHERE user_id = :user_id AND state = 'requested'",
        ),
    ),
)
