"""The row of a job's manifest. Columns only."""

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from dml.core.db import Base
from dml.core.ids import JobId


class JobManifest(Base):
    """The very bytes that `jobs.manifest_sha256` is the hash of. Written once; it goes when the
    job's customer is erased, for it says what the job is for in their words.
    """

    __tablename__ = "job_manifests"

    job_id: Mapped[JobId] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
