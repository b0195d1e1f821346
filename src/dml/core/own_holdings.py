"""What the core keeps of people: what happened, and nothing else."""

from typing import Final

from dml.core.personal import NULL, Columns, Holding, Personal

_MINE: Final = "reader = 'user:' || CAST(:user_id AS uuid)"
_MY_EVENTS: Final = f"number IN (SELECT number FROM event_readers WHERE {_MINE})"  # noqa: S608 - a constant
_LOG: Final = "accounts.erase.v1"

PERSONAL: Final = Personal(
    holdings=(
        Holding(
            "events",
            "The audit log, timelines and events: who did what, and when.",
            "DML_KEEP_AUDIT_DAYS",
            (
                Columns("number at type subject", "What happened to what, and when."),
                Columns(
                    "actor_id by_id from_state to_state readers", "Who did it; whom it concerned."
                ),
                Columns(
                    "body",
                    "Ids and amounts; some have a name, an address, a device or a network.",
                    "these are emptied",
                ),
                Columns("reason facts", "Words of whoever did it, and what they changed.", NULL),
            ),
            whose=_MY_EVENTS,
            by_process=_LOG,
        ),
        Holding(
            "event_readers",
            "Who may follow which event.",
            "DML_KEEP_EVENTS_DAYS",
            (Columns("reader number at", "Whose event it is.", is_secret=True),),
            whose=_MINE,
            is_deleted=True,
            by_process=_LOG,
        ),
        Holding(
            "event_log",
            "Which log this is.",
            "always",
            (Columns("id forgotten_up_to", "No personal data."),),
        ),
        Holding(
            "nodes",
            "Which processes of the marketplace are alive.",
            "an hour",
            (Columns("name kind seen_at facts asked", "No personal data: they are machines."),),
        ),
    ),
)
