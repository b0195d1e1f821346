"""What happens to a version by itself: its file is checked, or given up after a while."""

import asyncio
from typing import Any, Final

from dml.algorithms import rules, service
from dml.algorithms.models import VersionState
from dml.algorithms.rules import Finding
from dml.core.ids import VersionId
from dml.core.processes import SLOW_QUEUE, StepFailed, Steps, process
from dml.edge import worker
from dml.inference import spec
from dml.inference.signature import Refused

# A sandbox takes one model after the other. Who waits for it holds neither a file in memory nor
# one of the few threads.
_turn: Final = asyncio.Lock()


@process("algorithms.check.v1", queue=SLOW_QUEUE)
async def check(
    steps: Steps,
    version_id: VersionId,
    *,
    sha256: str,
    input_spec: dict[str, Any],
    label_count: int,
) -> str:
    """Try a version's file in the sandbox. File, spec and labels never change, so they are told.

    Where we fail, the version ends with a reason that says so: its developer must not wait.
    """
    try:
        finding = await steps.call(inspect, sha256, input_spec, label_count)
        return await steps.change(service.conclude_check, version_id, finding)
    except StepFailed:
        return await steps.change(service.conclude_check, version_id, rules.CHECK_FAILED)


@process("algorithms.give_up.v1")
async def give_up(steps: Steps, version_id: VersionId) -> VersionState:
    """End a version that no worker could check in time."""
    return await steps.change(service.conclude_check, version_id, rules.CHECK_FAILED)


async def inspect(sha256: str, input_spec: dict[str, Any], label_count: int) -> Finding:
    """Say what the file holds or why it is refused; raises where the platform is at fault."""
    parts, wanted = worker.parts(), spec.read(input_spec)
    async with _turn:
        model = await parts.blobs.get(sha256)
        try:
            signature = await asyncio.to_thread(parts.sandbox.check, model, wanted, label_count)
        except Refused as refused:
            reasons = [{"code": code, "detail": detail} for code, detail in refused.reasons]
            return Finding(None, rules.storable(reasons))
    return Finding(rules.storable(signature.to_dict()), [])
