"""Which answers may be public, and how many jobs are told in which words. Pure."""

from collections.abc import Container
from typing import Final

from dml.accounts.rules import is_impartial
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, Invalid, NotFound
from dml.core.ids import UserId
from dml.core.texts import is_line, is_visible
from dml.jobs.history.models import PublishedJob
from dml.jobs.models import Job, JobTotals
from dml.jobs.rules import ENDED, JobNotFound, ReasonMissing

# A number of jobs is told as the last band that it reaches: exact, it would tell each job's end.
BANDS: Final = ((1_000, "1000+"), (100, "100-999"), (10, "10-99"), (1, "1-9"), (0, "0"))
COUNTED_MOST: Final = BANDS[0][0]


class NotAnswered(Conflict):
    code = "jobs.not_answered"
    reason = "Only the answer of a job that has ended, and of which something is shown, is public."
    remedy = "Wait until the job has ended. If it ended without an answer, there is none to show."


class PublicationRemoved(Conflict):
    code = "jobs.publication_removed"
    reason = "A moderator removed this answer from public view; `why` says why."
    remedy = "Order another job, or write to whoever runs this marketplace."
    why: str


class TitleNotPublic(Invalid):
    code = "jobs.title_not_public"
    pointer = "/title"
    reason = "The job's title has characters that control how it is shown."
    remedy = "Send another `title`: one line without such characters."


class NotPublished(NotFound):
    code = "jobs.not_published"
    reason = "There is no such published answer."
    remedy = "Look it up in the algorithm's list of published jobs."


class NotImpartial(Forbidden):
    code = "jobs.not_impartial"
    reason = "Nobody removes answers of an algorithm that is their own, or an organisation's."
    remedy = "Ask another moderator."


def require_customer(job: Job, actor: Actor) -> None:
    """Refuse admins, too: it is for its customer alone to make an answer public."""
    if actor.user_id != job.customer_id:
        raise JobNotFound


def require_answered(job: Job, totals: JobTotals) -> None:
    if job.state not in ENDED or not totals.shown_devices:
        raise NotAnswered


def require_not_removed(publication: PublishedJob) -> None:
    if publication.removed_at is not None:
        raise PublicationRemoved(why=publication.removal_reason or "")


def require_published(publication: PublishedJob | None) -> PublishedJob:
    if publication is None or publication.removed_at is not None:
        raise NotPublished
    return publication


def require_may_remove(
    actor: Actor, interested: Container[UserId | None], reason: str | None
) -> str:
    """Refuse others than impartial moderators, who say why."""
    if not actor.is_moderator:
        raise NotPublished
    if not is_impartial(actor, interested):
        raise NotImpartial
    if reason is None:
        raise ReasonMissing
    return reason


def require_public_title(title: str) -> str:
    """Refuse what shows nothing, breaks a line, or turns the direction of what stands behind it."""
    if not is_visible(title) or not is_line(title):
        raise TitleNotPublic
    return title


def band_of(jobs: int) -> str:
    """Return in which band so many jobs are."""
    return next(band for least, band in BANDS if jobs >= least)
