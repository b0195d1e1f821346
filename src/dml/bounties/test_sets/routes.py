"""REST for hidden test sets: parse, call one function, shape the answer."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from dml.accounts.sandbox_time import SandboxTimeUsed, TooManyTimeouts
from dml.bounties import rules
from dml.bounties.models import TestSet
from dml.bounties.submissions import (
    queries as submission_queries,
    rules as submission_rules,
    uploads,
)
from dml.bounties.submissions.schemas import A_TEST_SET, NO_SUCH_TYPE, ColumnsQuery, TestSetOut
from dml.core.errors import NotSignedIn
from dml.core.ids import BountyId
from dml.core.kept_files import FilesFull
from dml.edge.bodies import FileCutOff, FileEmpty, FileTooLarge
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.problems import refusals
from dml.edge.routing import StrictRoute

router = APIRouter(prefix="/v1/bounties", route_class=StrictRoute)


@router.put(
    "/{bounty_id}/test-set",
    operation_id="test_sets.replace",
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
    query: Annotated[ColumnsQuery, Query()],
    request: Request,
) -> TestSet:
    """Upload a bounty's hidden test set.

    The body is the file; it replaces the one that is there. It is encrypted before it is stored and
    checked at once: its state must be `checked` before the bounty can be funded. For the owner of a
    draft that is judged by a metric.
    """
    return await uploads.upload_test_set(
        server,
        begin,
        bounty_id,
        request,
        id_column=query.id_column,
        target_column=query.target_column,
    )


@router.get(
    "/{bounty_id}/test-set",
    operation_id="test_sets.get",
    response_model=TestSetOut,
    responses=refusals(rules.BountyNotFound, submission_rules.TestSetNotFound),
)
async def get_test_set(ctx: Ctx, bounty_id: BountyId) -> TestSet:
    """Get a bounty's test set.

    What its check found, without the file. For the bounty's owner and moderators, unless they have
    entered.
    """
    return await submission_queries.get_managed_test_set(ctx.tx, ctx.actor, bounty_id)
