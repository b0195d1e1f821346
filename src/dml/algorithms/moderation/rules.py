"""With which words a decision is told. Pure."""

from dml.algorithms.moderation.reasons import REASONS, ReasonCode, ReviewDecision
from dml.core.errors import Invalid


class ReasonNotForThis(Invalid):
    code = "algorithms.reason_not_for_this"
    pointer = "/reason_code"
    reason = "This ready reason is not meant for such a decision."
    remedy = "Choose one of `allowed` (`GET /v1/moderation/reasons`), or say it in your own words."
    allowed: list[str]


def told(decision: ReviewDecision, code: ReasonCode | None, reason: str | None) -> str | None:
    """Return what is said: one's own words, else those of the ready reason, if any was named."""
    if code is None:
        return reason
    ready = REASONS[code]
    if decision not in ready.decisions:
        fitting = [it.code.value for it in REASONS.values() if decision in it.decisions]
        raise ReasonNotForThis(allowed=fitting)
    return ready.text if reason is None else reason
