"""What is kept of entrants and owners. How a bounty ended stays open to everybody's checks."""

from typing import Final

from dml.bounties import queries, service
from dml.core.context import Context
from dml.core.ids import UserId
from dml.core.personal import EMPTY, Blocker, Columns, Holding, Personal

_GOOD: Final = "for good: anybody can verify how a bounty ended"
_IN_MINE: Final = "bounty_id IN (SELECT id FROM bounties WHERE owner_id = :user_id)"
_IN_DRAFTS: Final = """
    bounty_id IN (SELECT id FROM bounties WHERE owner_id = :user_id AND funded_at IS NULL)
"""
_MY_ENTRIES: Final = """
    enrollment_id IN (SELECT enrollment_id FROM enrollment_members WHERE user_id = :user_id)
"""


async def leave(ctx: Context, user_id: UserId) -> None:
    """Cancel the user's drafts."""
    for bounty_id in await queries.list_drafts(ctx.tx, user_id):
        await service.cancel(ctx, bounty_id, reason="its owner erased their account")


PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "bounty_attachments",
            "Files that a bounty's owner gives its entrants.",
            f"{_GOOD}; of a draft, until it is erased with its owner",
            (
                Columns("id bounty_id kind name media_type", "Which file."),
                Columns("sha256 size created_at", "Its digest, and since when."),
            ),
            whose=_IN_MINE,
            deleted_where=_IN_DRAFTS,
        ),
        Holding(
            "bounty_test_sets",
            "What entries are scored on.",
            f"{_GOOD}; of a draft, until it is erased with its owner",
            (
                Columns("bounty_id state format id_column target_column", "Its form."),
                Columns("size created_at checked_at refusals rows public_rows", "What we found."),
                Columns("classes features commitment salt published", "What everybody may see."),
                Columns("sealed prepared sealed_salt", "Sealed for workers.", is_secret=True),
            ),
            whose=_IN_MINE,
            deleted_where=_IN_DRAFTS,
        ),
        Holding(
            "bounty_rankings",
            "How a bounty ended.",
            _GOOD,
            (Columns("bounty_id metric draws entries created_at", "Ids and scores."),),
            whose=_IN_MINE,
        ),
        Holding(
            "bounty_agreements",
            "Entries that predict suspiciously alike.",
            _GOOD,
            (
                Columns(
                    "bounty_id first_id second_id agreement created_at",
                    "Ids of entries; for moderators.",
                ),
            ),
        ),
        Holding(
            "bounty_disputes",
            "Objections to a ranking.",
            _GOOD,
            (
                Columns("id bounty_id enrollment_id author_id created_at", "Whose, and when."),
                Columns("text", "What you wrote.", EMPTY),
            ),
            whose="author_id = :user_id",
        ),
        Holding(
            "bounty_decisions",
            "Decisions about winners, with their public reasons.",
            _GOOD,
            (
                Columns(
                    "id bounty_id actor_id action winners reason created_at",
                    "Who decided what, and the reason that was published.",
                ),
            ),
            whose="actor_id = :user_id",
        ),
        Holding(
            "bounty_records",
            "How the best score grew.",
            _GOOD,
            (Columns("bounty_id at enrollment_id score", "Ids and scores."),),
            whose=_MY_ENTRIES,
        ),
        Holding(
            "submissions",
            "What you handed in, and how it was scored.",
            _GOOD,
            (
                Columns(
                    "id bounty_id enrollment_id submitter_id kind dry_run",
                    "Who submitted it, where.",
                ),
                Columns("name", "What you call it.", EMPTY),
                Columns("sha256 size commitment predictions_sha256", "Digests of the file."),
                Columns(
                    "state created_at due_at queued_at started_at ended_at", "Its state and dates."
                ),
                Columns("attempts failed_nodes end_reason refusals", "What went wrong."),
                Columns("metric improved shown_score evaluation_seconds", "Its score."),
                Columns("sealed_salt sealed_predictions", "Sealed for workers.", is_secret=True),
            ),
            whose="submitter_id = :user_id",
        ),
        Holding(
            "enrollments",
            "Who takes part in a bounty.",
            _GOOD,
            (
                Columns("id bounty_id captain_id number state fee prize", "The entry."),
                Columns("name", "What the team calls itself.", "'erased ' || number"),
                Columns("rules_sha256 created_at fee_returned_at", "What was agreed, and when."),
                Columns("state_reason", "Why it was disqualified."),
                Columns(
                    "submissions best_submission_id best_score best_key best_at "
                    "chosen_submission_id place tied_from tied_to private_score chance_of_first "
                    "final_submission_id",
                    "How it did.",
                ),
            ),
            whose="captain_id = :user_id",
        ),
        Holding(
            "enrollment_members",
            "Who is in which team.",
            _GOOD,
            (
                Columns(
                    "enrollment_id user_id bounty_id share_bps agreed_at left_at",
                    "Your share, and when you joined.",
                ),
            ),
            whose="user_id = :user_id",
        ),
        Holding(
            "bounties",
            "Competitions, as everybody saw them.",
            _GOOD,
            (
                Columns("id owner_id state created_at revision alarms", "Its owner."),
                Columns("name subtitle description data evaluation rules tags", "What it says."),
                Columns("organisation", "For whom you hold it.", EMPTY),
                Columns(
                    "judging metric ties prizes prize_pool enrollment_fee team_size_max "
                    "submissions_a_day submissions_at_once submissions_in_all",
                    "How it is judged, and what it pays.",
                ),
                Columns(
                    "enrolls_at submits_at closes_at judged_by dispute_seconds funded_at "
                    "disputes_until paused_at ended_at end_reason entrants second_chance "
                    "order_changes",
                    "Its state and dates.",
                ),
            ),
            whose="owner_id = :user_id",
        ),
    ),
    blockers=(
        Blocker(
            "bounties",
            "Bounties of yours are running.",
            "Let them end, or cancel them (`POST /v1/bounties/{id}/cancel`).",
            "SELECT count(*) FROM bounties WHERE owner_id = :user_id "
            "AND funded_at IS NOT NULL AND ended_at IS NULL",
        ),
        Blocker(
            "enrollments",
            "You take part in bounties that are running.",
            "Withdraw from them, or wait until they have ended.",
            """
            SELECT count(*) FROM enrollment_members m
            JOIN enrollments e ON e.id = m.enrollment_id JOIN bounties b ON b.id = m.bounty_id
            WHERE m.user_id = :user_id AND m.agreed_at IS NOT NULL AND m.left_at IS NULL
                AND e.state = 'enrolled' AND b.ended_at IS NULL
            """,
        ),
    ),
    leave=leave,
)
