"""Shapes of entrants on the wire."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from dml.accounts.schemas import PublicName
from dml.bounties.enrollments.queries import Entry
from dml.bounties.models import Enrollment, EnrollmentState, Member
from dml.bounties.schemas import ENTRANT_NUMBER, Line, Reason
from dml.core.ids import BountyId, EnrollmentId, UserId
from dml.core.money import AmountOut
from dml.core.wire import Body, Text, Wire, example

Sha256 = Annotated[Text, Field(pattern="^[0-9a-f]{64}$")]
Accepted = Field(description="Must be `true`: you have read the bounty's rules, and accept them.")
Digest: Final = (
    "The bounty's `rules_sha256`, as you read them: if the rules have changed since, you are "
    "refused (`409`)."
)


class InvitationCreate(Body):
    """Somebody who is invited to a team."""

    user_id: UserId = Field(description="The user who is invited.")
    share_bps: int = Field(
        ge=0,
        le=10_000,
        description="Their share of the team's prize in basis points: 10000 is all of it. What "
        "nobody is given is the captain's.",
    )


class EnrollmentCreate(Body):
    """Who enters a bounty."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accept_rules": True}]})

    accept_rules: bool = Accepted
    rules_sha256: Sha256 | None = Field(None, description=Digest)
    name: Line | None = Field(
        None,
        max_length=60,
        description="What the leaderboard calls you. Without it: `Entrant` and your number.",
    )
    team: list[InvitationCreate] = Field(
        [],
        max_length=4,
        description="The other members of your team. They are invited, and belong to it once they "
        "accept.",
    )


class InvitationAcceptance(Body):
    """The consent of somebody who joins a team."""

    model_config = example(accept_rules=True)

    accept_rules: bool = Accepted
    rules_sha256: Sha256 | None = Field(None, description=Digest)


class WonPrizeOut(Wire):
    """A prize that a user won, alone or with a team."""

    id: EnrollmentId = Field(description="The enrollment that won it.")
    bounty_id: BountyId = Field(description="The bounty.")
    bounty_name: str = Field(description="The name of the bounty.")
    name: str = Field(description="What its ranking calls the winner.")
    place: int | None = Field(description="The place in the final ranking.")
    prize: AmountOut = Field(description="What the entrant won, in tokens: a team shares it.")
    won_at: datetime = Field(description="When the bounty ended.")


class EnrollmentDisqualification(Body):
    """Why an entrant is disqualified."""

    model_config = example(reason="It used the test set of last year.")

    reason: Reason


class EnrollmentReinstatement(Body):
    """Why a disqualified entrant is reinstated."""

    model_config = example(reason="It could show that its data was its own.")

    reason: Reason


class TeamMemberOut(Wire):
    """Somebody who belongs to an entrant, or is invited to."""

    user_id: UserId = Field(description="The user.")
    user_name: PublicName
    share_bps: int = Field(
        description="Their share of the team's prize in basis points: 10000 is all of it."
    )
    is_captain: bool = Field(description="Whether they enrolled the team, and act for it.")
    agreed_at: datetime | None = Field(
        description="When they joined; `null` while the invitation waits for an answer."
    )


class EnrollmentOut(Wire):
    """An entrant of a bounty, as everybody sees it."""

    id: EnrollmentId
    bounty_id: BountyId = Field(description="The bounty that it has entered.")
    number: int = Field(description=ENTRANT_NUMBER)
    name: str = Field(description="What the leaderboard calls it.")
    state: EnrollmentState
    state_reason: str | None = Field(description="Why it was disqualified, if it was.")
    team_size: int = Field(description="How many people belong to it.")
    created_at: datetime


class EnrollmentDetailsOut(EnrollmentOut):
    """An entrant of a bounty, as those see it who belong to it."""

    captain_id: UserId = Field(description="The user who enrolled it.")
    fee: AmountOut = Field(description="What its captain paid to enroll, in tokens.")
    fee_returned_at: datetime | None = Field(
        description="When the fee was paid back; `null`: it was not."
    )
    rules_sha256: str = Field(
        description="SHA-256 of the rules that its captain accepted, in hexadecimal digits."
    )
    members: list[TeamMemberOut] = Field(
        description="Who belongs to it or is invited to, without those who left."
    )
    place: int | None = Field(
        description="Its place in the final ranking; `null` where it has none."
    )
    prize: AmountOut | None = Field(
        description="Its prize in tokens, paid once the bounty is finished; `null` where it has "
        "no place."
    )


class MyEnrollmentOut(Wire):
    """What you are in a bounty."""

    entry: EnrollmentDetailsOut | None = Field(
        description="The entrant that you belong to; `null`: none."
    )
    invitations: list[EnrollmentDetailsOut] = Field(
        description="Teams that have invited you and wait for your answer: 100 at most."
    )


def entry_of(entry: Entry) -> EnrollmentDetailsOut:
    enrollment = entry.enrollment
    members = [it for it in entry.members if it.left_at is None]
    return EnrollmentDetailsOut(
        **public_of(enrollment, sum(it.agreed_at is not None for it in members)).model_dump(),
        captain_id=enrollment.captain_id,
        fee=enrollment.fee,
        fee_returned_at=enrollment.fee_returned_at,
        rules_sha256=enrollment.rules_sha256,
        members=[_member(it, entry) for it in members],
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


def _member(member: Member, entry: Entry) -> TeamMemberOut:
    return TeamMemberOut(
        user_id=member.user_id,
        user_name=entry.names[member.user_id],
        share_bps=member.share_bps,
        is_captain=member.user_id == entry.enrollment.captain_id,
        agreed_at=member.agreed_at,
    )
