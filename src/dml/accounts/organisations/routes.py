"""REST of organisations: parse, call one function, shape the answer. No `if`, no SQL, no `try`."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from dml.accounts.identities.reauthentication import PROOF_REFUSALS, reauthenticate
from dml.accounts.organisations import closing, inviting, proving, queries, rules, service
from dml.accounts.organisations.models import Invitation
from dml.accounts.organisations.schemas import (
    InvitationAccept,
    InvitationCreatedOut,
    InvitationListOut,
    InvitationOut,
    MemberListOut,
    MemberOut,
    MemberUpdate,
    OrganisationClosing,
    OrganisationCreate,
    OrganisationInvitationCreate,
    OrganisationListOut,
    OrganisationOut,
    OrganisationUpdate,
)
from dml.accounts.recovery.choosing import post_of
from dml.accounts.recovery.rules import NoMail
from dml.core.ids import InvitationId, UserId
from dml.edge.http import Ctx, Server, SignedInBegin
from dml.edge.idempotency import IdempotencyKeyReused, IdempotentRoute, Once
from dml.edge.limits import TooManyTries, at_most
from dml.edge.problems import refusals

router = APIRouter(prefix="/v1", route_class=IdempotentRoute)
guess_limit = Depends(at_most("reauthenticate", lambda settings: settings.sign_ins_a_minute))
NOT_OWNED = (rules.OrganisationNotFound, rules.OwnersOnly)


async def _require_proof_to_invite(
    server: Server, begin: SignedInBegin, body: OrganisationInvitationCreate
) -> None:
    await proving.require_proof(server, begin, body.role, body.proof)


async def _require_proof_to_raise(server: Server, begin: SignedInBegin, body: MemberUpdate) -> None:
    await proving.require_proof(server, begin, body.role, body.proof)


async def _require_proof_to_close(
    server: Server, begin: SignedInBegin, body: OrganisationClosing
) -> None:
    await reauthenticate(server, begin, body.proof)


@router.post(
    "/organisations",
    operation_id="organisations.create",
    status_code=201,
    dependencies=[Once],
    responses=refusals(rules.TooManyOrganisations, IdempotencyKeyReused),
)
async def create(ctx: Ctx, body: OrganisationCreate, response: Response) -> OrganisationOut:
    """Found an organisation.

    For signed-in users: a name that several users act for. You are its first owner.
    """
    made = await service.create(ctx, body.name)
    response.headers["Location"] = f"/v1/organisations/{made.id}"
    found = await queries.get_for_member(ctx.tx, ctx.actor.id, made.id)
    return OrganisationOut.model_validate(found)


@router.get("/organisations", operation_id="organisations.list")
async def list_mine(ctx: Ctx) -> OrganisationListOut:
    """List the organisations that you act for.

    For signed-in users: newest first.
    """
    rows = await queries.list_for_member(ctx.tx, ctx.actor.id)
    return OrganisationListOut(items=[OrganisationOut.model_validate(it) for it in rows])


@router.get(
    "/organisations/{organisation_id}",
    operation_id="organisations.get",
    response_model=OrganisationOut,
    responses=refusals(rules.OrganisationNotFound),
)
async def get(ctx: Ctx, organisation_id: UserId) -> Any:
    """Get an organisation.

    For its members. What everybody may know of it is in `GET /v1/users/{user_id}`, by the same id.
    """
    return await queries.get_for_member(ctx.tx, ctx.actor.id, organisation_id)


@router.patch(
    "/organisations/{organisation_id}",
    operation_id="organisations.update",
    response_model=OrganisationOut,
    responses=refusals(*NOT_OWNED),
)
async def rename(ctx: Ctx, organisation_id: UserId, body: OrganisationUpdate) -> Any:
    """Rename an organisation.

    For its owners.
    """
    await service.rename(ctx, organisation_id, body.name)
    return await queries.get_for_member(ctx.tx, ctx.actor.id, organisation_id)


@router.post(
    "/organisations/{organisation_id}/close",
    operation_id="organisations.close",
    status_code=204,
    dependencies=[guess_limit, Depends(_require_proof_to_close)],
    responses=refusals(*NOT_OWNED, rules.ClosingBlocked, TooManyTries, *PROOF_REFUSALS),
)
async def close(ctx: Ctx, organisation_id: UserId, body: OrganisationClosing) -> None:
    """Close an organisation.

    For owners, with a proof of who they are. It holds no tokens, and nothing of it runs: else the
    refusal names what is in the way. Its name goes, and nobody acts for it any more; its books
    stay, with an id that names nobody. It cannot be undone.
    """
    await closing.close(ctx, organisation_id)


@router.get(
    "/organisations/{organisation_id}/members",
    operation_id="members.list",
    responses=refusals(rules.OrganisationNotFound),
)
async def list_members(ctx: Ctx, organisation_id: UserId) -> MemberListOut:
    """List who acts for an organisation.

    For its members: owners first.
    """
    await queries.get_for_member(ctx.tx, ctx.actor.id, organisation_id)
    rows = await queries.list_members(ctx.tx, organisation_id)
    return MemberListOut(items=[MemberOut.model_validate(it) for it in rows])


@router.patch(
    "/organisations/{organisation_id}/members/{user_id}",
    operation_id="members.update",
    status_code=204,
    dependencies=[Depends(_require_proof_to_raise)],
    responses=refusals(
        *NOT_OWNED,
        rules.MemberNotFound,
        rules.LastOwner,
        proving.OwnerProofNeeded,
        *PROOF_REFUSALS,
    ),
)
async def set_role(ctx: Ctx, organisation_id: UserId, user_id: UserId, body: MemberUpdate) -> None:
    """Give a member another role.

    For owners; to make somebody an owner takes a proof of who you are. One owner is always left.
    """
    await service.set_role(ctx, organisation_id, user_id, body.role)


@router.delete(
    "/organisations/{organisation_id}/members/{user_id}",
    operation_id="members.delete",
    status_code=204,
    responses=refusals(*NOT_OWNED, rules.MemberNotFound, rules.LastOwner),
)
async def remove(ctx: Ctx, organisation_id: UserId, user_id: UserId) -> None:
    """Remove a member, or leave.

    For owners, and for whoever leaves. It counts at once. For 30 days more they cannot judge, or
    take part in, what is the organisation's. The last owner cannot leave.
    """
    await service.remove(ctx, organisation_id, user_id)


@router.post(
    "/organisations/{organisation_id}/invitations",
    operation_id="invitations.create",
    status_code=201,
    response_model=InvitationCreatedOut,
    dependencies=[guess_limit, Depends(_require_proof_to_invite), Once],
    responses=refusals(
        *NOT_OWNED,
        rules.TooManyInvitations,
        NoMail,
        proving.OwnerProofNeeded,
        *PROOF_REFUSALS,
        IdempotencyKeyReused,
    ),
)
async def invite(
    ctx: Ctx, server: Server, organisation_id: UserId, body: OrganisationInvitationCreate
) -> Invitation:
    """Invite somebody to act for an organisation.

    For owners; to invite an owner takes a proof of who you are. A code is mailed, good once within
    seven days, for the account whose proven address this is. The answer does not tell whether there
    is one. An earlier invitation to the same address ends.
    """
    post = post_of(server)
    return await inviting.invite(ctx, post, organisation_id, body.email, body.role)


@router.get(
    "/organisations/{organisation_id}/invitations",
    operation_id="invitations.list",
    responses=refusals(*NOT_OWNED),
)
async def list_invitations(ctx: Ctx, organisation_id: UserId) -> InvitationListOut:
    """List invitations.

    For owners: those that can still be accepted, newest first.
    """
    rows = await queries.list_invitations_for_owner(ctx.tx, ctx.actor.id, organisation_id, ctx.now)
    return InvitationListOut(items=[InvitationOut.model_validate(it) for it in rows])


@router.delete(
    "/organisations/{organisation_id}/invitations/{invitation_id}",
    operation_id="invitations.revoke",
    status_code=204,
    responses=refusals(*NOT_OWNED, rules.InvitationNotFound),
)
async def revoke(ctx: Ctx, organisation_id: UserId, invitation_id: InvitationId) -> None:
    """Revoke an invitation.

    For owners. Its code does nothing any more.
    """
    await inviting.revoke(ctx, organisation_id, invitation_id)


@router.post(
    "/users/me/organisations",
    operation_id="organisations.join",
    status_code=201,
    dependencies=[guess_limit, Once],
    responses=refusals(
        rules.InvitationUnknown,
        rules.InvitationEnded,
        rules.InvitationExpired,
        rules.InvitationForAnother,
        rules.AlreadyMember,
        rules.TooManyOrganisations,
        rules.TooManyMembers,
        rules.JoiningBlocked,
        TooManyTries,
        IdempotencyKeyReused,
    ),
)
async def accept(ctx: Ctx, body: InvitationAccept, response: Response) -> OrganisationOut:
    """Accept an invitation.

    For the user whose proven address the code was mailed to. Once.
    """
    organisation_id = await inviting.accept(ctx, body.code)
    response.headers["Location"] = f"/v1/organisations/{organisation_id}"
    found = await queries.get_for_member(ctx.tx, ctx.actor.id, organisation_id)
    return OrganisationOut.model_validate(found)
