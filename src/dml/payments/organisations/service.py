"""The use cases: put tokens into an organisation, and take some out."""

from dataclasses import dataclass
from datetime import datetime

from dml.accounts.organisations import queries as organisations, rules as organisation_rules
from dml.core import events
from dml.core.context import Context
from dml.core.ids import TransferId, UserId, new_id
from dml.core.money import MicroTokens
from dml.payments import service as payments
from dml.payments.events import OrganisationContributed, OrganisationDistributed
from dml.payments.models import TransferCode
from dml.payments.rules import wallet


@dataclass(frozen=True, slots=True)
class Contribution:
    """What moved between an organisation and one of its members."""

    organisation_id: UserId
    reference: str
    amount: MicroTokens
    at: datetime


async def contribute(ctx: Context, organisation_id: UserId, amount: MicroTokens) -> Contribution:
    """Move tokens of the actor's to an organisation that they act for. It was proven who asks."""
    organisation, _ = await organisations.lock(ctx.tx, ctx.actor.id, organisation_id)
    organisation_rules.require_not_suspended(organisation)
    readers = [events.user(organisation_id), events.user(ctx.actor.id)]
    event = OrganisationContributed(organisation_id, ctx.actor.id, amount)
    await events.record(ctx, event, readers)
    made = Contribution(organisation_id, f"contribution:{TransferId(new_id())}", amount, ctx.now)
    await payments.transfer(
        ctx,
        code=TransferCode.CONTRIBUTION,
        reference=made.reference,
        source=wallet(ctx.actor.id),
        target=wallet(organisation_id),
        amount=amount,
    )
    return made


async def distribute(ctx: Context, organisation_id: UserId, amount: MicroTokens) -> Contribution:
    """Move tokens of an organisation to the actor, who owns it. It was proven who asks."""
    organisation, mine = await organisations.lock(ctx.tx, ctx.actor.id, organisation_id)
    organisation_rules.require_owner(mine)
    organisation_rules.require_not_suspended(organisation)
    readers = [events.user(organisation_id), events.user(ctx.actor.id)]
    event = OrganisationDistributed(organisation_id, ctx.actor.id, amount)
    await events.record(ctx, event, readers)
    made = Contribution(organisation_id, f"distribution:{TransferId(new_id())}", amount, ctx.now)
    await payments.transfer(
        ctx,
        code=TransferCode.DISTRIBUTION,
        reference=made.reference,
        source=wallet(organisation_id),
        target=wallet(ctx.actor.id),
        amount=amount,
    )
    return made
