"""Shapes of organisations."""

from datetime import datetime
from typing import Final

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.accounts.organisations.models import MemberRole
from dml.accounts.schemas import Email, PublicName
from dml.core.ids import InvitationId, UserId
from dml.core.wire import Body, Line, Text, Wire, example

NAME: Final = "What everybody sees as its name."
ROLE: Final = "What they may do for it."
PROOF: Final = "What proves that the account is yours: needed where the role is `owner`."
_PROOF: Final = {"kind": "password", "password": "correct horse battery"}


class OrganisationCreate(Body):
    model_config = example(name="Institute for Applied Botany")

    name: Line = Field(max_length=100, description=NAME)


class OrganisationUpdate(Body):
    model_config = example(name="Institute for Botany")

    name: Line = Field(max_length=100, description=NAME)


class OrganisationClosing(Body):
    model_config = example(proof=_PROOF)

    proof: Proof = Field(description="What proves that the account is yours.")


class OrganisationOut(Wire):
    """An organisation that you act for."""

    id: UserId = Field(description="Its id as a user, for the header `DML-Act-For`.")
    name: str = Field(description=NAME)
    role: MemberRole = Field(description="What you may do for it.")
    since: datetime = Field(description="Since when you act for it.")
    created_at: datetime = Field(description="When it was founded.")
    suspended_at: datetime | None = Field(
        description="`null` unless an admin suspended it: nobody can act for it then."
    )


class OrganisationListOut(Wire):
    """All that you act for."""

    items: list[OrganisationOut] = Field(description="The newest first.")


class MemberOut(Wire):
    """Who acts for an organisation."""

    user_id: UserId = Field(description="Who it is.")
    user_name: PublicName
    role: MemberRole = Field(description=ROLE)
    since: datetime = Field(description="Since when.")


class MemberListOut(Wire):
    """All who act for it."""

    items: list[MemberOut] = Field(description="Owners first.")


class MemberUpdate(Body):
    model_config = example(role="owner", proof=_PROOF)

    role: MemberRole = Field(description=ROLE)
    proof: Proof | None = Field(None, description=PROOF)


class OrganisationInvitationCreate(Body):
    model_config = example(email="grace@example.org", role="member")

    email: Email = Field(examples=["grace@example.org"], description="Where to mail the code.")
    role: MemberRole = Field(MemberRole.MEMBER, description=ROLE)
    proof: Proof | None = Field(None, description=PROOF)


class InvitationCreatedOut(Wire):
    """An invitation. Its code is in the mail alone."""

    id: InvitationId
    email: str = Field(description="Where its code was mailed.")
    role: MemberRole = Field(description=ROLE)
    created_at: datetime
    expires_at: datetime = Field(description="From when on it cannot be accepted.")


class InvitationOut(InvitationCreatedOut):
    """An invitation that can still be accepted."""

    inviter_id: UserId = Field(description="The owner who sent it.")
    inviter_name: PublicName


class InvitationListOut(Wire):
    """All that can still be accepted."""

    items: list[InvitationOut] = Field(description="The newest first.")


class InvitationAccept(Body):
    model_config = example(code="q6bO0Y4hTz0nX0m4Xn3bU5t1vGd2kq7sQw0Zb1c2d3e")

    code: Text = Field(max_length=100, description="The code in the mail.")
