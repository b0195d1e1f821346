"""What happens to bounties, their entrants and their submissions."""

from dataclasses import dataclass

from dml.bounties.models import Bounty
from dml.core.events import EVERYONE, Event, user
from dml.core.ids import BountyId, DisputeId, EnrollmentId, SubmissionId, VersionId
from dml.core.money import AmountOut


def seen_by(bounty: Bounty) -> list[str]:
    """Say who follows a bounty: its owner, and everyone from the moment that it is funded."""
    return [user(bounty.owner_id), *([EVERYONE] if bounty.funded_at else [])]


@dataclass(frozen=True)
class BountyEvent(Event, kind="bounty"):
    """Seen by everyone once it is funded; before that, by its owner."""

    bounty_id: BountyId


class BountyCreated(BountyEvent):
    """A draft was made, which its owner alone sees."""


class BountyEdited(BountyEvent):
    """Its owner changed it; once it is funded everyone sees what was changed."""


@dataclass(frozen=True)
class BountyFunded(BountyEvent):
    """Its prizes are in escrow: everyone sees it from now on."""

    prize_pool: AmountOut


class BountyOpened(BountyEvent):
    """Enrollment is open."""


class BountyStarted(BountyEvent):
    """Submissions are open, and enrollment is closed."""


class BountyPaused(BountyEvent):
    """Nothing is accepted, and all dates wait."""


class BountyResumed(BountyEvent):
    """It goes on; dates that were still ahead are put off by the length of the pause."""


class BountyClosed(BountyEvent, heard=True):
    """Submissions have closed, so ranking begins."""


class BountyPutOff(BountyEvent, heard=True):
    """Nobody was ranked in time: ranking has a second chance."""


class BountyRanked(BountyEvent):
    """The order is known, and can be disputed."""


class BountyCancelled(BountyEvent, heard=True):
    """It ended without winners: all the money goes back to those who paid it."""


class BountyFinished(BountyEvent, heard=True):
    """It has ended: the prizes are paid."""


class BountyTestSetUploaded(BountyEvent):
    """Its owner uploaded a test set, which is being checked."""


class BountyTestSetToBeCheckedAgain(BountyEvent):
    """Its metric was changed, so its test set is checked again."""


class BountyTestSetChecked(BountyEvent):
    """Its test set passed the check."""


class BountyTestSetRefused(BountyEvent):
    """Its test set did not pass the check."""


class BountyTestSetPublished(BountyEvent):
    """Its test set and the salt are public: everyone can check the commitment."""


class BountyReordered(BountyEvent):
    """Its owner changed the order, for a reason that everyone sees."""


class BountyRewarded(BountyEvent):
    """Its owner named the winners."""


@dataclass(frozen=True)
class EnrollmentEvent(Event, kind="enrollment"):
    """Seen by those who are in the team then, and by the bounty's owner."""

    enrollment_id: EnrollmentId
    bounty_id: BountyId


class EnrollmentEnrolled(EnrollmentEvent):
    """A user or a team entered a bounty."""


class EnrollmentJoined(EnrollmentEvent):
    """Somebody who was invited joined the team."""


class EnrollmentLeft(EnrollmentEvent):
    """A member left the team, or an invitation ended: the captain has the share."""


class EnrollmentWithdrawn(EnrollmentEvent):
    """The captain withdrew the entry, and its fee went back."""


class EnrollmentDisqualified(EnrollmentEvent):
    """The entry does not compete any more; the reason says why."""


class EnrollmentReinstated(EnrollmentEvent):
    """The entry competes again; the reason says why."""


@dataclass(frozen=True)
class EnrollmentDisputed(EnrollmentEvent):
    """A member disputed the result, in public."""

    dispute_id: DisputeId


@dataclass(frozen=True)
class EnrollmentChose(EnrollmentEvent):
    """The team chose which of its submissions is the final one."""

    submission_id: SubmissionId


@dataclass(frozen=True)
class SubmissionEvent(Event, kind="submission"):
    """Seen by those who are in the team then, and by the bounty's owner."""

    submission_id: SubmissionId
    bounty_id: BountyId


class SubmissionSubmitted(SubmissionEvent):
    """A file was submitted, and is being checked."""


class SubmissionValidated(SubmissionEvent):
    """The file is sound, and waits to be scored."""


class SubmissionStarted(SubmissionEvent):
    """It is being scored."""


class SubmissionTakesLong(SubmissionEvent):
    """It takes long, so it waits for a place with more time."""


class SubmissionPutBack(SubmissionEvent):
    """The platform failed at it, and tries again."""


class SubmissionGivenUp(SubmissionEvent):
    """The platform failed at it too often."""


class SubmissionValid(SubmissionEvent):
    """It was only checked, and is sound: it would be scored."""


class SubmissionScored(SubmissionEvent):
    """It was scored."""


class SubmissionFailed(SubmissionEvent):
    """It could not be scored; the reason says why. It does not count."""


class SubmissionCancelled(SubmissionEvent):
    """It was cancelled. It does not count."""


class SubmissionChosen(SubmissionEvent):
    """It is its team's final submission."""


@dataclass(frozen=True)
class SubmissionPublished(SubmissionEvent):
    """Its author made it a version of an algorithm."""

    version_id: VersionId
