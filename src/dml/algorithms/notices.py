"""Of which decisions of moderators a mail tells the developer."""

from typing import Final

from dml.accounts.notices.kinds import Notice, Said
from dml.algorithms.events import (
    AlgorithmAppealOverturned,
    AlgorithmAppealUpheld,
    AlgorithmSuspended,
    VersionAppealUpheld,
    VersionApproved,
    VersionRecalled,
    VersionRejected,
)

REASON_MAX: Final = 2_000  # Characters, as long as a reason may be.
APPEAL_VERSION: Final = (
    "`dml model show` shows it. If the decision is wrong, you may appeal once, and another "
    "moderator looks at it: `dml model appeal`, or POST "
    "/v1/algorithms/{algorithm_id}/versions/{version_id}/appeal."
)


def _why(said: Said) -> str:
    """Return the code and the words of a decision: what moderators write is shown as text."""
    code = f" ({said['reason_code']})" if said.get("reason_code") else ""
    words = "".join(it if it.isprintable() else " " for it in said.get("reason") or "")
    return f"The reason{code}: {words[:REASON_MAX]}" if words else "No reason was named."


def _version(said: Said) -> str:
    return f"Version {said['version_id']} of your algorithm {said['algorithm_id']}"


NOTICES: Final = (
    Notice(
        VersionApproved,
        "version_approved",
        "A version of yours was approved",
        lambda said: f"{_version(said)} was approved: jobs can run it. {_why(said)}",
        "`dml model show` shows how it does.",
        by_others=True,
    ),
    Notice(
        VersionRejected,
        "version_rejected",
        "A version of yours was rejected",
        lambda said: f"{_version(said)} was rejected. {_why(said)}",
        f"Mend what is named, and publish another version. {APPEAL_VERSION}",
        by_others=True,
    ),
    Notice(
        VersionRecalled,
        "version_recalled",
        "A version of yours was recalled",
        lambda said: f"{_version(said)} was recalled: nobody may run it any more. {_why(said)}",
        APPEAL_VERSION,
        by_others=True,
    ),
    Notice(
        AlgorithmSuspended,
        "algorithm_suspended",
        "An algorithm of yours was suspended",
        lambda said: (
            f"Your algorithm {said['algorithm_id']} was suspended: nobody can order it. "
            f"{_why(said)}"
        ),
        "If the decision is wrong, you may appeal once, and another moderator looks at it: `dml "
        "model appeal`, or POST /v1/algorithms/{algorithm_id}/appeal.",
        by_others=True,
    ),
    Notice(
        VersionAppealUpheld,
        "appeal_upheld",
        "What you appealed against stays",
        lambda said: (
            f"{_version(said)}: another moderator looked at your appeal, and the decision stays. "
            f"{_why(said)}"
        ),
        "That is final. You may publish another version.",
        by_others=True,
    ),
    Notice(
        AlgorithmAppealUpheld,
        "suspension_upheld",
        "What you appealed against stays",
        lambda said: (
            f"Your algorithm {said['algorithm_id']}: another moderator looked at your appeal, and "
            f"it stays suspended. {_why(said)}"
        ),
        "That is final. Mend what is named, and tell the moderators.",
        by_others=True,
    ),
    Notice(
        AlgorithmAppealOverturned,
        "appeal_overturned",
        "Your appeal was right",
        lambda said: (
            f"Your algorithm {said['algorithm_id']}: another moderator looked at your appeal, and "
            f"it is suspended no more. {_why(said)}"
        ),
        "There is nothing left to do.",
        by_others=True,
    ),
)
