"""Shapes on the wire, of test sets and submissions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from dml.accounts.schemas import PublicName
from dml.algorithms.schemas import FileRefusalOut
from dml.bounties.models import Bounty, Enrollment, SubmissionKind, SubmissionState, TestSetState
from dml.bounties.submissions.rules import MEDIA_TYPES, TABLES, Limits, are_readable
from dml.core.ids import BountyId, EnrollmentId, SubmissionId, UserId
from dml.core.wire import Parameters, Text, Wire
from dml.edge import problems
from dml.edge.bodies import a_file
from dml.edge.paging import Page, Paging

NO_SUCH_TYPE: Final[dict[int | str, dict[str, Any]]] = {
    415: {
        "description": "The `Content-Type` of the body is not accepted here.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
Column = Annotated[Text, Field(max_length=200)]


class ColumnsQuery(Parameters):
    id_column: Column = Field("id", description="The column that names each row.")
    target_column: Column = Field("target", description="The column that is to be predicted.")


class TestSetOut(Wire):
    """A bounty's hidden test set, as its check found it. Its content comes with the evidence."""

    __test__ = False

    bounty_id: BountyId = Field(description="The bounty.")
    state: TestSetState
    format: str = Field(description="The format of the file.", examples=["csv"])
    id_column: str = Field(description="The column that names each row.")
    target_column: str = Field(description="The column that is to be predicted.")
    size: int = Field(description="Size of the file, in bytes.")
    refusals: list[FileRefusalOut] = Field(
        description="Why the check refused the file; empty where it did not."
    )
    rows: int | None = Field(description="How many rows it has; `null` until it is checked.")
    public_rows: int | None = Field(
        description="How many of them public scores are computed on; the others are kept for the "
        "final ranking."
    )
    classes: list[str] | None = Field(
        description="The classes to predict, in their order; `null` where numbers are predicted."
    )
    features: list[str] | None = Field(
        description="The columns that a submitted model gets; `null` where no models are taken."
    )
    commitment: str | None = Field(
        description="SHA-256 of a random salt of 32 bytes followed by the file, in hexadecimal "
        "digits. Public once enrollment is open."
    )
    created_at: datetime
    checked_at: datetime | None = Field(description="When its check ended.")


class QuotaOut(Wire):
    """What is left of a limit."""

    limit: int = Field(description="How many submissions there may be.")
    remaining: int = Field(description="How many more there may be.")


class DailyQuotaOut(QuotaOut):
    """What is left of the limit of a day."""

    resets_at: datetime = Field(description="When the next day begins, in UTC.")


class SubmissionQuotasOut(Wire):
    """What is left of an entrant's limits. Submissions count that were scored or are under way."""

    today: DailyQuotaOut = Field(description="On this day of UTC.")
    concurrent: QuotaOut = Field(description="Under way at the same time.")
    total: QuotaOut = Field(description="In the whole bounty.")


class SubmitQuery(Parameters):
    name: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="What you call it, to find it again."
    )
    dry_run: bool = Field(
        False, description="Only check the file: it ends as `valid` or `failed`, and is not scored."
    )


class SubmissionOut(Wire):
    """A file that an entrant submitted, and what became of it."""

    id: SubmissionId
    bounty_id: BountyId = Field(description="The bounty.")
    enrollment_id: EnrollmentId = Field(description="The entrant that it belongs to.")
    submitter_id: UserId = Field(description="The user who sent it.")
    submitter_name: PublicName
    state: SubmissionState
    kind: SubmissionKind
    name: str = Field(description="What its submitter calls it.")
    dry_run: bool = Field(description="Whether it is only checked, and not scored.")
    sha256: str | None = Field(
        description="SHA-256 of the file, in hexadecimal digits. `null` for others than its team "
        "as long as they may not read the file: with it they could guess what the file says."
    )
    size: int = Field(description="Size of the file, in bytes.")
    created_at: datetime
    queued_at: datetime | None = Field(description="When it passed its check.")
    started_at: datetime | None = Field(description="When its scoring began.")
    ended_at: datetime | None = Field(description="When it was scored, failed or was cancelled.")
    end_reason: str | None = Field(description="Why it ended, where it was not scored.")
    refusals: list[FileRefusalOut] = Field(
        description="What is wrong with the file; empty where nothing was found."
    )
    metric: str | None = Field(
        description="The metric that it was scored by, with its version.", examples=["roc_auc.v1"]
    )
    improved: bool | None = Field(
        description="Whether it is better than all that its entrant submitted before, by more than "
        "chance explains. `null` until it is scored."
    )
    shown_score: float | None = Field(
        description="The public score of its entrant once it was scored: the earlier one where it "
        "did not improve."
    )
    commitment: str | None = Field(
        description="SHA-256 of a random salt and the predictions in their canonical form, in "
        "hexadecimal digits. The evidence of the ranking has both."
    )


class SubmissionDetailsOut(SubmissionOut):
    """A submission, with its place in the queue and its entrant's limits."""

    position: int | None = Field(
        description="How many submissions come before it, also those of other bounties; `null` "
        "where it no longer waits."
    )
    expected_start_at: datetime | None = Field(
        description="When its scoring will begin, as far as can be told; `null` where it no longer "
        "waits."
    )
    limits: SubmissionQuotasOut


class SubmissionsQuery(Paging):
    mine: bool = Field(
        False, description="Only your own team's. It changes nothing for those who see no others."
    )
    state: SubmissionState | None = Field(None, description="Only submissions in this state.")
    enrollment_id: EnrollmentId | None = Field(
        None, description="Only submissions of this entrant."
    )


class SubmissionPage(Page[SubmissionOut]):
    """A page of submissions, with the limits of whoever asks."""

    limits: SubmissionQuotasOut | None = Field(
        description="What is left of your limits; `null` where you do not take part."
    )


def page_of(
    page: Page[SubmissionOut], bounty: Bounty, viewer: Enrollment | None, limits: Limits | None
) -> SubmissionPage:
    """Add what is left to a page, as an entrant sees it, or who is none."""
    quotas = None if limits is None else SubmissionQuotasOut.model_validate(limits)
    items = [sealed(it, bounty, viewer) for it in page.items]
    return SubmissionPage(items=items, next_cursor=page.next_cursor, limits=quotas)


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
