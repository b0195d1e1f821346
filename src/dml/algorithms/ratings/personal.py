"""What ratings keep of people: the stars stay, under an id that names nobody; the words go."""

from typing import Final

from dml.core.personal import NULL, Columns, Holding, Personal

_REPLIES: Final = """
    rating_id IN (SELECT r.id FROM algorithm_ratings r JOIN algorithms a ON a.id = r.algorithm_id
        WHERE a.developer_id = :user_id)
"""

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "rating_replies",
            "What developers say to ratings of their algorithms.",
            "until you delete it, the rating is deleted, or you erase your account",
            (Columns("rating_id text created_at updated_at", "To which, what, and when."),),
            whose=_REPLIES,
            is_deleted=True,
        ),
        Holding(
            "algorithm_ratings",
            "What customers think of algorithms.",
            "until you delete it; of an erased account the stars stay, which are counted",
            (
                Columns("id algorithm_id user_id version_id", "Whose, and of what."),
                Columns("stars created_at updated_at hidden_at", "How many stars, and when."),
                Columns("text", "What you say of it.", NULL),
                Columns("hidden_reason", "Why a moderator hid it.", NULL),
            ),
            whose="user_id = :user_id",
        ),
    )
)
