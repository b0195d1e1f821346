"""Shapes on the wire, of test sets and submissions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from dml.bounties.models import Bounty, Enrollment, SubmissionKind, SubmissionState, TestSetState
from dml.bounties.submission_rules import MEDIA_TYPES, TABLES, Limits, are_readable
from dml.core.ids import BountyId, EnrollmentId, SubmissionId, UserId
from dml.core.wire import Parameters, Text, Wire
from dml.edge import problems
from dml.edge.bodies import a_file
from dml.edge.paging import Page, Paging

NO_SUCH_TYPE: Final[dict[int | str, dict[str, Any]]] = {
    415: {
        "description": "The body is of a type that is not taken here.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
Column = Annotated[Text, Field(max_length=200)]


class ColumnsWanted(Parameters):
    id_column: Column = Field("id", description="The column that names each row.")
    target_column: Column = Field("target", description="The column that is to be predicted.")


class FileRefusalOut(Wire):
    code: str
    detail: str = Field(description="What is wrong, where in your file, and what to mend.")


class TestSetOut(Wire):
    """A hidden test set, for who manages the bounty. Its content comes with the ranking."""

    __test__ = False

    bounty_id: BountyId
    state: TestSetState
    format: str
    id_column: str
    target_column: str
    size: int = Field(description="In bytes.")
    refusals: list[FileRefusalOut] = Field(description="Why the check refused the file.")
    rows: int | None
    public_rows: int | None = Field(description="How many rows the public board is made from.")
    classes: list[str] | None = Field(description="In order; `null` where numbers are predicted.")
    features: list[str] | None = Field(description="What a submitted model is run over.")
    commitment: str | None = Field(
        description="SHA-256 of salt and file, in hexadecimal digits: public from opening on."
    )
    created_at: datetime
    checked_at: datetime | None


class LeftOut(Wire):
    limit: int
    left: int


class LeftOfDayOut(LeftOut):
    resets_at: datetime


class LimitsOut(Wire):
    """What is left of the limits: scored submissions count, and those under way."""

    day: LeftOfDayOut
    at_once: LeftOut
    in_all: LeftOut


class SubmitWanted(Parameters):
    name: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="What you call it. It is for you: nothing follows from it."
    )
    dry_run: bool = Field(
        False, description="Only check the file: it ends as `valid` or `failed`, and is not scored."
    )


class SubmissionOut(Wire):
    id: SubmissionId
    bounty_id: BountyId
    enrollment_id: EnrollmentId
    submitter_id: UserId
    state: SubmissionState
    kind: SubmissionKind
    name: str
    dry_run: bool
    sha256: str | None = Field(
        description="Of the file. Others than its team have it once they may read the file: by it "
        "they could try out what the file says."
    )
    size: int = Field(description="In bytes.")
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    refusals: list[FileRefusalOut] = Field(description="Why the file is refused.")
    metric: str | None
    improved: bool | None = Field(
        description="Whether it is truly better than what this entrant had before."
    )
    shown_score: float | None = Field(
        description="What the board shows of its entrant since: the old best where it is no better."
    )
    commitment: str | None = Field(
        description="SHA-256 of a random salt and the predictions in their canonical form. "
        "The ranking publishes both."
    )


class SubmissionShownOut(SubmissionOut):
    position: int | None = Field(description="How many submissions are to be done before it.")
    expected_start_at: datetime | None
    limits: LimitsOut


class SubmissionsWanted(Paging):
    mine: bool = Field(False, description="Your own team's: for owners and moderators, a filter.")
    state: SubmissionState | None = None
    enrollment_id: EnrollmentId | None = None


class SubmissionsPage(Page[SubmissionOut]):
    limits: LimitsOut | None = Field(description="Yours, where you take part.")


def page_of(
    page: Page[SubmissionOut], bounty: Bounty, viewer: Enrollment | None, limits: Limits | None
) -> SubmissionsPage:
    """Add what is left to a page, as an entrant sees it, or who is none."""
    told = None if limits is None else LimitsOut.model_validate(limits)
    items = [sealed(it, bounty, viewer) for it in page.items]
    return SubmissionsPage(items=items, next_cursor=page.next_cursor, limits=told)


def sealed(shown: SubmissionOut, bounty: Bounty, viewer: Enrollment | None) -> SubmissionOut:
    """Leave out what would tell of a file that this viewer may not read yet."""
    own = viewer is not None and viewer.id == shown.enrollment_id
    if own or are_readable(bounty):
        return shown
    return shown.model_copy(update={"sha256": None})


_SUBMITTED: Final[Mapping[SubmissionKind, str]] = {
    SubmissionKind.CSV: "id,prediction\r\n1,0.91\r\n2,0.08\r\n",
    SubmissionKind.PARQUET: "(the bytes of predictions.parquet, with the same columns)",
    SubmissionKind.ONNX: "(the bytes of model.onnx)",
    SubmissionKind.FILE: "(the bytes of any file)",
}
A_SUBMISSION: Final = a_file({MEDIA_TYPES[it]: _SUBMITTED[it] for it in SubmissionKind})
A_TEST_SET: Final = a_file(
    {
        MEDIA_TYPES[SubmissionKind.CSV]: "id,target,width,height\r\n1,1,3.5,2\r\n2,0,0.1,4\r\n",
        MEDIA_TYPES[SubmissionKind.PARQUET]: "(the bytes of test.parquet, with the same columns)",
    }
)
assert set(TABLES) == {SubmissionKind.CSV, SubmissionKind.PARQUET}
