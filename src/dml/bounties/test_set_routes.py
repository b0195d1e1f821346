"""REST for hidden test sets: parse, call one function, shape the answer."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.bounties import rules, submission_queries, submission_rules, uploads
from dml.bounties.models import TestSet
from dml.bounties.submission_schemas import A_TEST_SET, NO_SUCH_TYPE, ColumnsWanted, TestSetOut
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId
from dml.core.kept_files import FilesFull
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/bounties", tags=["bounties"], route_class=StrictRoute)


@router.put(
    "/{bounty_id}/test-set",
    response_model=TestSetOut,
    openapi_extra=A_TEST_SET,
    responses=NO_SUCH_TYPE
    | refusals(
        NotSignedIn,
        rules.BountyNotFound,
        rules.NotOwner,
        rules.WrongState,
        submission_rules.JudgedByHand,
        SandboxTimeUsed,
        FilesFull,
        TooManyTimeouts,
        FileTooLarge,
        FileEmpty,
        FileCutOff,
    ),
)
async def upload_test_set(
    begin: SignedInBegin,
    server: Server,
    bounty_id: BountyId,
    wanted: Annotated[ColumnsWanted, Query()],
    request: Request,
) -> TestSet:
    """Upload the hidden test set of your draft, or another one in its place.

    It is sealed before it is kept: only a scorer opens it. It is checked at once, and must be
    `checked` before the bounty can be funded.
    """
    return await uploads.upload_test_set(
        server,
        begin,
        bounty_id,
        request,
        id_column=wanted.id_column,
        target_column=wanted.target_column,
    )


@router.get(
    "/{bounty_id}/test-set",
    response_model=TestSetOut,
    responses=refusals(rules.BountyNotFound, submission_rules.TestSetNotFound),
)
async def get_test_set(ctx: Ctx, bounty_id: BountyId) -> TestSet:
    """What the check of a hidden test set found, for the bounty's owner and moderators."""
    return await submission_queries.get_managed_test_set(ctx.tx, ctx.actor, bounty_id)
