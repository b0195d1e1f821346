"""Who may rate, answer and hide. Pure: no session, no clock."""

from collections.abc import Container, Iterable
from typing import Final

from dml.accounts.rules import is_impartial
from dml.algorithms.ratings.models import Rating
from dml.core.context import Actor
from dml.core.errors import Conflict, Forbidden, NotFound
from dml.core.ids import UserId, VersionId

STARS_MOST: Final = 5
TEXT_MAX: Final = 2_000


class RatingNotFound(NotFound):
    code = "algorithms.rating_not_found"
    reason = "There is no such rating of this algorithm."
    remedy = "Look it up in the algorithm's list of ratings."


class NotRun(Forbidden):
    code = "algorithms.not_run"
    reason = "No job of yours has run this algorithm and ended with an answer that you were shown."
    remedy = "Order a job of it, and rate it when the job has ended."


class OwnAlgorithm(Forbidden):
    code = "algorithms.own_rating"
    reason = (
        "Nobody rates, or moderates the ratings of, what is their own, or an organisation's that "
        "they act for."
    )
    remedy = "Leave it to others."


class RatingHidden(Conflict):
    code = "algorithms.rating_hidden"
    reason = "A moderator hid this rating, so that it can't be deleted and given anew."
    remedy = "Change it, and ask the moderators to restore it."


class RatingNotHidden(Conflict):
    code = "algorithms.rating_not_hidden"
    reason = "This rating is not hidden."
    remedy = "There is nothing left to do."


class RatingHiddenAlready(Conflict):
    code = "algorithms.rating_hidden_already"
    reason = "This rating is hidden already."
    remedy = "There is nothing left to do."


class ReplyNotFound(NotFound):
    code = "algorithms.reply_not_found"
    reason = "The developer has not replied to this rating."
    remedy = "There is nothing left to do."


def require_run(version_id: VersionId | None) -> VersionId:
    """Refuse who never saw an answer of it."""
    if version_id is None:
        raise NotRun
    return version_id


def require_no_party(raters: Iterable[UserId | None], interested: Container[UserId | None]) -> None:
    """Refuse who rates what is theirs: by themselves, or by an organisation of theirs."""
    if any(it in interested for it in raters):
        raise OwnAlgorithm


def require_impartial(actor: Actor, interested: Container[UserId | None]) -> None:
    """Refuse a moderator whose own the algorithm or the rating is."""
    if not is_impartial(actor, interested):
        raise OwnAlgorithm


def require_deletable(rating: Rating) -> None:
    if rating.hidden_at is not None:
        raise RatingHidden


def require_shown(rating: Rating) -> None:
    if rating.hidden_at is not None:
        raise RatingHiddenAlready


def require_hidden(rating: Rating) -> None:
    if rating.hidden_at is None:
        raise RatingNotHidden
