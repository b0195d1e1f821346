"""The settings of how long things are kept: docs/operations/retention.md lists all that goes."""

from pydantic import Field
from pydantic_settings import BaseSettings


class KeepingSettings(BaseSettings):
    """What an operator decides about what is over."""

    keep_unnamed_files_hours: float = Field(
        24,
        ge=1,
        description="How old an uploaded file is that no row names, before it is deleted.",
    )
    keep_refused_versions_days: int = Field(
        30,
        ge=1,
        description="How long a file is kept that came to nothing: of a version that was turned "
        "down, a submission that was only checked, failed or was cancelled, or a draft of a bounty "
        "that was given up.",
    )
    keep_events_days: int = Field(
        30, ge=1, le=3_650, description="How long events can be read and followed, at least."
    )
    keep_audit_days: int = Field(
        730,
        ge=30,
        le=36_500,
        description="How long what happened stays in timelines and in the audit log, at least.",
    )
    keep_ended_jobs_hours: int = Field(
        168,
        ge=0,
        le=87_600,
        description="How long an ended job's assignments stay in the tables, before they move "
        "into files among the uploaded ones (`dml admin job-results`).",
    )
