"""REST of admins: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Annotated

from fastapi import APIRouter, Query

from dml.accounts import queries, rules
from dml.accounts.admin import service
from dml.accounts.admin.schemas import (
    ManagedUserOut,
    UserRestoration,
    UsersPaging,
    UserSuspension,
)
from dml.accounts.models import User
from dml.accounts.schemas import RoleUpdate, UserOut
from dml.core.ids import UserId
from dml.edge.http import Ctx
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.paging import Page
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1/admin/users", route_class=IdempotentRoute)


@router.get("", operation_id="users.list", responses=refusals(rules.AdminsOnly))
async def list_users(ctx: Ctx, paging: Annotated[UsersPaging, Query()]) -> Page[ManagedUserOut]:
    """List users.

    For admins: newest first. Search by a part of the e-mail address or name, or by the id.
    """
    rows = await service.list_users(
        ctx,
        text=paging.query,
        role=paging.role,
        state=paging.state,
        after=paging.cursor,
        limit=paging.limit,
    )
    return paging.page(ManagedUserOut, rows)


@router.get(
    "/{user_id}",
    operation_id="users.get_as_admin",
    response_model=ManagedUserOut,
    responses=refusals(rules.AdminsOnly, queries.UserNotFound),
)
async def get_user(ctx: Ctx, user_id: UserId) -> User:
    """Get a user's account.

    For admins. What the user owns and moved is in `GET /v1/admin/users/{user_id}/books`.
    """
    return await service.get_user(ctx, user_id)


@router.patch(
    "/{user_id}",
    operation_id="users.set_role",
    response_model=UserOut,
    responses=refusals(rules.AdminsOnly, rules.LastAdmin, rules.NoPerson, queries.UserNotFound),
)
async def change_role(ctx: Ctx, user_id: UserId, body: RoleUpdate) -> User:
    """Set a user's role.

    For admins. The user is a member, a moderator or an admin from then on. The last admin cannot
    be made anything else, and an organisation is none of these.
    """
    return await service.change_role(ctx, user_id, body.role)


@router.post(
    "/{user_id}/suspend",
    operation_id="users.suspend",
    response_model=ManagedUserOut,
    dependencies=[Once],
    responses=refusals(
        rules.AdminsOnly,
        rules.NotYourself,
        rules.AlreadySuspended,
        rules.LastAdmin,
        queries.UserNotFound,
        IdempotencyKeyReused,
    ),
)
async def suspend(ctx: Ctx, user_id: UserId, body: UserSuspension) -> User:
    """Suspend a user.

    For admins, and not for themselves. The user's sessions end at once, and they cannot sign in:
    with the right password, the refusal says why. Their devices get no more work and their leases
    end, their open jobs are paused, and withdrawals that are not on their way to the chain are
    called off. Their balance stays, and so do their algorithms and bounties.
    """
    return await service.suspend(ctx, user_id, reason=body.reason)


@router.post(
    "/{user_id}/restore",
    operation_id="users.restore",
    response_model=ManagedUserOut,
    dependencies=[Once],
    responses=refusals(
        rules.AdminsOnly, rules.NotSuspended, queries.UserNotFound, IdempotencyKeyReused
    ),
)
async def restore(ctx: Ctx, user_id: UserId, body: UserRestoration) -> User:
    """Restore a suspended user.

    For admins. The user can sign in again, and their devices get work. Jobs that the suspension
    paused stay so until their customer resumes them.
    """
    return await service.restore(ctx, user_id, reason=body.reason)
