"""What happens after a bounty has ended: paying whoever did not fit into its last transaction."""

from dml.bounties import escrow, lifecycle, queries
from dml.bounties.events import BountyCancelled, BountyEvent, BountyFinished
from dml.core import processes
from dml.core.context import Context
from dml.core.events import on
from dml.core.ids import BountyId, EnrollmentId
from dml.core.processes import Steps, process

__all__ = ["lifecycle"]  # Importing it registers its process.


@process("bounties.settle.v1")
async def pay_and_refund(steps: Steps, bounty_id: BountyId) -> str:
    """Pay the winners and give back the fees that are still owed, chunk by chunk."""
    paid, last = 0, await steps.change(pay_prizes, bounty_id, None)
    while last is not None:
        paid, last = paid + 1, await steps.change(pay_prizes, bounty_id, last)
    returned = 0
    while some := await steps.change(return_fees, bounty_id):
        returned += some
    return f"{paid} chunks of prizes, {returned} fees"


async def pay_prizes(
    ctx: Context, bounty_id: BountyId, after: EnrollmentId | None
) -> EnrollmentId | None:
    bounty = await queries.lock_bounty(ctx.tx, bounty_id)
    return await escrow.pay_prizes(ctx, bounty, after)


async def return_fees(ctx: Context, bounty_id: BountyId) -> int:
    bounty = await queries.lock_bounty(ctx.tx, bounty_id)
    return await escrow.return_fees(ctx, bounty)


@on(BountyFinished, BountyCancelled, name="bounties.settle_ended.v1")
async def settle_ended(ctx: Context, event: BountyEvent) -> None:
    await processes.start(ctx, f"bounty:{event.bounty_id}:settle", pay_and_refund, event.bounty_id)
