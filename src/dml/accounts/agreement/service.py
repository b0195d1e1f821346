"""The use cases: accept an agreement, and refuse who has not what is asked of developers."""

from sqlalchemy.dialects.postgresql import insert

from dml.accounts.agreement import queries, rules
from dml.accounts.agreement.models import AgreementAcceptance, DeveloperAgreement
from dml.accounts.agreement.rules import Agreement, Demands
from dml.accounts.events import UserAgreementAccepted
from dml.core import events
from dml.core.context import Context


async def accept(ctx: Context, current: Agreement, version: str) -> AgreementAcceptance:
    """Keep that the actor accepted the current text, which must be of the version that they read.

    Again, it is the same acceptance.
    """
    if version != current.version:
        raise rules.AgreementNotCurrent(current=current.version)
    text = insert(DeveloperAgreement).values(
        sha256=current.sha256,
        version=current.version,
        title=current.title,
        text=current.text,
        created_at=ctx.now,
    )
    await ctx.tx.execute(text.on_conflict_do_nothing())
    accepted = insert(AgreementAcceptance).values(
        user_id=ctx.actor.person_id, sha256=current.sha256, accepted_at=ctx.now
    )
    added = accepted.on_conflict_do_nothing().returning(AgreementAcceptance.user_id)
    if await ctx.tx.scalar(added) is not None:
        event = UserAgreementAccepted(ctx.actor.person_id, current.version)
        await events.record(ctx, event, [events.user(ctx.actor.person_id)])
    return await ctx.tx.get_one(AgreementAcceptance, (ctx.actor.person_id, current.sha256))


async def require_met(ctx: Context, demands: Demands) -> None:
    """Refuse an actor who has not accepted the current agreement, or has no GitHub linked, where
    that is asked of developers: of whoever uploads in person, also for an organisation. What is on
    offer already stays so (docs/decisions/0060).
    """
    current = demands.agreement
    if demands.is_required:
        accepted_at = await queries.find_acceptance(ctx.tx, ctx.actor.person_id, current.sha256)
        if accepted_at is None:
            raise rules.AgreementNeeded(version=current.version)
    if demands.needs_github and not await queries.has_github(ctx.tx, ctx.actor.person_id):
        raise rules.GithubNeeded
