"""The one use case of an assignment that is not on the device path: its model."""

from dml.core.ids import AssignmentId
from dml.devices.tokens import DeviceContext
from dml.jobs import queries, rules
from dml.jobs.models import Job


async def get_job(device: DeviceContext, assignment_id: AssignmentId) -> Job:
    """Return the job of an assignment that this device holds just now, or refuse."""
    tx, device_id = device.ctx.tx, device.device.id
    if await queries.is_recalled(tx, assignment_id, device_id):
        raise rules.VersionRecalled
    job = await queries.find_job_held(tx, assignment_id, device_id)
    if job is not None:
        return job
    state = await queries.find_state(tx, assignment_id, device_id)
    if state is None:
        raise rules.AssignmentNotFound
    raise rules.LeaseOver(state=state)
