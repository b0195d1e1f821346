"""The ready reasons, by their codes: what moderators say most, in the same words each time."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ReviewDecision(StrEnum):
    """What a moderator may decide about a version, or about its algorithm."""

    APPROVE = "approve"
    REJECT = "reject"
    RECALL = "recall"
    SUSPEND = "suspend"


class ReasonCode(StrEnum):
    """Why a moderator decided so. `GET /v1/moderation/reasons` has the words."""

    AS_DESCRIBED = "as_described"
    CARD_INCOMPLETE = "card_incomplete"
    DATA_NOT_NAMED = "data_not_named"
    LABELS_UNCLEAR = "labels_unclear"
    WRONG_INPUT_SPEC = "wrong_input_spec"
    NOT_AS_DESCRIBED = "not_as_described"
    COPY = "copy"
    TOO_HEAVY = "too_heavy"
    MISLEADING = "misleading"
    IDENTIFIES_PEOPLE = "identifies_people"
    LABELS_SINGLE_OUT = "labels_single_out"
    UNLAWFUL_DATA = "unlawful_data"
    RIGHTS_CLAIMED = "rights_claimed"


@dataclass(frozen=True, slots=True)
class ReadyReason:
    """`text` is what the developer reads; `decisions` are those that it is a reason for."""

    code: ReasonCode
    title: str
    text: str
    decisions: frozenset[ReviewDecision]


_APPROVE: Final = frozenset({ReviewDecision.APPROVE})
_REJECT: Final = frozenset({ReviewDecision.REJECT})
_OFFER: Final = frozenset({ReviewDecision.REJECT, ReviewDecision.SUSPEND})
_MODEL: Final = frozenset({ReviewDecision.REJECT, ReviewDecision.RECALL})
_ANY: Final = frozenset({ReviewDecision.REJECT, ReviewDecision.RECALL, ReviewDecision.SUSPEND})

REASONS: Final[Mapping[ReasonCode, ReadyReason]] = {
    code: ReadyReason(code, title, text, decisions)
    for code, title, text, decisions in (
        (
            ReasonCode.AS_DESCRIBED,
            "It does what it says",
            "The model answers as its model card says.",
            _APPROVE,
        ),
        (
            ReasonCode.CARD_INCOMPLETE,
            "The model card is incomplete",
            "The model card does not say how good the model is, or for what it must not be used.",
            _OFFER,
        ),
        (
            ReasonCode.DATA_NOT_NAMED,
            "The training data is not named",
            "The model card does not say what data the model was trained on.",
            _OFFER,
        ),
        (
            ReasonCode.LABELS_UNCLEAR,
            "The labels are unclear",
            "The labels do not say what the model's answers mean, or are in another order than its "
            "output.",
            _MODEL,
        ),
        (
            ReasonCode.WRONG_INPUT_SPEC,
            "The input spec does not fit",
            "Prepared as the input spec says, photos are not what the model was trained on: look "
            "at color, scale, mean and std.",
            _MODEL,
        ),
        (
            ReasonCode.NOT_AS_DESCRIBED,
            "It does not do what it says",
            "On the moderator's own photos the model does not answer as its description says.",
            _MODEL,
        ),
        (
            ReasonCode.COPY,
            "It is another developer's model",
            "The model is the same as another developer's, or made of it, and nothing shows that "
            "you may offer it.",
            _ANY,
        ),
        (
            ReasonCode.TOO_HEAVY,
            "It takes too much of a device",
            "The model takes more memory or time than most devices have. Its passport says how "
            "much.",
            _REJECT,
        ),
        (
            ReasonCode.MISLEADING,
            "The description misleads",
            "Title, summary, tags or model card mislead, advertise something else, or offend.",
            _OFFER,
        ),
        (
            ReasonCode.IDENTIFIES_PEOPLE,
            "It identifies or judges people",
            "The model tells who somebody is, or sorts people by health, origin, belief or the "
            "like, which this marketplace does not offer.",
            _ANY,
        ),
        (
            ReasonCode.LABELS_SINGLE_OUT,
            "A label is about one person or a few",
            "A label stands for one person, place or thing of somebody's, so that its count tells "
            "of them and not of a crowd: as a label for the photos of one person.",
            _ANY,
        ),
        (
            ReasonCode.UNLAWFUL_DATA,
            "Its data was taken without permission",
            "The model was trained on data that was taken without the consent that it needs.",
            _ANY,
        ),
        (
            ReasonCode.RIGHTS_CLAIMED,
            "Somebody claims rights to it",
            "Somebody has shown a right to this model or its data, which you would have to answer.",
            _ANY,
        ),
    )
}
assert REASONS.keys() == set(ReasonCode)
