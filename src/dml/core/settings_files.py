"""The settings of files: where they are kept, how large they may be, and for how long they wait."""

import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings

MIB: Final = 1024 * 1024
_BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?", re.ASCII)


def is_bucket(blobs: str | Path) -> bool:
    """Whether uploaded files lie in a bucket, and not in a folder."""
    return str(blobs).startswith("s3://")


def _read_blobs(said: Any) -> Any:
    if not isinstance(said, str | Path):
        return said
    text = str(said)
    if "://" in text and not _BUCKET.fullmatch(text):
        raise ValueError("must be a folder, or a bucket: s3://bucket or s3://bucket/prefix")
    return text


class FileSettings(BaseSettings):
    """What an operator decides about files that are uploaded."""

    blobs: Annotated[str | None, BeforeValidator(_read_blobs)] = Field(
        None,
        description="Where uploaded files are: a folder, or a bucket of S3 or of what speaks as "
        "it does, `s3://bucket/prefix`. Who we are there is said as for any program of AWS "
        "(`AWS_ACCESS_KEY_ID` and so on, or the machine's role). Unset: the folder `blobs` below "
        "the home.",
    )
    blobs_region: str | None = Field(
        None, description="The bucket's region. Unset: what `AWS_REGION` says, or `us-east-1`."
    )
    blobs_endpoint: str | None = Field(
        None,
        pattern="^https?://",
        description="Where the bucket is asked for, if not at AWS: `https://s3.example.org`.",
    )
    body_limit_bytes: int = Field(
        MIB, ge=1024, description="The largest body of a request, other than a model."
    )
    model_limit_bytes: int = Field(
        512 * MIB, ge=1024, description="The largest model that can be uploaded."
    )
    test_set_limit_bytes: int = Field(
        64 * MIB, ge=1024, description="The largest hidden test set of a bounty."
    )
    predictions_limit_bytes: int = Field(
        64 * MIB, ge=1024, description="The largest file of predictions that can be submitted."
    )
    attachment_limit_bytes: int = Field(
        256 * MIB, ge=1024, description="The largest file that a bounty's owner can attach."
    )
    files_of_one_user_bytes: int = Field(
        10 * 1024 * MIB,
        ge=1024,
        description="How many bytes of files are kept for one user: versions of algorithms, "
        "uploads under way, submissions, attachments and test sets.",
    )
    uploads_at_once: int = Field(
        2, ge=1, le=1_000, description="Files that one user may send at the same time."
    )
    uploads_under_way: int = Field(
        10,
        ge=1,
        le=100,
        description="Models that one developer may have announced and not yet uploaded whole.",
    )
    upload_hours: float = Field(
        24,
        gt=0,
        le=720,
        description="How long such an upload waits for its next part, before it is given up.",
    )
    file_link_seconds: int = Field(
        300,
        ge=10,
        le=86_400,
        description="How long a link is good by which a model is downloaded without signing in.",
    )
