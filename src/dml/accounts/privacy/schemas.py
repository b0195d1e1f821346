"""Shapes on the wire, of exports and erasure."""

from datetime import datetime

from pydantic import Field

from dml.accounts.identities.proofs import Proof
from dml.accounts.privacy.models import DataExportState
from dml.core.ids import ExportId
from dml.core.wire import Body, Wire, example


class DataExportOut(Wire):
    """A file with all that is kept of you."""

    id: ExportId
    state: DataExportState
    created_at: datetime
    ready_at: datetime | None = Field(description="Since when it can be downloaded.")
    size: int | None = Field(description="Of its file, in bytes; `null` until it is ready.")
    expires_at: datetime = Field(description="When it is deleted, a week after it was asked for.")


class UserErasure(Body):
    model_config = example(proof={"kind": "password", "password": "correct horse battery"})

    proof: Proof = Field(description="What proves that the account is yours.")
