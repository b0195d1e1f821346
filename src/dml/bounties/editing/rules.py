"""Which fields of a bounty may be edited when, and what everybody is shown of it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dml.bounties import rules
from dml.bounties.models import Bounty, BountyState
from dml.core.errors import Conflict, Invalid, Stale

EDITS_MAX: Final = 100  # Of one bounty since it was funded: everybody sees all of them.

# What may be edited: all of a draft; before it opens, all but what was paid for; later only what
# harms no entrant, and the last of these fields only to give more time.
FIXED_BY_FUNDING: Final = frozenset({"prizes", "enrollment_fee", "judging", "metric"})
HARMLESS: Final = frozenset({"description", "data", "subtitle", "tags"})
ONLY_MORE: Final = frozenset({"closes_at", "judged_by", "dispute_seconds"})


class EditedMeanwhile(Stale):
    code = "bounties.edited_meanwhile"
    reason = "The bounty was changed since you read it."


class FieldsFixed(Conflict):
    code = "bounties.fields_fixed"
    reason = "Some of this cannot be changed any more: people rely on it."
    remedy = "Leave out what `fields` names."
    state: BountyState
    fields: Sequence[str]


class OnlyMoreTime(Conflict):
    code = "bounties.only_more_time"
    reason = "People have entered: dates can only be put off, and before the submissions end."
    remedy = "Choose later dates, or leave out what `fields` names."
    state: BountyState
    fields: Sequence[str]


class ReasonMissing(Invalid):
    code = "bounties.reason_missing"
    pointer = "/reason"
    reason = "Once a bounty is open, a change of it needs a reason that everybody sees."
    remedy = "Send a `reason`."


class TooManyEdits(Conflict):
    code = "bounties.too_many_edits"
    reason = "The bounty was edited as often as one may be."
    remedy = "Leave it as it is."
    most: int


def require_editable(bounty: Bounty, changes: Mapping[str, Any], now: datetime) -> None:
    """Refuse to change what others rely on. `changes` are those that do change something."""
    rules.require_not_ended(bounty)
    if bounty.state is BountyState.DRAFT:
        return
    if bounty.state is BountyState.FUNDED:
        fixed = changes.keys() & FIXED_BY_FUNDING
    else:
        fixed = changes.keys() - HARMLESS - ONLY_MORE
    if fixed:
        raise FieldsFixed(state=bounty.state, fields=sorted(fixed))
    if bounty.state is BountyState.FUNDED:
        return
    late = bounty.state not in (BountyState.ENROLLING, BountyState.SUBMITTING)
    more = changes.keys() & ONLY_MORE
    wrong = {it for it in more if late or changes[it] < getattr(bounty, it)}
    if "closes_at" in more and now >= bounty.closes_at and bounty.paused_at is None:
        wrong.add("closes_at")  # Submissions have ended, though the alarm is late.
    if wrong:
        raise OnlyMoreTime(state=bounty.state, fields=sorted(wrong))


def require_reason(bounty: Bounty, reason: str | None) -> None:
    if rules.has_opened(bounty) and reason is None:
        raise ReasonMissing(errors=[{"pointer": "/reason", "detail": "must be there"}])


def require_few_edits(edits: int) -> None:
    if edits >= EDITS_MAX:
        raise TooManyEdits(most=EDITS_MAX)


def require_within_life(bounty: Bounty, judged_by: datetime) -> None:
    """Refuse to postpone a bounty that holds money again and again."""
    if bounty.funded_at is not None and judged_by > bounty.funded_at + rules.LIFE_MAX:
        detail = "must be at most three years after the bounty was funded"
        raise rules.DatesOutOfOrder(errors=[{"pointer": "/judged_by", "detail": detail}])
