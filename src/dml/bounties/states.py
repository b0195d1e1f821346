"""The states that the rows can be in, and their kinds."""

from enum import StrEnum


class BountyState(StrEnum):
    DRAFT = "draft"
    FUNDED = "funded"
    ENROLLING = "enrolling"
    SUBMITTING = "submitting"
    EVALUATING = "evaluating"
    DISPUTING = "disputing"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Judging(StrEnum):
    """How winners are found: by a metric on a hidden test set, or named by the owner."""

    METRIC = "metric"
    MANUAL = "manual"


class Ties(StrEnum):
    """What becomes of the prizes of tied places: they are pooled, or go by the bare order."""

    SHARE = "share"
    ORDER = "order"


class EnrollmentState(StrEnum):
    ENROLLED = "enrolled"
    WINNER = "winner"
    NOT_PLACED = "not_placed"
    WITHDRAWN = "withdrawn"
    DISQUALIFIED = "disqualified"


class SubmissionState(StrEnum):
    """`VALID` is the end of one that was only checked."""

    VALIDATING = "validating"
    QUEUED = "queued"
    EVALUATING = "evaluating"
    VALID = "valid"
    SCORED = "scored"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SubmissionKind(StrEnum):
    """What a submitted file is. `FILE`, anything, is for bounties judged by hand."""

    CSV = "csv"
    PARQUET = "parquet"
    ONNX = "onnx"
    FILE = "file"


class TestSetState(StrEnum):
    __test__ = False  # pytest: this is no test.

    UPLOADED = "uploaded"
    CHECKED = "checked"
    REFUSED = "refused"


class AttachmentKind(StrEnum):
    DATA = "data"
    IMAGE = "image"
    THUMBNAIL = "thumbnail"
    COVER = "cover"
