"""What must hold of mail. Reads only."""

from typing import Final

from dml.core.checks import Check

CHECKS: Final = (
    Check(
        "Mail has waited for half an hour; DML_SMTP_HOST names its server",
        "O(mails that wait)",
        """SELECT count(*) || ' mails of the kind ' || kind || ', last '
            || coalesce(max(error), 'never attempted')
        FROM mails WHERE state = 'waiting' AND created_at < now() - interval '30 minutes'
        GROUP BY kind""",
    ),
)
