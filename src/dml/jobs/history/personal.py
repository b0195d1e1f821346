"""What published answers keep of customers: nothing, once they are gone."""

from typing import Final

from dml.core.personal import Columns, Holding, Personal

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "published_jobs",
            "Answers of your jobs that you made public.",
            "until you take it back, or erase your account",
            (
                Columns("id job_id algorithm_id customer_id", "Whose, and of which job."),
                Columns("title published_at", "What you call it, and since when it is public."),
                Columns("devices items counts uncertain other", "Counts of many owners."),
                Columns("removed_at removal_reason", "Why a moderator removed it."),
            ),
            whose="customer_id = :user_id",
            is_deleted=True,
        ),
    )
)
