"""Reading what leases may still cost an owner."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from dml.core.ids import UserId
from dml.devices.models import Device
from dml.jobs.models import Assignment, AssignmentState


async def sum_reserved(tx: AsyncSession, owner_id: UserId) -> int:
    """Return what the leases of an owner's devices took of the budget. O(their devices)."""
    theirs = select(Device.id).where(Device.owner_id == owner_id)
    query = select(func.sum(Assignment.charged)).where(
        Assignment.device_id.in_(theirs), Assignment.state == AssignmentState.LEASED
    )
    return int(await tx.scalar(query) or 0)
