"""What the mails say. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dml.accounts.notices.kinds import Notice
from dml.mail.service import Letter


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When it was done, from where as far as it is known, and at which marketplace, if that has a
    public address. `is_last`: the owner is mailed of no more like it within the hour.
    """

    at: datetime
    origin: str | None
    public_url: str | None
    is_last: bool


def written(notice: Notice, said: Sequence[str], found: Circumstances) -> Letter:
    """Write the mail that tells of this, a sentence for each event."""
    facts = [f"When: {found.at.astimezone(UTC):%d %B %Y, %H:%M} UTC"]
    if found.origin is not None:
        facts.append(f"From: {found.origin}")
    if found.public_url is not None:
        facts.append(f"At: {found.public_url}")
    undo = notice.undo if notice.by_others else _if_it_was_another(notice)
    paragraphs = [" ".join(said), "\n".join(facts), undo]
    if found.is_last:
        paragraphs.append(
            "There was much of this within an hour, so you are mailed no more of it for a while. "
            "`dml events` shows all that happened."
        )
    return Letter(notice.kind, notice.subject, "\n\n".join(paragraphs) + "\n")


def _if_it_was_another(notice: Notice) -> str:
    return (
        f"If that was not you, {notice.undo}, and choose another password at once: "
        "`dml account reset-password` (or POST /v1/users/password-resets) mails you a link, which "
        "ends every session and personal access token. `dml account sessions list` shows where you "
        "are signed in. Tell the operator of this marketplace, too."
    )
