"""What the mail of an invitation says."""

from typing import Final

from dml.accounts.notices.kinds import quoted
from dml.accounts.organisations.models import MemberRole
from dml.mail.service import Letter

INVITATION: Final = "organisation_invitation"  # The kind of that mail, by which it is limited.


def invitation(name: str, role: MemberRole, code: str) -> Letter:
    """Say who invites, and how to accept. A name that somebody chose stays out of the head."""
    text = (
        f"You are invited to act for the organisation {quoted(name)}, as its {role.value}.\n\n"
        "To accept, sign in to the account that has this address, or open one with it, and use "
        f"this code within seven days:\n\n    dml org accept {code}\n\n"
        "If you do not know who that is, there is nothing to do: without the code nothing "
        "happens.\n"
    )
    return Letter(INVITATION, "You are invited to an organisation", text)
