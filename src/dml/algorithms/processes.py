"""What happens to a version by itself: its file is checked, or given up after a while."""

import asyncio
import time
from typing import Any, Final

from dml.accounts import sandbox_time
from dml.algorithms import queries, rules, service
from dml.algorithms.models import Algorithm, VersionState
from dml.algorithms.rules import Finding
from dml.core import nodes, processes as core_processes, worker
from dml.core.context import Context
from dml.core.ids import VersionId
from dml.core.processes import CHECKS, LONG_CHECKS, StepFailed, Steps, process
from dml.inference import spec
from dml.inference.behaviour import Behaviour
from dml.inference.client import ChildFailed
from dml.inference.passport import Passport
from dml.inference.signature import Refused, Signature

PAUSE_SECONDS: Final = 1.0  # Before a second try, for a machine that ran out of memory.


@process("algorithms.check_quickly.v1", queue=CHECKS)
async def check_quickly(
    steps: Steps,
    version_id: VersionId,
    *,
    sha256: str,
    input_spec: dict[str, Any],
    label_count: int,
) -> str:
    """Try a version's file for some seconds; what needs more is checked again, with all its time.

    File, spec and labels never change, so they are told. Where we fail, the version ends with a
    reason that says so: its developer must not wait.
    """
    try:
        finding = await steps.call(inspect_quickly, sha256, input_spec, label_count)
    except StepFailed:
        finding = rules.CHECK_FAILED
    if sandbox_time.is_too_slow(finding.refusals):
        return await steps.change(give_time, version_id, finding, sha256, input_spec, label_count)
    return await steps.change(conclude_check, version_id, finding)


@process("algorithms.check.v1", queue=LONG_CHECKS)
async def check(
    steps: Steps,
    version_id: VersionId,
    *,
    sha256: str,
    input_spec: dict[str, Any],
    label_count: int,
) -> str:
    """Try a version's file in the sandbox, with all the time that a file may have."""
    try:
        finding = await steps.call(inspect, sha256, input_spec, label_count)
        return await steps.change(conclude_check, version_id, finding)
    except StepFailed:
        return await steps.change(conclude_check, version_id, rules.CHECK_FAILED)


@process("algorithms.give_up.v1")
async def give_up(steps: Steps, version_id: VersionId, attempt: int = 0) -> VersionState:
    """End a version that no worker could check in time."""
    return await steps.change(fail_late, version_id, attempt)


def check_id(version_id: VersionId) -> str:
    return f"check:{version_id}"


async def inspect(sha256: str, input_spec: dict[str, Any], label_count: int) -> Finding:
    """Say what the file holds or why it is refused; raises where the platform is at fault."""
    return await _inspect(sha256, input_spec, label_count, seconds=None)


async def inspect_quickly(sha256: str, input_spec: dict[str, Any], label_count: int) -> Finding:
    """As `inspect`, but refuse as too slow what takes more than some seconds."""
    return await _inspect(sha256, input_spec, label_count, seconds=sandbox_time.QUICK_SECONDS)


async def give_time(
    ctx: Context,
    version_id: VersionId,
    finding: Finding,
    sha256: str,
    input_spec: dict[str, Any],
    label_count: int,
) -> str:
    """Have a file checked once more, with all the time that it may have."""
    version = await queries.lock_version(ctx.tx, version_id)
    if version.state is not VersionState.UPLOADED:
        return version.state
    algorithm = await ctx.tx.get_one(Algorithm, version.algorithm_id)
    await sandbox_time.charge(ctx, algorithm.developer_id, finding.seconds)
    turn = await sandbox_time.take_turn(ctx, algorithm.developer_id)
    facts: dict[str, Any] = {
        "sha256": sha256,
        "input_spec": input_spec,
        "label_count": label_count,
    }
    long = f"{check_id(version_id)}:long"
    await core_processes.in_turn(ctx, turn, long, check, version_id, **facts)
    return "takes long"


async def conclude_check(ctx: Context, version_id: VersionId, finding: Finding) -> VersionState:
    """Let a version pass its check, or refuse it, and charge its developer for the time."""
    version = await queries.lock_version(ctx.tx, version_id)
    if version.state is VersionState.UPLOADED:
        algorithm = await ctx.tx.get_one(Algorithm, version.algorithm_id)
        developer, seconds = algorithm.developer_id, finding.seconds
        await sandbox_time.charge(ctx, developer, seconds, finding.refusals)
    return await service.conclude_check(ctx, version_id, finding)


async def fail_late(ctx: Context, version_id: VersionId, attempt: int) -> VersionState:
    """Refuse a version by our own fault, or look again later where it only waits for its turn."""
    version = await queries.lock_version(ctx.tx, version_id)
    if version.state is not VersionState.UPLOADED:
        return version.state
    checks = check_id(version_id), f"{check_id(version_id)}:long"
    waits = [await core_processes.is_waiting(ctx, it) for it in checks]
    if any(waits) and await nodes.alive(ctx.tx, "worker"):
        late, name = ctx.now + rules.CHECK_WITHIN, f"give-up:{version_id}:{attempt + 1}"
        await core_processes.at(ctx, late, name, give_up, version_id, attempt + 1)
        return version.state
    return await conclude_check(ctx, version_id, rules.CHECK_FAILED)


async def _inspect(
    sha256: str, input_spec: dict[str, Any], label_count: int, *, seconds: float | None
) -> Finding:
    parts, parsed_spec = worker.parts(), spec.read(input_spec)
    async with parts.checking:
        model, began = await parts.blobs.view(sha256), time.perf_counter()

        def took() -> float:
            return time.perf_counter() - began

        def check() -> tuple[Signature, Passport | None, Behaviour | None]:
            signature, passport = parts.sandbox.examine(
                model, parsed_spec, label_count, seconds=seconds
            )
            return signature, passport, parts.sandbox.probe(model, parsed_spec, label_count)

        try:
            try:
                signature, passport, behaviour = await asyncio.to_thread(check)
            except ChildFailed:  # Once it may be the machine's fault.
                await asyncio.sleep(PAUSE_SECONDS)
                signature, passport, behaviour = await asyncio.to_thread(check)
        except ChildFailed as failure:
            reasons = [dict(zip(("code", "detail"), failure.reason, strict=True))]
            return Finding(None, rules.storable(reasons), took())
        except Refused as refused:
            reasons = [{"code": code, "detail": detail} for code, detail in refused.reasons]
            return Finding(None, rules.storable(reasons), took())
    measured = None if passport is None else rules.storable(passport.to_dict())
    answered = None if behaviour is None else rules.storable(behaviour.to_dict())
    return Finding(rules.storable(signature.to_dict()), [], took(), measured, answered)
