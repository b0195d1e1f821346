"""The states that the rows can be in, and their kinds."""

from enum import StrEnum


class BountyState(StrEnum):
    """How far a bounty is.

    `draft`: its owner prepares it. `funded`: its prizes are in escrow. `enrolling`: people can
    enroll. `submitting`: entrants can submit. `evaluating`: winners are being found. `disputing`:
    there is an order of winners, which can be disputed. `finished`: the prizes are paid.
    `cancelled`: all the money went back.
    """

    DRAFT = "draft"
    FUNDED = "funded"
    ENROLLING = "enrolling"
    SUBMITTING = "submitting"
    EVALUATING = "evaluating"
    DISPUTING = "disputing"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Judging(StrEnum):
    """How winners are found.

    `metric`: by a metric on a hidden test set. `manual`: the owner names them.
    """

    METRIC = "metric"
    MANUAL = "manual"


class Ties(StrEnum):
    """What becomes of the prizes of tied places.

    `share`: they are added up and divided equally. `order`: each place gets its own.
    """

    SHARE = "share"
    ORDER = "order"


class EnrollmentState(StrEnum):
    """What an entrant is.

    `enrolled`: it takes part. `withdrawn`: its captain withdrew it before submissions began.
    `disqualified`: a moderator excluded it. When the bounty is finished, it is a `winner` with a
    prize, or `not_placed` without one.
    """

    ENROLLED = "enrolled"
    WINNER = "winner"
    NOT_PLACED = "not_placed"
    WITHDRAWN = "withdrawn"
    DISQUALIFIED = "disqualified"


class SubmissionState(StrEnum):
    """How far a submission is.

    `validating`: it is checked. `queued`: it waits to be scored. `evaluating`: it is being scored.
    `scored`: it counts. `valid`: it was only to be checked, and passed. `failed`: the check or the
    scoring refused it. `cancelled`: its team cancelled it, or the bounty ended.
    """

    VALIDATING = "validating"
    QUEUED = "queued"
    EVALUATING = "evaluating"
    VALID = "valid"
    SCORED = "scored"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SubmissionKind(StrEnum):
    """What a submitted file is.

    `csv` and `parquet`: predictions. `onnx`: a model. `file`: anything, for bounties that are
    judged by hand.
    """

    CSV = "csv"
    PARQUET = "parquet"
    ONNX = "onnx"
    FILE = "file"


class TestSetState(StrEnum):
    """How far a test set is.

    `uploaded`: it is being checked. `checked`: it passed its check. `refused`: it did not.
    """

    __test__ = False  # pytest: this is no test.

    UPLOADED = "uploaded"
    CHECKED = "checked"
    REFUSED = "refused"


class AttachmentKind(StrEnum):
    """What a file of a bounty is for.

    `data`: to download. `image`: to show in texts. `thumbnail` and `cover`: a small and a large
    image of the bounty, one of each.
    """

    DATA = "data"
    IMAGE = "image"
    THUMBNAIL = "thumbnail"
    COVER = "cover"
