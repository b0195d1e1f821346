"""Shapes on the wire, of receipts."""

from pydantic import Field

from dml.core.ids import AssignmentId, JobId
from dml.core.wire import Wire


class ReceiptOut(Wire):
    """What left a device for a job, signed."""

    id: AssignmentId = Field(description="The assignment whose result it was.")
    job_id: JobId = Field(description="The job that the work was for.")
    job_title: str = Field(description="The title of the job.")
    receipt: str = Field(
        description="A JWS in compact form (RFC 7515) with the `typ` `dml-receipt+jwt`, signed by "
        "a key of `/.well-known/jwks.json`. It says what left (`left`, whole), under which "
        "manifest (`manifest_sha256`), whether it was counted and with which `step` of the answer "
        "it is told, at the latest (`null`: it waits, or was counted before steps were noted), "
        "what it took of your privacy budget (`spent_rho_billionths`), and of what `epsilon` that "
        "budget is and how much was `left` when this was signed (`iat`).",
        examples=["eyJhbGciOiJFZDI1NTE5In0.eyJhc3NpZ25tZW50X2lkIjoiMDE….c2lnbmF0dXJl…"],
    )
