"""Shapes of entrants on the wire."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from dml.bounties.enrollment_queries import Entry
from dml.bounties.models import Enrollment, EnrollmentState, Member
from dml.bounties.schemas import Line
from dml.core.ids import BountyId, EnrollmentId, UserId
from dml.core.money import AmountOut
from dml.core.wire import Body, Text, Wire, example

Sha256 = Annotated[Text, Field(pattern="^[0-9a-f]{64}$")]
Accepted = Field(description="Must be `true`: you have read the rules, and accept them.")
Digest: Final = "`rules_sha256` of the bounty that you read: refused if they changed since."


class InvitationIn(Body):
    user_id: UserId
    share_bps: int = Field(
        ge=0, le=10_000, description="Of each prize, in hundredths of a percent."
    )


class EnrollmentIn(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"accept_rules": True}]})

    accept_rules: bool = Accepted
    rules_sha256: Sha256 | None = Field(None, description=Digest)
    name: Line | None = Field(
        None, max_length=60, description="As the board shows it; else a numbered one."
    )
    team: list[InvitationIn] = Field(
        [], max_length=4, description="The others: invited, and in once they agree."
    )


class AgreementIn(Body):
    model_config = example(accept_rules=True)

    accept_rules: bool = Accepted
    rules_sha256: Sha256 | None = Field(None, description=Digest)


class MemberOut(Wire):
    user_id: UserId
    share_bps: int
    is_captain: bool
    agreed_at: datetime | None = Field(description="`null` while the invitation waits.")


class EnrollmentOut(Wire):
    """What everybody sees of an entrant."""

    id: EnrollmentId
    bounty_id: BountyId
    number: int
    name: str
    state: EnrollmentState
    state_reason: str | None = Field(description="Why it was disqualified.")
    team_size: int
    created_at: datetime


class EntryOut(EnrollmentOut):
    """What those who belong to it see, too."""

    captain_id: UserId
    fee: AmountOut
    fee_returned_at: datetime | None
    rules_sha256: str
    members: list[MemberOut] = Field(description="Without those who left.")
    place: int | None
    prize: AmountOut | None


class EntriesOut(Wire):
    entry: EntryOut | None = Field(description="The entry that you belong to.")
    invitations: list[EntryOut] = Field(description="What waits for your answer: 100 at most.")


def entry_of(entry: Entry) -> EntryOut:
    enrollment = entry.enrollment
    members = [it for it in entry.members if it.left_at is None]
    return EntryOut(
        **public_of(enrollment, sum(it.agreed_at is not None for it in members)).model_dump(),
        captain_id=enrollment.captain_id,
        fee=enrollment.fee,
        fee_returned_at=enrollment.fee_returned_at,
        rules_sha256=enrollment.rules_sha256,
        members=[_member(it, enrollment) for it in members],
        place=enrollment.place,
        prize=enrollment.prize,
    )


def public_of(enrollment: Enrollment, team_size: int) -> EnrollmentOut:
    return EnrollmentOut(
        id=enrollment.id,
        bounty_id=enrollment.bounty_id,
        number=enrollment.number,
        name=enrollment.name,
        state=enrollment.state,
        state_reason=enrollment.state_reason,
        team_size=team_size,
        created_at=enrollment.created_at,
    )


def _member(member: Member, enrollment: Enrollment) -> MemberOut:
    return MemberOut(
        user_id=member.user_id,
        share_bps=member.share_bps,
        is_captain=member.user_id == enrollment.captain_id,
        agreed_at=member.agreed_at,
    )
